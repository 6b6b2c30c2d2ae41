"""Uri parameters: equality of the whole URI, or a path above or below it; a canonical may name its version behind "|".

https://hl7.org/fhir/R4/search.html#uri

`:below` finds the URL itself and what continues it after a slash, `:above` the URL and what is left when path segments
are taken from its end. Both are for URLs, not for URNs. `url` of a definition such as ValueSet with "|version" asks for
that version of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, FromClause, and_, false, func, literal_column, or_

from fhir_server.storage.fold import PREFIX_LENGTH
from fhir_server.storage.schema import prefix_of
from fhir_server.storage.search.arrays import in_array
from fhir_server.storage.search.escape import unescape
from fhir_server.storage.search.kind import Context, Marks, column, equals, halves, wrong
from fhir_server.storage.search.operand import Operand
from fhir_server.storage.search.string import following
from fhir_server.storage.targets import SearchTarget

if TYPE_CHECKING:
    from fhir_server.storage.search.scope import Scope

MODIFIERS = frozenset({"above", "below"})
NEGATIVE: frozenset[str] = frozenset()
_LONGEST = 2_000
_MOST_SEGMENTS = 100


@dataclass(frozen=True, slots=True)
class _Form:
    """The shape of a URI.

    way        "equal", "above" or "below"
    versioned  "|version" follows; data ends in the version then
    length     below: the number of characters to compare when they are more than an index holds, else 0
    """

    way: str
    versioned: bool
    length: int = 0


def parse(text: str, modifier: str, context: Context) -> Operand:  # noqa: ARG001
    """Return the URI of a value."""
    whole = unescape(text)
    url, _, version = whole.rpartition("|")
    if not url or not version:
        url, version = whole.removesuffix("|") or whole, ""
    if len(whole) > _LONGEST:
        raise wrong(f"A URI to search for can have {_LONGEST} characters at most.")
    last = (version,) if version else ()
    if not modifier:
        return Operand(_Form("equal", bool(version)), (*halves(url), *(halves(whole) if version else ()), *last))
    if "://" not in url:
        raise wrong("The modifiers :above and :below take a URL with its scheme, such as http://example.org/fhir.")
    if modifier == "above":
        found = _above(url)
        return Operand(_Form("above", bool(version)), (found, tuple(each[:PREFIX_LENGTH] for each in found), *last))
    inside = url if url.endswith("/") else f"{url}/"
    start = inside[:PREFIX_LENGTH]
    end = following(start) or start
    long = (inside,) if len(inside) > PREFIX_LENGTH else ()
    length = len(inside) if long else 0
    return Operand(_Form("below", bool(version), length), (*halves(url), start, end, *long, *last))


def condition(
    operand: Operand, marks: Marks, target: SearchTarget, table: FromClause, scope: Scope
) -> ColumnElement[bool]:
    """Return when a row holds the URI, or one above or below it."""
    form = operand.shape
    if not isinstance(form, _Form) or "value" not in target.columns:
        return false()
    found = _WAYS[form.way](form, marks, target, table, scope)
    if not form.versioned:
        return found
    version = _version(target, table, scope)
    if version is not None:
        return and_(found, version == marks[-1])
    # A URI that is no canonical: the bar belongs to it.
    return equals(target, table, "value", marks[2], marks[3]) if form.way == "equal" else false()


def _above(url: str) -> tuple[str, ...]:
    """Return `url` and every URL that is left when path segments are taken away, each with and without a slash."""
    scheme, _, rest = url.partition("://")
    host, *segments = rest.partition("?")[0].partition("#")[0].rstrip("/").split("/")
    if len(segments) > _MOST_SEGMENTS:
        raise wrong(f"A URL for :above can have {_MOST_SEGMENTS} segments at most.")
    paths = ("/".join((host, *segments[:count])) for count in range(len(segments) + 1))
    found = [f"{scheme}://{path}{slash}" for path in paths for slash in ("", "/")]
    return tuple(dict.fromkeys((*(each for each in found if len(each) <= len(url)), url)))


def _equal(form: _Form, marks: Marks, target: SearchTarget, table: FromClause, scope: Scope) -> ColumnElement[bool]:  # noqa: ARG001
    return equals(target, table, "value", marks[0], marks[1])


def _is_above(form: _Form, marks: Marks, target: SearchTarget, table: FromClause, scope: Scope) -> ColumnElement[bool]:  # noqa: ARG001
    stored, dialect = column(target, table, "value"), scope.parts.schema.dialect_name
    return and_(in_array(prefix_of(stored), marks[1], dialect), in_array(stored, marks[0], dialect))


def _is_below(form: _Form, marks: Marks, target: SearchTarget, table: FromClause, scope: Scope) -> ColumnElement[bool]:  # noqa: ARG001
    stored = column(target, table, "value")
    part = prefix_of(stored)
    inside = [part >= marks[2], part < marks[3]]
    if form.length:
        begin: ColumnElement[Any] = func.substr(stored, literal_column("1"), literal_column(str(form.length)))
        inside.append(begin == marks[4])
    return or_(equals(target, table, "value", marks[0], marks[1]), and_(*inside))


_WAYS = {"equal": _equal, "above": _is_above, "below": _is_below}


def _version(target: SearchTarget, table: FromClause, scope: Scope) -> ColumnElement[Any] | None:
    """Return the column with the version of what the URI names, None where a URI has no version."""
    if "version" in target.columns:
        return column(target, table, "version")
    if target.code != "url" or not target.is_main or scope.type is None:
        return None
    for other in scope.parts.schema.targets(scope.type, "version"):
        if other.table == target.table and "value" in other.columns:
            return column(other, table, "value")
    return None
