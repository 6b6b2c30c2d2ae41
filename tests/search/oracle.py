"""A naive search over a list of resources, written from the text of the specification: the judge of the real one.

https://hl7.org/fhir/R4/search.html

Nothing here is fast, and nothing is shared with the storage layer: values come from the published expressions, run by
the FHIRPath engine, and are compared one by one. Where the specification leaves a choice, a comment says which is made.
"""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

from fhir_server.definitions import Definitions, SearchComponent, SearchParameter
from fhir_server.fhirpath import Node, compile  # noqa: A004
from tests.search.datatypes import (
    SPECIAL_VALUES,
    UCUM,
    UNITS,
    Token,
    amounts,
    compare_moments,
    compare_numbers,
    contact,
    digits,
    fold,
    labels,
    moments,
    prefixed,
    same_token,
    sort_keys,
    span,
    split,
    stands_before,
    texts,
    tokens,
    unescape,
)  # fmt: skip

Resource = dict[str, Any]


def name_of(resource: Resource) -> str:
    """Return "Type/id"."""
    return f"{resource['resourceType']}/{resource['id']}"


class Oracle:
    """Answers searches over `resources`, given in the order they were stored.

    To know what a caller gets who sees only some of them, leave the others out.
    """

    def __init__(self, resources: Iterable[Resource], definitions: Definitions, base_url: str, now: datetime) -> None:
        self.resources = list(resources)
        self.definitions = definitions
        self.base_url = base_url
        self.now = now
        self.by_name = {name_of(resource): resource for resource in self.resources}
        self._by_url = {parameter.url: parameter for parameter in definitions.search_parameters}
        self._values: dict[tuple[int, str], list[Any]] = {}

    def matches(self, type_: str | None, query: Iterable[tuple[str, str]]) -> list[Resource]:
        """Return the resources that match every parameter of `query` (name with modifier, value)."""
        candidates = [each for each in self.resources if type_ in (None, each["resourceType"])]
        return [each for each in candidates if all(self.test(each, name, text) for name, text in query)]

    def compartment(self, type_: str, id_: str) -> list[Resource]:
        """Return the resources of a compartment: the one it is named after, and those whose parameters lead there."""
        links, owner = self.definitions.compartments[type_], f"{type_}/{id_}"
        codes = {kind: [code for code in found if code != "{def}"] for kind, found in links.items()}
        return [
            each
            for each in self.resources
            if name_of(each) == owner or any(owner in self.links(each, c) for c in codes.get(each["resourceType"], ()))
        ]

    def included(self, matches: Sequence[Resource], directives: Sequence[tuple[str, str]]) -> list[Resource]:
        """Return what _include and _revinclude add; those with :iterate look at what was added, too."""
        found = {name_of(each): each for each in matches}
        latest, again = list(matches), False
        while latest:
            wanted = [(name, text) for name, text in directives if not again or name.endswith(":iterate")]
            news = [new for name, text in wanted for old in latest for new in self._step(name, text, old)]
            latest = list({name_of(new): new for new in news if name_of(new) not in found}.values())
            found |= {name_of(new): new for new in latest}
            again = True
        return list(found.values())[len(matches) :]

    def _step(self, name: str, text: str, old: Resource) -> list[Resource]:
        source, code, type_ = [*text.split(":"), "", ""][:3]
        if name.startswith("_include"):
            if source not in ("*", old["resourceType"]):
                return []
            links = self._all_links(old) if "*" in (source, code) else self.links(old, code, type_)
            return [self.by_name[link] for link in sorted(links) if link in self.by_name]
        if type_ not in ("", old["resourceType"]):
            return []
        others = [each for each in self.resources if source in ("*", each["resourceType"])]
        every = "*" in (source, code)
        return [o for o in others if name_of(old) in (self._all_links(o) if every else self.links(o, code))]

    def _all_links(self, resource: Resource) -> set[str]:
        parameters = self.definitions.search_parameters_of(resource["resourceType"]).values()
        return {link for each in parameters if each.type == "reference" for link in self.links(resource, each.code)}

    def sort_values(self, resource: Resource, keys: Sequence[str]) -> list[Any]:
        """Return by what a resource is sorted, a value for each `_sort` key; None (always last) where it has none.

        Of several values it is the one that comes first in the order asked for. Intervals sort by their start.
        """
        result = []
        for key in keys:
            parameter = self.parameter(resource["resourceType"], key.removeprefix("-"))
            found = [value for node in self.values(resource, parameter) for value in sort_keys(parameter.type, node)]
            result.append((max(found) if key.startswith("-") else min(found)) if found else None)
        return result

    def in_order(self, resources: Sequence[Resource], keys: Sequence[str]) -> bool:
        """Say whether resources stand in the order of `_sort` keys; the order of equals is free."""
        rows = [self.sort_values(each, keys) for each in resources]
        return all(not stands_before(later, earlier, keys) for earlier, later in itertools.pairwise(rows))

    def parameter(self, type_: str, code: str) -> SearchParameter:
        """Return the official definition of a parameter."""
        return self.definitions.search_parameters_of(type_)[code]

    def values(self, resource: Resource, parameter: SearchParameter) -> list[Any]:
        """Return the elements (or computed values) a parameter finds; elements without a value are left out."""
        key = id(resource), parameter.url
        if key not in self._values:
            found = compile(parameter.expression, lenient=True).evaluate(_hinted(resource), resolver=self._resolve)
            self._values[key] = [item for item in found if not isinstance(item, Node) or item.value not in (None, {})]
        return self._values[key]

    def test(self, resource: Resource, name: str, text: str) -> bool:
        """Say whether a resource matches one parameter."""
        if name.startswith("_has:"):
            _, type_, code, rest = name.split(":", 3)
            others = [each for each in self.resources if each["resourceType"] == type_]
            return any(name_of(resource) in self.links(each, code) and self.test(each, rest, text) for each in others)
        head, chained, rest = name.partition(".")
        code, _, modifier = head.partition(":")
        if chained:
            inside = {f"#{each.get('id')}": each for each in resource.get("contained", ())}
            known = self.by_name | {key: each for key, each in inside.items() if modifier in ("", each["resourceType"])}
            targets = [known[link] for link in self.links(resource, code, modifier) if link in known]
            return any(self.test(each, rest, text) for each in targets if self._knows(each["resourceType"], rest))
        parameter = self.parameter(resource["resourceType"], code)
        nodes = self.values(resource, parameter)
        if modifier == "missing":
            return (not nodes) == (text == "true")
        found = any(self._one(parameter, part, modifier, node) for part in split(text, ",") for node in nodes)
        return found != (modifier == "not")

    def _knows(self, type_: str, rest: str) -> bool:
        code = re.split("[:.]", rest, maxsplit=1)[0]
        return code == "_has" or code in self.definitions.search_parameters_of(type_)

    def _one(self, parameter: SearchParameter, text: str, modifier: str, node: Any) -> bool:
        if parameter.type == "composite":
            parts = zip(split(text, "$"), parameter.components, strict=True)
            return all(self._component(part, component, node) for part, component in parts)
        return bool(getattr(self, f"_{parameter.type}")(text, modifier, node))

    def _component(self, text: str, component: SearchComponent, root: Node) -> bool:
        """One part of a composite, asked of the same element as the others."""
        found = self.below(root, component)
        return any(self._one(self._by_url[component.definition], text, "", node) for node in found)

    def below(self, root: Node, component: SearchComponent) -> list[Any]:
        """Return the elements that a part of a composite finds from its root."""
        holder = root
        while holder.parent is not None:
            holder = holder.parent
        return compile(component.expression, lenient=True).evaluate(root, resource=holder, resolver=self._resolve)

    def _string(self, text: str, modifier: str, node: Node) -> bool:
        text = unescape(text)
        if modifier == "exact":
            return text in texts(node)
        compare: Callable[[str, str], bool] = operator.contains if modifier == "contains" else str.startswith
        return any(compare(fold(found), fold(text)) for found in texts(node))

    def _token(self, text: str, modifier: str, node: Any) -> bool:
        if modifier == "text":
            return any(fold(found).startswith(fold(unescape(text))) for found in labels(node))
        parts = [unescape(part) for part in split(text, "|")]
        if modifier == "of-type":
            types = node.value.get("type", {}).get("coding", [])
            return node.value.get("value") == parts[2] and any(
                same_token(parts[:2], t, set()) for t in map(_pair, types)
            )
        if isinstance(node, Node) and node.type == "ContactPoint":
            parts[-1] = contact(parts[-1])
        if isinstance(node, Node) and node.type in ("string", "markdown"):  # where case is in doubt, it does not count
            return fold(parts[-1]) == fold(node.value) and (len(parts) == 1 or not parts[0])
        return any(same_token(parts, token, self._implied(node)) for token in tokens(node))

    def _implied(self, node: Any) -> set[str]:
        """Return the systems that a boolean, or the value set of a code's element, implies."""
        if not isinstance(node, Node) or node.type == "boolean":
            return {SPECIAL_VALUES}
        owner = self.definitions.type(node.parent.type) if node.type == "code" and node.parent is not None else None
        element = owner.element(node.name) if owner is not None else None
        systems = self.definitions.value_sets.get(element.value_set, {}) if element is not None else {}
        return {system for system, codes in systems.items() if node.value in codes}

    def _date(self, text: str, _modifier: str, node: Node) -> bool:
        prefix, rest = prefixed(text)
        (start, end), target = span(rest), moments(node)
        if prefix == "ap":  # 10 % of the distance from now, on both sides
            start, end = start - abs(self.now - start) / 10, end + abs(self.now - start) / 10
        return target is not None and compare_moments(prefix, (start, end), target)

    def _number(self, text: str, _modifier: str, node: Node) -> bool:
        prefix, rest = prefixed(text)
        return any(compare_numbers(prefix, *digits(rest), low, high) for low, high, _ in amounts(node))

    def _quantity(self, text: str, _modifier: str, node: Node) -> bool:
        prefix, rest = prefixed(text)
        number, system, code = ([unescape(part) for part in split(rest, "|")] + ["", ""])[:3]
        value, half = digits(number)
        for low, high, unit in amounts(node):
            size = here = Fraction(1)
            if system == UCUM == unit.get("system") and code in UNITS and unit.get("code") in UNITS:
                (dimension, size), (other, here) = UNITS[code], UNITS[unit["code"]]
                fits = dimension == other
            elif system:
                fits = (system, code) == (unit.get("system"), unit.get("code"))
            else:  # without a system: the code, or the unit as people read it
                fits = not code or code in (unit.get("code"), unit.get("unit"), unit.get("currency"))
            low, high = (low[0] * here, low[1]), (high[0] * here, high[1])
            if fits and compare_numbers(prefix, value * size, half * size, low, high):
                return True
        return False

    def _uri(self, text: str, modifier: str, node: Node) -> bool:
        text, found = unescape(text), str(node.value)
        if modifier in ("below", "above"):
            return found.startswith(text) if modifier == "below" else text.startswith(found)
        if node.type == "canonical":
            return text in (found, found.partition("|")[0])
        version = node.parent.value.get("version") if node.name == "url" and node.parent is not None else None
        return text in (found, f"{found}|{version}")  # a canonical reference to the resource itself

    def _reference(self, text: str, modifier: str, node: Node) -> bool:
        if modifier == "identifier":
            return "identifier" in node.value and self._token(text, "", Node(node.value["identifier"], "Identifier"))
        found, text = self._points_at(node), unescape(text)
        if modifier and not found.startswith(f"{modifier}/"):
            return False
        return found == self._local(text) or (self._is_local(found) and found.partition("/")[2] == text)

    def links(self, resource: Resource, code: str, type_: str = "") -> set[str]:
        """Return what a reference parameter of a resource points at: "Type/id" for our own, else the text."""
        found = {
            self._points_at(node) for node in self.values(resource, self.parameter(resource["resourceType"], code))
        }
        return {link for link in found if (link and not type_) or link.startswith((f"{type_}/", "#"))}

    def _points_at(self, node: Node) -> str:
        return self._local(node.value.get("reference", "") if isinstance(node.value, dict) else str(node.value))

    def _local(self, text: str) -> str:
        return text.removeprefix(self.base_url + "/").partition("/_history/")[0]

    def _is_local(self, text: str) -> bool:
        return text.partition("/")[0] in self.definitions.resource_type_set

    def _resolve(self, text: str) -> Resource | None:
        """Return enough of what a reference points at for `resolve() is Patient`: its URL tells the type."""
        type_, _, id_ = "/".join(self._local(text).split("/")[-2:]).partition("/")
        return {"resourceType": type_, "id": id_} if type_ in self.definitions.resource_type_set else None


def _hinted(value: Any) -> Any:
    """Let references that only describe their target resolve to nobody of the type they name."""
    if isinstance(value, list):
        return [_hinted(each) for each in value]
    if not isinstance(value, dict):
        return value
    logical = isinstance(value.get("identifier"), dict) and "type" in value and "reference" not in value
    return {key: _hinted(each) for key, each in value.items()} | (
        {"reference": f"{value['type']}/?"} if logical else {}
    )


def _pair(coding: dict[str, Any]) -> Token:
    return coding.get("system"), coding.get("code")
