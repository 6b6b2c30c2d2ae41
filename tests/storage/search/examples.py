"""The official examples of R4 as search sees them: what each parameter finds in each, and values to ask for it.

https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

from fhir_server.definitions import SearchComponent, SearchParameter, load
from fhir_server.fhirpath import Node, compile  # noqa: A004
from fhir_server.formats.json import decode
from fhir_server.mappings.datatypes import Computed
from fhir_server.mappings.derive import COMPONENT_ERRATA, official_parameters
from fhir_server.mappings.model import Mapping, Parameter
from fhir_server.storage.fold import PREFIX_LENGTH
from fhir_server.storage.references import Kind, classify
from tests.paths import R4_PACKAGE
from tests.search.datatypes import amounts, fold, moments, sort_keys, texts, tokens
from tests.search.oracle import Oracle, Resource, name_of
from tests.search.queries import escape
from tests.storage.oracle import EXPRESSION_ERRATA
from tests.storage.samples import minimal
from tests.stores import BASE_URL, START, schema_of

PER_TYPE = 100
"""Documents of one type; but for the definitions, of which there are thousands, no type has more."""

_MADE_UP = {
    "token": "zz-none", "string": "zz-none", "date": "1066", "reference": "zz-none", "number": "-98765",
    "quantity": "-98765||zz-none", "uri": "urn:zz:none", "special": "-89|-179|1|m",
}  # fmt: skip
_INSIDE = {
    "token": ("CodeableConcept", "Coding", "code", "Identifier", "boolean", "string"),
    "string": ("string", "markdown"), "date": ("dateTime", "date", "Period"), "reference": ("Reference", "canonical"),
    "number": ("decimal", "integer"), "quantity": ("Quantity",), "uri": ("uri",),
}  # fmt: skip
"""Types a value of an extension has to have for a parameter of a type."""

_META = {
    "security": [{"system": "urn:sec", "code": "R"}], "source": "http://clinic.example/source",
    "profile": ["http://clinic.example/profile"], "tag": [{"system": "urn:tag", "code": "t"}],
}  # fmt: skip
_SUBJECT = "http://hl7.org/fhir/StructureDefinition/questionnaireresponse-isSubject"
_BY_HAND: tuple[Resource, ...] = (
    {"resourceType": "Patient", "id": "made-meta", "meta": _META},
    {"resourceType": "ValueSet", "id": "made-meta", "meta": _META},
    {
        "resourceType": "QuestionnaireResponse", "id": "made-subject", "item": [
            {
                "linkId": "1", "extension": [{"url": _SUBJECT, "valueBoolean": True}],
                "answer": [{"valueReference": {"reference": "Patient/example"}}],
            }
        ],
    },
)  # fmt: skip
_REQUIRED = {"SearchParameter": {"url": "http://clinic.example/made", "status": "draft", "code": "made"}}


def parameters() -> list[tuple[str, SearchParameter]]:
    """Return (type, parameter) for all that have an expression; those of every type are asked of two types."""
    definitions = load()
    own = [(kind, each) for kind in definitions.resource_types for each in official_parameters(definitions, kind)]
    common = [each for each in definitions.search_parameters_of("Patient").values() if each.code.startswith("_")]
    return own + [(kind, each) for each in common if each.expression for kind in ("Patient", "ValueSet")]


@cache
def documents() -> tuple[Resource, ...]:
    """Return the examples, and minimal documents for parameters that find nothing in them."""
    found: dict[str, list[Resource]] = defaultdict(list)
    for path in sorted(R4_PACKAGE.glob("*-*.json")):
        kind = path.name.partition("-")[0]
        if kind in load().resource_type_set and len(found[kind]) < PER_TYPE:
            document = decode(path.read_bytes(), max_depth=256)
            if document.get("resourceType") == kind and "id" in document:
                found[kind].append(document)
    judge = Judge([each for documents in found.values() for each in documents])
    mappings = schema_of("sqlite").mappings
    for kind, official in parameters():
        parameter = mappings[kind].parameter(official.code)
        if parameter is not None and not any(judge.asked(kind, official)):
            made = minimal(mappings[kind], _plain(mappings[kind], parameter))
            found[kind] += [
                _REQUIRED.get(kind, {}) | each | {"id": f"made-{official.code}-{number}".lstrip("_")}
                for number, each in enumerate(made)
            ]
    for document in _BY_HAND:
        found[document["resourceType"]].append(document)
    return tuple(stored(each) for documents in found.values() for each in documents)


def _plain(mapping: Mapping, parameter: Parameter) -> Parameter:
    """Return a parameter without the paths that FHIRPath computes."""
    computed = {element.name for element in mapping.elements if isinstance(element, Computed)}
    return replace(parameter, paths=tuple(path for path in parameter.paths if path.steps not in computed))


def stored(document: Resource) -> Resource:
    """Return a document as a store at START keeps it."""
    meta = {**document.get("meta", {}), "versionId": "1", "lastUpdated": f"{START:%Y-%m-%dT%H:%M:%S.000Z}"}
    return {**document, "meta": meta}


class Judge(Oracle):
    """The naive search, for what the examples have beside what it knows: extensions, and errors of the definitions."""

    def __init__(self, resources: list[Resource]) -> None:
        super().__init__(resources, load(), BASE_URL, START)
        self.of_type: dict[str, list[Resource]] = defaultdict(list)
        for each in resources:
            self.of_type[each["resourceType"]].append(each)

    def values(self, resource: Resource, parameter: SearchParameter) -> list[Any]:
        """Return the elements a parameter finds, the values of extensions in their place."""
        key = id(resource), parameter.url
        if key not in self._values:
            expression = EXPRESSION_ERRATA.get(parameter.id, parameter.expression)
            nodes = compile(expression, lenient=True).evaluate(resource, resolver=self._resolve)
            found = [each for node in nodes for each in _opened(node, parameter.type)]
            of_all = parameter.type != "reference"
            self._values[key] = [each for each in found if of_all or not _is_other(each, parameter.targets)]
        return self._values[key]

    def below(self, root: Node, component: SearchComponent) -> list[Any]:
        """Return the elements that a part of a composite finds from its root."""
        holder = root
        while holder.parent is not None:
            holder = holder.parent
        expressions = {part: text for (_, part), text in COMPONENT_ERRATA.items()}
        expression = expressions.get(component.definition, component.expression)
        if component not in self._by_owner("DocumentReference-relationship"):
            expression = component.expression
        return compile(expression, lenient=True).evaluate(root, resource=holder, resolver=self._resolve)

    def _by_owner(self, id_: str) -> tuple[SearchComponent, ...]:
        return next((each.components for each in self._by_url.values() if each.id == id_), ())

    def _special(self, text: str, _modifier: str, node: Node) -> bool:
        north, east = (float(part) for part in text.split("|")[:2])
        latitude, longitude = float(node.value["latitude"]), float(node.value["longitude"])
        return math.isclose(north, latitude, abs_tol=1e-6) and math.isclose(east, longitude, abs_tol=1e-6)

    def _points_at(self, node: Node) -> str:
        if isinstance(node.value, dict) and "resourceType" in node.value:
            return name_of(node.value) if "id" in node.value else ""
        return super()._points_at(node)

    def asked(self, kind: str, parameter: SearchParameter) -> Iterator[str]:
        """Yield values to search for, from one example after the other."""
        for resource in self.of_type[kind]:
            for node in self.values(resource, parameter):
                yield from self.text(parameter, node)

    def text(self, parameter: SearchParameter, node: Any) -> Iterator[str]:
        """Yield the value that asks for an element; nothing where it holds nothing to ask for."""
        if parameter.type == "composite":
            parts = []
            for component in parameter.components:
                part = self._by_url[component.definition]
                found = (text for each in self.below(node, component) for text in self.text(part, each))
                parts.append(next(found, ""))
            yield from ["$".join(parts)] if all(parts) else []
        else:
            yield from _TEXTS[parameter.type](self, node)

    def _date_text(self, node: Node) -> Iterator[str]:
        if isinstance(node.value, str):
            yield node.value
        elif (found := moments(node)) is not None:
            start, end = found
            yield f"ge{start:%Y-%m-%dT%H:%M:%SZ}" if start.year > 1 else f"lt{end:%Y-%m-%dT%H:%M:%SZ}"

    def _reference_text(self, node: Node) -> Iterator[str]:
        text = self._points_at(node)
        meant = classify(text, BASE_URL).kind if text else None
        if meant in (Kind.LOCAL, Kind.ABSOLUTE, Kind.URN):
            yield escape(text)

    def order(self, kind: str, code: str, id_: str) -> list[Any]:
        """Return what a resource is sorted by, the greatest value first; texts are compared as far as an index goes."""
        parameter = self.parameter(kind, code)
        nodes = self.values(self.by_name[f"{kind}/{id_}"], parameter)
        keys = [key for node in nodes for key in _keys(parameter.type, node)]
        return [max(keys) if keys else None]

    def wanted(self, kind: str, name: str, text: str) -> set[str]:
        """Return the ids of the resources of a type that match."""
        return {each["id"] for each in self.of_type[kind] if self.test(each, name, text)}


def _opened(node: Any, kind: str) -> Iterator[Any]:
    if not isinstance(node, Node):
        yield node
    elif node.type == "Extension":
        names = ((each, f"value{each[0].upper()}{each[1:]}") for each in _INSIDE.get(kind, ()))
        yield from (Node(node.value[name], each) for each, name in names if name in node.value)
    elif node.value not in (None, {}) and _fits(node, kind):
        yield node


def _is_other(node: Any, targets: Collection[str]) -> bool:
    """Say whether an element is a whole resource (the first of a Bundle) of a type the parameter does not lead to."""
    value = node.value if isinstance(node, Node) else None
    return isinstance(value, dict) and "resourceType" in value and value["resourceType"] not in targets


def _fits(node: Node, kind: str) -> bool:
    """Say whether an element can have a value of a type: some expressions name a choice with other types in it."""
    if kind == "date":
        return node.type not in ("string", "Age", "Range", "boolean") and moments(node) is not None
    return kind != "reference" or node.type != "Attachment"


def _keys(kind: str, node: Any) -> list[Any]:
    is_text = isinstance(node, Node) and node.type in ("string", "markdown")
    if isinstance(node, Node) and node.type == "ContactPoint":
        return []  # how numbers and addresses of people are normalised is free
    if kind == "quantity":
        return [low[0] for low, _, _ in amounts(node)]  # >60 begins where 60 is
    found = sort_keys(kind, node)
    if kind == "string" or (kind == "token" and is_text):
        return [" ".join(fold(key).split())[:PREFIX_LENGTH] for key in found]
    return found


def _token_text(_judge: Judge, node: Any) -> Iterator[str]:
    if isinstance(node, Node) and node.type == "ContactPoint":
        yield from [escape(node.value["value"])] if "value" in node.value else []
        return
    for system, code in tokens(node):
        if code:
            plain = not isinstance(node, Node) or not isinstance(node.value, dict)
            yield escape(code) if plain or not system else f"{escape(system)}|{escape(code)}"


def _string_text(_judge: Judge, node: Node) -> Iterator[str]:
    yield from (escape(text[:80]) for text in texts(node) if fold(text[:80]).strip())


def _quantity_text(_judge: Judge, node: Node) -> Iterator[str]:
    for low, high, unit in amounts(node):
        number = next((end for end, _ in (low, high) if not isinstance(end, float)), None)
        if number is not None:
            code = unit.get("code") or unit.get("currency") or unit.get("unit")
            prefix = "" if low == high else "ge" if number == low[0] else "le"
            shown = f"{prefix}{float(number):.9f}".rstrip("0").rstrip(".")
            yield f"{shown}||{escape(code)}" if code and node.type in ("Quantity", "Money") else shown


def _number_text(_judge: Judge, node: Node) -> Iterator[str]:
    yield from [str(node.value)] if not isinstance(node.value, dict) else _quantity_text(_judge, node)


_TEXTS: dict[str, Any] = {
    "token": _token_text, "string": _string_text, "number": _number_text, "quantity": _quantity_text,
    "date": Judge._date_text, "reference": Judge._reference_text,
    "uri": lambda _judge, node: iter([escape(str(node.value))]),
    "special": lambda _judge, node: iter([f"{node.value['latitude']}|{node.value['longitude']}|1|m"]),
}  # fmt: skip


def made_up(parameter: SearchParameter) -> str:
    """Return a value that nobody has."""
    if parameter.type != "composite":
        return _MADE_UP[parameter.type]
    by_url = {each.url: each for each in load().search_parameters}
    return "$".join(_MADE_UP[by_url[each.definition].type] for each in parameter.components)
