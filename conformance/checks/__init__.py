"""All checks, group by group, in the order in which they run.

https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

from conformance.check import Group
from conformance.checks import (
    batch,
    capabilities,
    conditional,
    create,
    delete,
    errors,
    fidelity,
    formats,
    headers,
    history,
    operations,
    patch,
    read,
    references,
    search,
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
    references.GROUP,
    headers.GROUP,
    formats.GROUP,
    fidelity.GROUP,
    summary.GROUP,
    search.GROUP,
    errors.GROUP,
    operations.GROUP,
    security.GROUP,
)
