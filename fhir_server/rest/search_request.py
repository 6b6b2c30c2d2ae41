"""The parameters of a search, told apart: criteria, paging, order, form of the answer.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from fhir_server.errors import BadRequest, Issue, UnsupportedMediaType
from fhir_server.formats.negotiate import body_format
from fhir_server.rest.change import ANSWER_PARAMETERS
from fhir_server.rest.headers import preferences
from fhir_server.rest.message import Request
from fhir_server.rest.paging import EXPLAIN, PAGE
from fhir_server.rest.url import Query, query_of
from fhir_server.storage.model import SearchRequest

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint

FORM: Final = "application/x-www-form-urlencoded"
# Parameters that shape the result; with those that shape the answer they are no criteria.
CONTAINED_PARAMETERS: Final = ("_contained", "_containedType")
RESULT_PARAMETERS: Final = ("_sort", "_count", "_total", "_include", "_revinclude", *CONTAINED_PARAMETERS)
_SINGLE = frozenset(("_sort", "_count", "_total", EXPLAIN, *CONTAINED_PARAMETERS)) | ANSWER_PARAMETERS
_INCLUDES = frozenset(("_include", "_revinclude"))
_HARMLESS = re.compile(r"[A-Za-z0-9_:.=-]{1,80}")
_TOTALS = frozenset(("none", "estimate", "accurate"))


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A search, understood.

    criteria  (name with modifier, value), those the server knows
    count     resources per page; 0 for the total alone
    sort      sort keys
    includes  (name with modifier, value) of _include and _revinclude
    total     "none", "estimate", "accurate", or "" where the client does not say
    explain   the plan of the search is wanted, not its answer
    contained "false", "true" or "both": whether contained resources are searched
    alone     they are returned themselves, not what contains them
    remarks   what was left out, where the client is lenient
    used      the query as it was carried out: the self link
    """

    criteria: tuple[tuple[str, str], ...]
    count: int
    sort: tuple[str, ...]
    includes: tuple[tuple[str, str], ...]
    total: str
    explain: bool
    contained: Literal["false", "true", "both"]
    alone: bool
    remarks: tuple[Issue, ...]
    used: Query


def posted(body: bytes, content_type: str | None, limit: int) -> Query:
    """Return the parameters in the form that a search by POST carries.

    limit  most parameters that are accepted
    Raises UnsupportedMediaType, BadRequest, TooCostly.
    """
    if body_format(content_type) != "form":
        raise UnsupportedMediaType(f"A search by POST carries its parameters as {FORM}.")
    try:
        return query_of(body.decode(), limit)
    except UnicodeDecodeError:
        raise BadRequest("The form is not UTF-8.", code="structure") from None


def understood(endpoint: Endpoint, request: Request, resource_type: str, query: Query) -> SearchQuery:
    """Return the search in `query` of a type, "" for all types.

    What the store cannot answer stays in it, for the store to refuse, unless the client prefers handling=lenient.
    Raises BadRequest for values that cannot be.
    """
    single = _single(query)
    query = _without_empty(endpoint, resource_type, query)
    criteria = tuple(pair for pair in query if _role(pair[0]) == "criterion")
    includes = tuple(pair for pair in query if _role(pair[0]) == "include")
    sort = _sort(single)
    missing: frozenset[str] = frozenset()
    if preferences(request.headers.get("prefer") or "").lenient:
        asked = SearchRequest(resource_type or None, criteria, sort=sort, includes=includes)
        missing = frozenset(endpoint.store.unsupported(asked))
    total = single.get("_total", "")
    if "_total" in single and total not in _TOTALS:
        raise BadRequest("_total must be none, estimate or accurate.", code="value")
    if includes and request.form.summary == "text":
        raise BadRequest("_include and _revinclude cannot be used together with _summary=text.")
    counting = request.form.summary == "count"
    size = endpoint.page_size(single.get("_count"))
    kept = tuple(key for key in sort if f"_sort={key}" not in missing)
    return SearchQuery(
        tuple(pair for pair in criteria if pair[0] not in missing),
        0 if counting else size,
        kept,
        tuple(pair for pair in includes if "=".join(pair) not in missing),
        "accurate" if counting else total,
        _explain(single.get(EXPLAIN)),
        _contained(single.get("_contained")),
        _alone(single.get("_containedType")),
        tuple(_left_out(name) for name in sorted(missing)),
        [pair for pair in (_used(pair, missing, kept, size) for pair in query) if pair is not None],
    )


def _without_empty(endpoint: Endpoint, resource_type: str, query: Query) -> Query:
    """Return the query without criteria that have no value: they are no error and ask nothing.

    https://hl7.org/fhir/R4/search.html#errors. What is not known stays, to be refused or named.
    """
    empty = tuple(pair for pair in query if not pair[1] and _role(pair[0]) == "criterion")
    if not empty:
        return query
    unknown = frozenset(endpoint.store.unsupported(SearchRequest(resource_type or None, empty)))
    return [pair for pair in query if pair not in empty or pair[0] in unknown]


def _role(name: str) -> str:
    if name in _SINGLE or name == PAGE:
        return "form"
    return "include" if name.partition(":")[0] in _INCLUDES else "criterion"


def _single(query: Query) -> dict[str, str]:
    """Return the parameters that can be given once. Raises BadRequest for one that is repeated."""
    single: dict[str, str] = {}
    for name, value in query:
        if name in _SINGLE:
            if name in single:
                raise BadRequest(f"{name} must be given once.", code="value")
            single[name] = value
    return single


def _sort(single: Mapping[str, str]) -> tuple[str, ...]:
    if "_sort" not in single:
        return ()
    keys = tuple(key.strip() for key in single["_sort"].split(","))
    if not all(key.removeprefix("-") for key in keys):
        raise BadRequest("_sort has an empty key. It is written as _sort=key,-key.", code="value")
    return keys


def _explain(text: str | None) -> bool:
    if text not in (None, "true", "false"):
        raise BadRequest(f"{EXPLAIN} must be true or false.", code="value")
    return text == "true"


def _contained(text: str | None) -> Literal["false", "true", "both"]:
    if text in (None, "false"):
        return "false"
    if text == "true":
        return "true"
    if text != "both":
        raise BadRequest("_contained must be true, false or both.", code="value")
    return "both"


def _alone(text: str | None) -> bool:
    if text not in (None, "container", "contained"):
        raise BadRequest("_containedType must be container or contained.", code="value")
    return text == "contained"


def _used(pair: tuple[str, str], missing: Set[str], sort: Sequence[str], count: int) -> tuple[str, str] | None:
    """Return a parameter as it was used, None where it was left out."""
    name, _ = pair
    if name == "_sort":
        return (name, ",".join(sort)) if sort else None
    if name == "_count":
        return name, str(count)
    left_out = "=".join(pair) if _role(name) == "include" else name
    return None if left_out in missing else pair


def _left_out(name: str) -> Issue:
    shown = f" {name}" if _HARMLESS.fullmatch(name) else ""
    return Issue("warning", "not-supported", f"The parameter{shown} is not supported here; it was left out.")


def page_size(text: str | None, default: int, most: int) -> int:
    """Return the number of resources on a page: what `_count` asks for, clamped. Raises BadRequest."""
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()):
        raise BadRequest("_count must be a whole number, 0 or more.", code="value")
    return min(int(text[:9]), most)
