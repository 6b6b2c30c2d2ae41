"""All checks, group by group, in the order in which they run; a new group gets its line here.

https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

from conformance.check import Group
from conformance.checks import (
    batch,
    binary,
    capabilities,
    conditional,
    content,
    create,
    delete,
    errors,
    fidelity,
    formats,
    headers,
    history,
    operations,
    ordering,
    patch,
    read,
    references,
    search,
    searchset,
    security,
    summary,
    transaction,
    update,
)

GROUPS: tuple[Group, ...] = (
    capabilities.GROUP,
    read.GROUP,
    create.GROUP,
    update.GROUP,
    delete.GROUP,
    history.GROUP,
    conditional.GROUP,
    patch.GROUP,
    batch.GROUP,
    transaction.GROUP,
    ordering.GROUP,
    references.GROUP,
    headers.GROUP,
    formats.GROUP,
    fidelity.GROUP,
    binary.GROUP,
    summary.GROUP,
    search.GROUP,
    searchset.GROUP,
    errors.GROUP,
    content.GROUP,
    operations.GROUP,
    security.GROUP,
)
