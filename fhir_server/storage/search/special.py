"""Parameters that are no plain comparison: each is answered by a module of its own.

https://hl7.org/fhir/R4/search.html#all
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fhir_server.storage.search.filter import filtering
from fhir_server.storage.search.listed import listed
from fhir_server.storage.search.near import near
from fhir_server.storage.search.node import Node
from fhir_server.storage.search.text import asked

if TYPE_CHECKING:
    from fhir_server.storage.search.names import Names

Special = Callable[["Names", str | None, str, int], Callable[[str], Node]]
"""special(names, resource type, modifier, depth) gives what makes the node of a value; raises UnsupportedParameter."""

SPECIAL: dict[str, Special] = {
    "near": near,
    "_list": listed,
    "_filter": filtering,
    "_text": asked("_text"),
    "_content": asked("_content"),
}
"""By the name of the parameter."""
