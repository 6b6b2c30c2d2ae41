"""A naive reading of `_filter`: trees of comparisons, evaluated on documents in memory.

https://hl7.org/fhir/R4/search_filter.html

Written from the specification. Trees are drawn by Hypothesis, told as text for the server and evaluated here.
"""

from __future__ import annotations

import json
import operator
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

Document = dict[str, Any]
LOINC, LOCAL = "http://loinc.org", "http://local"


def _concepts(*concepts: Document) -> list[tuple[str | None, str]]:
    return [(each.get("system"), each["code"]) for concept in concepts for each in concept.get("coding", ())]


def _parts(document: Document) -> list[str]:
    found: list[str] = []
    for name in document.get("name", ()):
        found += [
            *name.get("given", ()),
            *name.get("prefix", ()),
            *filter(None, (name.get("family"), name.get("text"))),
        ]
    return found


def _families(document: Document) -> list[str]:
    return [name["family"] for name in document.get("name", ()) if "family" in name]


def _effective(document: Document) -> list[tuple[datetime, datetime]]:
    if "effectivePeriod" in document:
        period = document["effectivePeriod"]
        return [(span(period["start"])[0], span(period["end"])[1])]
    return [span(document["effectiveDateTime"])] if "effectiveDateTime" in document else []


def span(text: str) -> tuple[datetime, datetime]:
    """Return the first moment of a date of any precision, and the first after it."""
    if "T" in text:
        start = datetime.fromisoformat(text)
        return start, start + timedelta(seconds=1)
    parts = [int(part) for part in text.split("-")]
    start = datetime(*[*parts, 1, 1][:3], tzinfo=UTC)  # type: ignore[arg-type, misc]
    if len(parts) == 3:
        return start, start + timedelta(days=1)
    if len(parts) == 2 and parts[1] < 12:
        return start, start.replace(month=parts[1] + 1)
    return start, start.replace(year=parts[0] + 1, month=1)


def _optional(document: Document, name: str) -> list[Any]:
    return [document[name]] if name in document else []


def _reference(document: Document, name: str) -> list[str]:
    return [document[name]["reference"]] if name in document else []


Items = Callable[[Document], list[Any]]
PARAMETERS: dict[str, dict[str, tuple[str, Items]]] = {
    "Patient": {
        "name": ("string", _parts),
        "family": ("string", _families),
        "gender": (
            "token",
            lambda d: [("http://hl7.org/fhir/administrative-gender", v) for v in _optional(d, "gender")],
        ),
        "active": ("token", lambda d: [("", str(v).lower()) for v in _optional(d, "active")]),
        "birthdate": ("date", lambda d: [span(v) for v in _optional(d, "birthDate")]),
        "organization": ("reference", lambda d: _reference(d, "managingOrganization")),
        "_id": ("token", lambda d: [(None, d["id"])]),
    },
    "Organization": {
        "name": ("string", lambda d: [*_optional(d, "name"), *d.get("alias", ())]),
        "type": ("token", lambda d: _concepts(*d.get("type", ()))),
        "partof": ("reference", lambda d: _reference(d, "partOf")),
        "_id": ("token", lambda d: [(None, d["id"])]),
    },
    "Observation": {
        "code": ("token", lambda d: _concepts(d["code"])),
        "category": ("token", lambda d: _concepts(*d.get("category", ()))),
        "date": ("date", _effective),
        "subject": ("reference", lambda d: _reference(d, "subject")),
        "value-quantity": ("quantity", lambda d: [v["value"] for v in _optional(d, "valueQuantity")]),
        "_id": ("token", lambda d: [(None, d["id"])]),
    },
}
LEADS = {("Patient", "organization"): "Organization", ("Organization", "partof"): "Organization",
         ("Observation", "subject"): "Patient"}  # fmt: skip


def folded(text: str) -> str:
    """Return a text without case and accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(char for char in plain if not unicodedata.combining(char)).split())


def _string(op: str, item: str, value: str) -> bool:
    own, other = folded(item), folded(value)
    if op in ("gt", "lt", "ge", "le"):
        return bool(getattr(operator, op)(own[0], other[0]))
    found = {"eq": own == other, "ne": own != other, "co": other in own}
    return found.get(op, own.startswith(other) if op == "sw" else own.endswith(other))


def _token(op: str, item: tuple[str | None, str], value: str) -> bool:
    system, bar, code = value.rpartition("|")
    same = (not code or item[1] == code) and (not bar or (item[0] or "") == system)
    return same if op == "eq" else not same


def _date(op: str, item: tuple[datetime, datetime], value: str) -> bool:
    (start, end), (low, high) = item, span(value)
    return {
        "eq": low <= start and end <= high, "ne": not (low <= start and end <= high), "gt": end > high,
        "lt": start < low, "ge": end > high or start >= low, "le": start < low or end <= high,
        "sa": start >= high, "eb": end <= low, "co": start <= low and end >= high, "po": start < high and end > low,
    }[op]  # fmt: skip


def _quantity(op: str, item: Decimal, value: str) -> bool:
    number = Decimal(value.partition("|")[0])
    half = Decimal(5).scaleb(int(number.as_tuple().exponent) - 1)
    within = number - half <= item < number + half
    return {
        "eq": within, "ne": not within, "gt": item > number, "lt": item < number, "ge": item >= number,
        "le": item <= number, "sa": item > number, "eb": item < number,
    }[op]  # fmt: skip


OPERATORS: dict[str, dict[str, Callable[[str, Any, str], bool]]] = {
    "string": dict.fromkeys(("eq", "ne", "co", "sw", "ew", "gt", "lt", "ge", "le"), _string),
    "token": dict.fromkeys(("eq", "ne"), _token),
    "date": dict.fromkeys(("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "co", "po"), _date),
    "quantity": dict.fromkeys(("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"), _quantity),
    "reference": {"re": lambda _op, item, value: bool(item == value)},
}
VALUES = {
    "string": ["an", "Ann", "MÜLLER", "muller", "Bo", "e", "Zoë", "x y", "Smith-Jones", "a)b]c", "ü", "north", "Nor"],
    "token": ["male", "female", "true", "1-2", f"{LOINC}|1-2", f"{LOCAL}|1-2", "|1-2", f"{LOINC}|", "p1", "o2", "vital",
              "http://hl7.org/fhir/administrative-gender|male"],
    "date": ["2000", "2000-05", "2000-05-17", "1999-12-31", "2001", "2000-05-17T10:00:00+00:00"],
    "quantity": ["5", "5.4", "5.40", "10", "1e1", "-3"],
    "reference": ["Patient/p1", "Patient/p2", "Organization/o1", "Organization/o2", "Patient/none"],
}  # fmt: skip


@dataclass(frozen=True)
class Compared:
    """path: (name, filter in brackets or None) for every step."""

    path: tuple[tuple[str, Any], ...]
    op: str
    value: str
    quoted: bool

    def told(self) -> str:
        path = ".".join(name + (f"[{said.told()}]" if said else "") for name, said in self.path)
        bare = not self.quoted and not any(char in self.value for char in ' )]"')
        return f"{path} {self.op} {self.value if bare else json.dumps(self.value, ensure_ascii=len(path) % 2 == 0)}"


@dataclass(frozen=True)
class Joined:
    word: str
    left: Any
    right: Any

    def told(self) -> str:
        return f"({self.left.told()}) {self.word} ({self.right.told()})"


@dataclass(frozen=True)
class Chain:
    """Without parentheses: from left to right."""

    first: Any
    rest: tuple[tuple[str, Any], ...]

    def told(self) -> str:
        return " ".join([self.first.told(), *(f"{word} {each.told()}" for word, each in self.rest)])


@dataclass(frozen=True)
class Not:
    said: Any

    def told(self) -> str:
        return f"not ({self.said.told()})"


def matches(world: dict[str, Document], document: Document, said: Any) -> bool:
    """Return whether a document matches a tree; `world` are all documents by "Type/id"."""
    if isinstance(said, Not):
        return not matches(world, document, said.said)
    if isinstance(said, Joined):
        both = matches(world, document, said.left), matches(world, document, said.right)
        return all(both) if said.word == "and" else any(both)
    if isinstance(said, Chain):
        found = matches(world, document, said.first)
        for word, each in said.rest:
            other = matches(world, document, each)
            found = found and other if word == "and" else found or other
        return found
    items = list(_reached(world, document, said.path))
    kind = PARAMETERS[_last(document["resourceType"], said.path)][said.path[-1][0]][0]
    if said.op == "pr":
        return bool(bool(items) == (said.value == "true"))
    return any(OPERATORS[kind][said.op](said.op, item, said.value) for item in items)


def _last(kind: str, path: tuple[tuple[str, Any], ...]) -> str:
    for name, _ in path[:-1]:
        kind = LEADS[kind, name]
    return kind


def _reached(world: dict[str, Document], document: Document, path: tuple[tuple[str, Any], ...]) -> Iterator[Any]:
    (name, said), *rest = path
    items = PARAMETERS[document["resourceType"]][name][1](document)
    if not rest:
        yield from items
        return
    for item in items:
        target = world.get(item)
        if target is not None and (said is None or matches(world, target, said)):
            yield from _reached(world, target, tuple(rest))


@st.composite
def compared(draw: Any, kind: str, depth: int = 2) -> Compared:
    """Draw a comparison on a type."""
    path: list[tuple[str, Any]] = []
    while depth and (kind == "Observation" or draw(st.booleans())) and draw(st.booleans()):
        names = [name for owner, name in LEADS if owner == kind]
        if not names:
            break
        name, depth = draw(st.sampled_from(names)), depth - 1
        inner = LEADS[kind, name]
        path.append((name, draw(trees(inner, depth)) if draw(st.integers(0, 3)) == 0 else None))
        kind = inner
    name = draw(st.sampled_from(list(PARAMETERS[kind])))
    path.append((name, None))
    kind = PARAMETERS[kind][name][0]
    op = draw(st.sampled_from([*OPERATORS[kind], "pr"]))
    values = ["true", "false"] if op == "pr" else VALUES[kind]
    if op == "co" and kind == "string":
        values = [value for value in values if len(value) > 1]  # one character is refused, as with :contains
    if name == "active":
        values = ["true", "false"]
    return Compared(tuple(path), op, draw(st.sampled_from(values)), draw(st.booleans()))


def trees(kind: str, depth: int = 2) -> Any:
    """Return the strategy for trees of comparisons on a type."""
    word = st.sampled_from(["and", "or"])
    return st.recursive(
        compared(kind, depth),
        lambda inner: st.one_of(
            st.builds(Joined, word, inner, inner),
            st.builds(Not, inner),
            st.builds(
                Chain,
                compared(kind, depth),
                st.lists(
                    st.tuples(word, st.one_of(compared(kind, depth), st.builds(Not, inner))), min_size=1, max_size=3
                ).map(tuple),
            ),
        ),
        max_leaves=5,
    )
