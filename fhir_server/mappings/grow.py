"""Grows the elements of a derived mapping: the readable ones of the type, and every one a search parameter asks for.

https://hl7.org/fhir/R4/structuredefinition.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from fhir_server.definitions import Definitions, TypeRef
from fhir_server.definitions import Element as OfficialElement
from fhir_server.mappings import datatypes as fhir
from fhir_server.mappings.answers import answers
from fhir_server.mappings.datatypes import Backbone, Choice, Element, Extension, Reference, SearchType
from fhir_server.mappings.expressions import NotAPath, Step
from fhir_server.mappings.words import snake_words

_CLASSES: dict[str, type[Element]] = {
    kind.type: kind
    for kind in (
        fhir.Boolean, fhir.Integer, fhir.PositiveInt, fhir.UnsignedInt, fhir.Decimal, fhir.String,
        fhir.Markdown, fhir.Code, fhir.Id, fhir.Time, fhir.Uri, fhir.Url, fhir.Oid, fhir.Uuid,
        fhir.Canonical, fhir.Date, fhir.DateTime, fhir.Instant, fhir.Period, fhir.Timing, fhir.Coding,
        fhir.CodeableConcept, fhir.Identifier, fhir.HumanName, fhir.Address, fhir.ContactPoint,
        fhir.Quantity, fhir.Age, fhir.Count, fhir.Distance, fhir.Duration, fhir.Money, fhir.Range,
        fhir.SampledData, fhir.Reference,
    )
}  # fmt: skip
_CLASSES["SimpleQuantity"] = fhir.Quantity
_CLASSES["MoneyQuantity"] = fhir.Quantity
_CLASSES["Location.position"] = fhir.Position
_LONG = frozenset({"markdown", "HumanName", "Address", "ContactPoint", "SampledData", "Location.position"})
_READABLE = frozenset(_CLASSES) - _LONG
_TECHNICAL = frozenset({"id", "implicitRules", "language"})
_DATE_LIKE = ("date", "dateTime", "instant", "Period", "Timing")


@dataclass(frozen=True, slots=True)
class Want:
    """What a search parameter asks for: the elements along a path."""

    code: str
    type: SearchType
    steps: tuple[Step, ...]


@dataclass(slots=True)
class _Node:
    """An element somebody wants.

    kinds     type -> codes of the parameters that look at it
    children  parts wanted, by name
    """

    official: OfficialElement
    kinds: dict[str, set[str]] = field(default_factory=dict)
    children: dict[str, _Node] = field(default_factory=dict)
    extensions: dict[str, set[SearchType]] = field(default_factory=dict)


class Grower:
    """Collects wants for one type, then gives the elements."""

    def __init__(self, definitions: Definitions, resource_type: str) -> None:
        self.definitions = definitions
        self.type = resource_type
        root = OfficialElement(resource_type, 1, 1, (TypeRef(resource_type),), *_REST)
        self.root = _Node(root)

    def want(self, want: Want) -> None:
        """Note a want; raises NotAPath when R4 has no such element or no way to keep it."""
        node, owners = self.root, [self.type]
        for position, step in enumerate(want.steps):
            if step.extension:
                node.extensions.setdefault(step.extension, set()).add(want.type)
                return
            node = self._child(node, owners, step)
            owners = [ref.code for ref in node.official.types if step.type in ("", ref.code)]
            rest = want.steps[position + 1 :]
            leaves = [code for code in owners if code in _CLASSES]
            if not rest or (leaves and len(leaves) == len(owners) and not _taken_apart(owners, rest)):
                wanted = [code for code in leaves if _can_answer(want.type, code, rest, node.official)]
                if not wanted:
                    raise NotAPath
                for code in wanted:
                    node.kinds.setdefault(code, set()).add(want.code)
                return

    def _child(self, node: _Node, owners: list[str], step: Step) -> _Node:
        found = node.children.get(step.name)
        if found is None:
            for owner in owners:
                official = self.definitions.type(owner).element(step.name) if owner in self.definitions else None
                if official is not None:
                    found = node.children[step.name] = _Node(official)
                    break
            else:
                raise NotAPath
        return found

    def elements(self) -> tuple[Element, ...]:
        """Return the elements: readable ones of the type and wanted ones, in the order of the definition."""
        return self._parts(self.root, self.type, top=True)

    def _parts(self, node: _Node, owner: str, *, top: bool) -> tuple[Element, ...]:
        made: list[Element] = []
        for official in self.definitions.type(owner).elements:
            wanted = node.children.get(official.name)
            readable = top and official.max == 1 and official.name not in _TECHNICAL
            kinds = {ref.code for ref in official.types if readable and ref.code in _READABLE}
            element = self._element(official, wanted, kinds)
            if element is not None:
                made.append(element)
        made += [_extension(url, types) for url, types in node.extensions.items()]
        return tuple(made)

    def _element(self, official: OfficialElement, wanted: _Node | None, readable: set[str]) -> Element | None:
        kinds = readable | set(wanted.kinds if wanted else ())
        refs = [ref for ref in official.types if ref.code in kinds]
        inner = [ref for ref in official.types if ref.code not in _CLASSES] if wanted and wanted.children else []
        if wanted and wanted.children and not inner:
            inner = [ref for ref in official.types if ref.code in self.definitions]
        if official.choice:
            if not refs:
                return None
            return self._choice(official, refs, wanted)
        cardinality = f"{official.min}..{'*' if official.max is None else official.max}"
        if inner and wanted:
            code = inner[0].code
            of = "" if "." in code else code
            return Backbone(official.name, cardinality, *self._parts(wanted, code, top=False), of=of)
        if not refs:
            return None
        return _leaf(official.name, cardinality, refs[0], "")

    def _choice(self, official: OfficialElement, refs: list[TypeRef], wanted: _Node | None) -> Element:
        base = snake_words(official.name)
        seen = {ref.code: frozenset(wanted.kinds.get(ref.code, ()) if wanted else ()) for ref in refs}
        dates = [ref.code for ref in refs if ref.code in _DATE_LIKE]
        main = max((seen[code] for code in dates), key=len, default=frozenset())
        children = []
        for ref in refs:
            column = ""
            if (ref.code in dates and seen[ref.code] == main) or ref.code == "Reference":
                column = base
            elif ref.code == "CodeableConcept":
                column = f"{base}_concept"
            name = official.name + ref.code[0].upper() + ref.code[1:]
            children.append(_leaf(name, "0..1", ref, column))
        cardinality = f"{official.min}..{'*' if official.max is None else official.max}"
        return Choice(official.name, cardinality, *children)


_REST = (False, False, False, "", "", (), False, 0)


def _can_answer(kind: SearchType, code: str, rest: tuple[Step, ...], official: OfficialElement) -> bool:
    """Say whether a datatype that is kept as a whole, or its part `rest`, answers the search."""
    if len(rest) > 1 or (rest and code == "CodeableConcept" and official.max != 1):
        return False
    return answers(kind, _CLASSES[code].type, rest[0].name if rest else "")


def _taken_apart(owners: list[str], rest: tuple[Step, ...]) -> bool:
    """Say whether a datatype is looked into deeper than it is kept: only Timing.event in R4."""
    return owners == ["Timing"] and rest[0].name == "event"


def _leaf(name: str, cardinality: str, ref: TypeRef, column: str) -> Element:
    kind = _CLASSES[ref.code]
    if kind is Reference:
        return Reference(name, cardinality, column, to=ref.targets)
    return kind(name, cardinality, column)


_EXTENSION_TYPES: dict[SearchType, tuple[str, ...]] = {
    "string": ("string", "markdown"),
    "token": ("CodeableConcept", "Coding", "code", "Identifier", "boolean", "string"),
    "reference": ("Reference", "canonical", "uri"),
    "date": ("date", "dateTime", "instant", "Period"),
    "quantity": ("Quantity", "Money", "Range"),
    "number": ("decimal", "integer"),
    "uri": ("uri", "url", "canonical"),
}


def extension_name(url: str) -> str:
    """Return our name for an extension: the end of its URL as one word, "patient-birthPlace" -> "patientBirthPlace"."""
    head, *tail = url.rstrip("/").rpartition("/")[2].replace(".", "-").split("-")
    return head + "".join(word[:1].upper() + word[1:] for word in tail)


def _extension(url: str, types: Iterable[SearchType]) -> Extension:
    codes = dict.fromkeys(code for kind in sorted(types) for code in _EXTENSION_TYPES[kind])
    children = [_leaf(f"value{code[0].upper()}{code[1:]}", "0..1", TypeRef(code), "") for code in codes]
    return Extension(extension_name(url), (url,), *children)
