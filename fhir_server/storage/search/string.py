"""String parameters: the beginning of a text, without case and accents; `:exact` and `:contains`.

https://hl7.org/fhir/R4/search.html#string
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, FromClause, and_, false, func

from fhir_server.storage.fold import PREFIX_LENGTH, fold
from fhir_server.storage.schema import prefix_of
from fhir_server.storage.search.escape import unescape
from fhir_server.storage.search.kind import Context, Marks, column, wrong
from fhir_server.storage.search.operand import Operand
from fhir_server.storage.targets import SearchTarget

if TYPE_CHECKING:
    from fhir_server.storage.search.scope import Scope

MODIFIERS = frozenset({"exact", "contains"})
NEGATIVE: frozenset[str] = frozenset()
_SHORTEST_CONTAINS = 2
_LONGEST = 1_000  # characters of a text that is looked for
_SURROGATES = (0xD800, 0xE000)
_LAST = 0x10FFFF


def parse(text: str, modifier: str, context: Context) -> Operand:  # noqa: ARG001
    """Return the text of a string value; the shape names how it is compared."""
    written = unescape(text)
    folded = fold(written)
    if len(written) > _LONGEST:
        raise wrong(f"A text to search for can have {_LONGEST} characters at most.")
    if modifier == "exact":
        return Operand("exact", (written, folded[:PREFIX_LENGTH]))
    if modifier == "contains":
        if len(folded) < _SHORTEST_CONTAINS:
            raise wrong("A text for :contains needs two characters at least.")
        return Operand("contains", (like(folded), written))
    if not folded:
        return Operand("nothing")  # nothing is left of the value: it names no text
    head = folded[:PREFIX_LENGTH]
    above = following(head)
    shape = ("begins", above is not None, len(folded) if len(folded) > PREFIX_LENGTH else 0)
    long = (folded,) if shape[2] else ()
    return Operand(shape, (written, head, *((above,) if above is not None else ()), *long))


def condition(
    operand: Operand,
    marks: Marks,
    target: SearchTarget,
    table: FromClause,
    scope: Scope,  # noqa: ARG001
) -> ColumnElement[bool]:
    """Return when a row matches the text."""
    if operand.shape == "nothing":
        return false()
    if "folded" not in target.columns:
        return column(target, table, "value") == marks[1 if operand.shape == "contains" else 0]
    folded = column(target, table, "folded")
    if operand.shape == "contains":
        return folded.like(marks[0], escape="\\")
    if operand.shape == "exact":
        whole = column(target, table, "value") == marks[0]
        return and_(prefix_of(folded) == marks[1], whole) if target.prefix else whole
    return _begins(folded, operand.shape, marks[1:])


def _begins(folded: ColumnElement[Any], shape: Any, marks: Marks) -> ColumnElement[bool]:
    """Return when a folded column begins with a text, as a range of the index."""
    part = prefix_of(folded)
    _, bounded, length = shape
    conditions = [part >= marks[0]]
    if bounded:
        conditions.append(part < marks[1])
    if length:
        conditions.append(func.substr(folded, 1, length) == marks[-1])
    return and_(*conditions)


def like(text: str) -> str:
    r"""Return the LIKE pattern for texts that contain `text`; `%`, `_` and `\` stand for themselves."""
    return "%" + text.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_") + "%"


def following(text: str) -> str | None:
    """Return the least text that is greater than every text that begins with `text`; None when there is none."""
    for position in range(len(text) - 1, -1, -1):
        code = ord(text[position]) + 1
        if _SURROGATES[0] <= code < _SURROGATES[1]:
            code = _SURROGATES[1]
        if code <= _LAST:
            return text[:position] + chr(code)
    return None
