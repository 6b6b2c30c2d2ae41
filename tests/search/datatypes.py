"""What a search sees of one element and how it compares it: texts, tokens, moments, amounts.

https://hl7.org/fhir/R4/search.html#ptypes

The part of the oracle that knows datatypes.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from fhir_server.fhirpath import Node

Token = tuple[str | None, str | None]
End = tuple[Any, int]
Amount = tuple[End, End, dict[str, Any]]
_PARTS = {
    "HumanName": ("text", "family", "given", "prefix", "suffix"),
    "Address": ("text", "line", "city", "district", "state", "postalCode", "country"),
}
_FORMATS = {4: "%Y", 7: "%Y-%m", 10: "%Y-%m-%d", 16: "%Y-%m-%dT%H:%M", 19: "%Y-%m-%dT%H:%M:%S"}
_WIDTHS = {10: timedelta(days=1), 16: timedelta(minutes=1), 19: timedelta(seconds=1)}
_SORTED = 200  # characters by which texts are sorted; R4 leaves it to the server what is a reasonable order
_NO_LEAST, _NO_GREATEST = (-math.inf, 0), (math.inf, 0)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
UCUM = "http://unitsofmeasure.org"
UNITS = {  # unit -> (dimension, size)
    "ug": ("g", Fraction(1, 10**6)), "mg": ("g", Fraction(1, 1000)), "g": ("g", Fraction(1)),
    "kg": ("g", Fraction(1000)), "[lb_av]": ("g", Fraction("453.59237")),
    "s": ("s", Fraction(1)), "min": ("s", Fraction(60)), "h": ("s", Fraction(3600)), "d": ("s", Fraction(86400)),
}  # fmt: skip
SPECIAL_VALUES = "http://terminology.hl7.org/CodeSystem/special-values"
PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")


def split(text: str, separator: str) -> list[str]:
    r"""Return the parts of a value between separators without a backslash before them; escapes stay in the parts."""
    return re.sub(rf"(\\.)|{re.escape(separator)}", lambda found: found[1] or "\0", text, flags=re.S).split("\0")


def unescape(text: str) -> str:
    r"""Take the backslash away from `\,` `\|` `\$` `\\`."""
    return re.sub(r"\\([,|$\\])", r"\1", text)


def prefixed(text: str) -> tuple[str, str]:
    """Return (prefix, rest)."""
    return (text[:2], text[2:]) if text[:2] in PREFIXES else ("eq", text)


def fold(text: str) -> str:
    """Return text without case and accents."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(char for char in plain if not unicodedata.combining(char))


def texts(node: Node) -> Iterator[str]:
    """Yield what a string parameter compares: a string, or every string of a name or address."""
    for part in _PARTS.get(node.type, ()):
        found = node.value.get(part, [])
        yield from [found] if isinstance(found, str) else found
    if isinstance(node.value, str):
        yield node.value


def tokens(node: Any) -> Iterator[Token]:
    """Yield (system, code) of a coded element, identifier, contact point or primitive."""
    value = node.value if isinstance(node, Node) else node
    if isinstance(value, bool):
        yield None, str(value).lower()
    elif isinstance(value, str):
        yield None, value
    elif node.type == "CodeableConcept":
        yield from ((each.get("system"), each.get("code")) for each in value.get("coding", ()))
    elif node.type == "ContactPoint":
        yield value.get("use"), contact(value.get("value", ""))
    else:
        yield value.get("system"), value.get("code" if node.type == "Coding" else "value")


def contact(text: str) -> str:
    """Return a phone number without punctuation, any other contact without case: what a server may ignore."""
    return re.sub(r"[^+\d]", "", text) if re.search(r"\d", text) and "@" not in text else fold(text)


def labels(node: Any) -> Iterator[str]:
    """Yield what :text looks at."""
    if node.type == "CodeableConcept":
        yield from (text for each in (node.value, *node.value.get("coding", ())) for text in _label(each))
    elif node.type in ("Coding", "Identifier"):
        yield from _label(node.value if node.type == "Coding" else {"text": node.value.get("type", {}).get("text")})


def _label(value: dict[str, Any]) -> list[str]:
    return [value[key] for key in ("text", "display") if value.get(key)]


def span(text: str) -> tuple[datetime, datetime]:
    """Return the first moment of a date of any precision, and the first after it; without zone it is UTC."""
    shape = re.fullmatch(r"([\d-]+(?:T[\d:]+)?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?", text)
    assert shape is not None, text
    body, fraction, zone = shape.groups()
    if zone is None and len(body) > 10 and len(body) not in _FORMATS:  # the zone was taken for a part of the time
        body, zone = body[:-6], body[-6:]
    start = datetime.strptime(body + (zone or "Z"), _FORMATS[len(body)] + "%z").astimezone(UTC)
    if fraction:
        start += timedelta(microseconds=int(fraction.ljust(6, "0")[:6]))
        return start, start + timedelta(microseconds=10 ** (6 - min(6, len(fraction))))
    if len(body) == 4:
        return start, start.replace(year=start.year + 1)
    if len(body) == 7:
        return start, (start + timedelta(days=31)).replace(day=1)
    return start, start + _WIDTHS[len(body)]


def moments(node: Node) -> tuple[datetime, datetime] | None:
    """Return the half-open interval of a date, Period or Timing; an instant is a point, a missing end is open."""
    value = node.value
    if node.type == "instant":
        return span(value)[0], span(value)[0] + timedelta(microseconds=1)
    if isinstance(value, str):
        return span(value)
    if node.type == "Timing":
        bounds = value.get("repeat", {}).get("boundsPeriod")
        found = [span(event) for event in value.get("event", ())]
        found += [limits for limits in [moments(Node(bounds or {}, "Period"))] if limits]
        return (min(start for start, _ in found), max(end for _, end in found)) if found else None
    start, end = value.get("start"), value.get("end")
    return (span(start)[0] if start else _FIRST, span(end)[1] if end else _LAST) if start or end else None


def digits(text: str) -> tuple[Fraction, Fraction]:
    """Return a number and half of the unit of its last digit: 100 and 0.5, 1.00 and 0.005, 1e2 and 50."""
    return Fraction(text), Fraction(10) ** int(Decimal(text).as_tuple().exponent) / 2


def amounts(node: Node) -> Iterator[Amount]:
    """Yield (lowest, highest, unit) of a number, Quantity, Money, Range or SampledData.

    An end is (number, side): side 1 lies just above the number, -1 just below it, where a comparator leaves it out.
    """
    value: Any = node.value
    if node.type == "Range":
        low, high = value.get("low", {}), value.get("high", {})
        if "value" in low or "value" in high:
            bottom = (Fraction(low["value"]), 0) if "value" in low else _NO_LEAST
            yield bottom, (Fraction(high["value"]), 0) if "value" in high else _NO_GREATEST, low or high
    elif node.type == "SampledData":
        start, factor = Fraction(value["origin"].get("value", 0)), Fraction(value.get("factor", 1))
        found = [start + factor * Fraction(word) for word in value.get("data", "").split() if word not in "ELU"]
        if found:
            yield (min(found), 0), (max(found), 0), value["origin"]
    elif not isinstance(value, dict):
        yield (Fraction(value), 0), (Fraction(value), 0), {}
    elif "value" in value:
        number, sign = Fraction(value["value"]), value.get("comparator", "")
        bottom = _NO_LEAST if "<" in sign else (number, 1 if sign == ">" else 0)
        yield bottom, _NO_GREATEST if ">" in sign else (number, -1 if sign == "<" else 0), value


def compare_moments(prefix: str, value: tuple[datetime, datetime], target: tuple[datetime, datetime]) -> bool:
    """Compare half-open intervals as the table of prefixes says; above and below mean outside the whole value."""
    contained = value[0] <= target[0] and target[1] <= value[1]
    above, below = target[1] > value[1], target[0] < value[0]
    results = {"eq": contained, "ne": not contained, "gt": above, "lt": below}
    results |= {"ge": above or contained, "le": below or contained}
    results |= {"sa": target[0] >= value[1], "eb": target[1] <= value[0]}
    return results.get(prefix, target[0] < value[1] and value[0] < target[1])


def compare_numbers(prefix: str, number: Fraction, half: Fraction, low: End, high: End) -> bool:
    """Compare an amount with a number: eq and ne by its digits, ap within 10 %, the others exactly."""
    contained = (number - half, 0) <= low and high < (number + half, 0)
    exactly, margin = (number, 0), abs(number) / 10
    results = {"eq": contained, "ne": not contained, "gt": high > exactly, "lt": low < exactly}
    results |= {"ge": high >= exactly, "le": low <= exactly, "sa": low > exactly, "eb": high < exactly}
    return results.get(prefix, low <= (number + margin, 0) and high >= (number - margin, 0))


def same_token(parts: Sequence[str], token: Token, implied: set[str]) -> bool:
    """Compare `code`, `system|code`, `|code`, `system|` with a token; codes of an element may imply their system."""
    if parts[-1] not in ("", token[1]):
        return False
    if len(parts) == 1:
        return True
    return (token[0] is None and not implied) if not parts[0] else parts[0] == token[0] or parts[0] in implied


def sort_keys(kind: str, node: Any) -> list[Any]:
    """Return by what an element is sorted under a parameter of a type: a list, empty where it has no value."""
    if kind == "date":
        return [found[0] for found in [moments(node)] if found]
    if kind in ("number", "quantity"):
        return [low for low, _, _ in amounts(node)]
    if kind == "string" or (isinstance(node, Node) and node.type == "string"):
        return [fold(text)[:_SORTED] for text in texts(node)]
    return [code for _, code in tokens(node) if code] if kind == "token" else [str(node.value)]


def stands_before(left: Sequence[Any], right: Sequence[Any], keys: Sequence[str]) -> bool:
    """Say whether `left` must stand before `right`."""
    for one, other, key in zip(left, right, keys, strict=True):
        if one != other:
            if one is None or other is None:
                return other is None
            return bool(one > other if key.startswith("-") else one < other)
    return False
