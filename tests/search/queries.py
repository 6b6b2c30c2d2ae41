"""Hypothesis strategies for searches over a set of resources: built from the values that are there, and near misses.

https://hl7.org/fhir/R4/search.html

Every search carries the names of the features it uses (FEATURES), so that a run can be limited to some of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from fhir_server.definitions import SearchParameter, load
from fhir_server.fhirpath import Node
from tests.search.datatypes import PREFIXES, UCUM, fold, labels, texts, tokens
from tests.search.oracle import Oracle, Resource, name_of
from tests.search.resources import (
    AMOUNTS,
    CODES,
    DAYS,
    IDS,
    INSTANTS,
    LABELS,
    MASSES,
    NAMES,
    NUMBERS,
    SYSTEMS,
    TYPES,
    URLS,
)
from tests.stores import BASE_URL, START

Draw = Callable[[st.SearchStrategy[Any]], Any]
Parameter = tuple[str, str]

FEATURES = frozenset(
    {
        "token", "string", "date", "number", "uri", "reference", "quantity", "composite",
        "or", "and", "missing", "not", "exact", "contains", "text", "of-type", "identifier", "type", "below",
        "chain", "deep chain", "has", "nested has", "chain to has", "system", "sort", "restricted", "include",
        "compartment", "contained",
    }
)  # fmt: skip
UNUSED = frozenset({"phonetic", "_text", "_content", "_filter", "_query", "near"})
COMPARTMENTS = ("Patient", "Practitioner", "Encounter")
COMMON = ("_id", "_lastUpdated", "_tag", "_security", "_profile", "_source")


@dataclass(frozen=True)
class Search:
    """A search to ask.

    type        a resource type, None for all
    parameters  (name, value); "@0" and "@1" in a value stand for the moments at which the set was stored
    sort        keys of _sort
    include     (_include, _revinclude or one of them with :iterate, value)
    compartment (type, id): only what is in that compartment
    reader      ("Patient", id): the caller sees this compartment only; None: everything
    features    which of FEATURES it uses
    """

    type: str | None
    parameters: tuple[Parameter, ...] = ()
    sort: tuple[str, ...] = ()
    include: tuple[Parameter, ...] = ()
    compartment: tuple[str, str] | None = None
    reader: tuple[str, str] | None = None
    features: frozenset[str] = frozenset()


def escape(text: str) -> str:
    """Put a backslash before the characters that separate."""
    return re.sub(r"([,|$\\])", r"\\\1", text)


class Asker:
    """Draws searches over one set of resources."""

    def __init__(self, draw: Draw, resources: Sequence[Resource], allowed: Collection[str]) -> None:
        self.draw = draw
        self.resources = resources
        self.allowed = allowed
        self.oracle = Oracle(resources, load(), BASE_URL, START)
        self.used: set[str] = set()

    def one(self, values: Sequence[Any]) -> Any:
        """Return one of `values`."""
        return self.draw(st.sampled_from(values))

    def may(self, feature: str, often: int = 2) -> bool:
        """Say whether to use a feature now, every `often` times where it is allowed."""
        if feature not in self.allowed or self.draw(st.integers(1, often)) > 1:
            return False
        self.used.add(feature)
        return True

    def search(self) -> Search:
        """Draw one search."""
        self.used = set()
        type_ = None if self.may("system", 12) else str(self.one([each["resourceType"] for each in self.resources]))
        parameters = [self.criterion(type_)]
        while len(parameters) < 3 and self.may("and", 6):
            parameters.append(self.criterion(type_))
        sort = self.sort(type_) if type_ is not None and self.may("sort", 3) else ()
        include = self.includes(type_) if type_ is not None and self.may("include", 4) else ()
        reader = ("Patient", str(self.one(IDS))) if self.may("restricted", 10) else None
        owner = self.owner(type_) if self.may("compartment", 14) else None
        return Search(type_, tuple(parameters), sort, include, owner, reader, frozenset(self.used))

    def owner(self, type_: str | None) -> tuple[str, str] | None:
        """Draw what a compartment is named after that resources of a type can be in."""
        known = load().compartments
        names = [name for name in COMPARTMENTS if type_ in (None, name) or type_ in known[name]]
        return (str(self.one(names)), str(self.one(IDS))) if names else None

    def criterion(self, type_: str | None, depth: int = 3) -> Parameter:
        """Draw a parameter of a type: plain, chained, or reverse chained."""
        if type_ is not None and depth:
            for feature, draw, often in (("chain", self.chain, 5), ("has", self.has, 6)):
                if feature in self.allowed and self.one(range(often)) == 0 and (made := draw(type_, depth)):
                    self.used.add(feature)
                    return made
        return self.plain(type_)

    def chain(self, type_: str, depth: int) -> Parameter | None:
        """Draw a chained parameter along a reference that leads somewhere."""
        ways = [
            (code, link)
            for each in self.resources
            if each["resourceType"] == type_
            for code in self.references(type_)
            for link in sorted(self.oracle.links(each, code))
            if link in self.oracle.by_name or (link[0] == "#" and "contained" in self.allowed)
        ]
        if not ways:
            return None
        code, link = self.one(ways)
        target = link.partition("/")[0] if link[0] != "#" else "Practitioner"
        self.used |= {"contained"} if link[0] == "#" else set()
        targets = self.oracle.parameter(type_, code).targets
        typed = len(targets) != 1 or self.one((True, False))
        # What is contained is asked for its own values only: R4 does not say what refers to it.
        further = depth - 1 if "deep chain" in self.allowed and link[0] != "#" else 0
        name, text = self.criterion(target, further)
        if link[0] == "#" and name.startswith("_lastUpdated"):
            return None  # it has none of its own (dom-4); whether its container's counts, R4 does not say
        self.used |= {"deep chain"} if "." in name else {"chain to has"} if name.startswith("_has") else set()
        return f"{code}:{target}.{name}" if typed else f"{code}.{name}", text

    def has(self, type_: str, depth: int) -> Parameter | None:
        """Draw a _has parameter along a reference that leads to a resource of the type."""
        ways = [
            (each["resourceType"], code)
            for each in self.resources
            for code in self.references(each["resourceType"])
            if any(link.startswith(f"{type_}/") for link in self.oracle.links(each, code))
        ]
        if not ways:
            return None
        source, code = self.one(ways)
        name, text = self.criterion(source, depth - 1 if "nested has" in self.allowed else 0)
        self.used |= {"nested has"} if name.startswith("_has") else set()
        return f"_has:{source}:{code}:{name}", text

    def references(self, type_: str) -> list[str]:
        """Return the reference parameters of a type."""
        return [each.code for each in load().search_parameters_of(type_).values() if each.type == "reference"]

    def parameters(self, type_: str | None) -> list[SearchParameter]:
        """Return the parameters of a type that are allowed; those that find something in the set come three times."""
        official = load().search_parameters_of(type_ or "Patient")
        known = [official[code] for code in COMMON] if type_ is None else list(official.values())
        known = [each for each in known if each.type in self.allowed and each.expression and each.code not in UNUSED]
        owners = [each for each in self.resources if type_ in (None, each["resourceType"])]
        found = [each for each in known if each.type == "composite" or any(self.oracle.values(r, each) for r in owners)]
        rare = [each for each in found if each.type in ("number", "quantity", "composite", "date")]
        return known + found * 8 + rare * 8

    def plain(self, type_: str | None) -> Parameter:
        """Draw a parameter that looks at the resource itself."""
        parameter = self.one(self.parameters(type_))
        self.used.add(parameter.type)
        owners = [each for each in self.resources if type_ in (None, each["resourceType"])]
        nodes = [node for each in owners for node in self.oracle.values(each, parameter)]
        if parameter.type != "composite" and self.may("missing", 8):
            return f"{parameter.code}:missing", self.one(("true", "false"))
        modifier = self.modifier(parameter, nodes)
        values = [self.value(parameter, modifier, nodes)]
        while len(values) < 3 and self.may("or", 5):
            values.append(self.value(parameter, modifier, nodes))
        return parameter.code + (f":{modifier}" if modifier else ""), ",".join(values)

    def modifier(self, parameter: SearchParameter, nodes: Sequence[Any]) -> str:
        """Draw a modifier that the parameter's type has, mostly none."""
        types = {node.type for node in nodes if isinstance(node, Node)}
        choices = {"string": ["exact", "contains"], "token": ["not"], "reference": ["type", "identifier"]}
        names = choices.get(parameter.type, [])
        names += ["of-type"] if parameter.type == "token" and types == {"Identifier"} else []
        names += ["text"] if parameter.type == "token" and types and types <= {"CodeableConcept", "Coding"} else []
        names += ["below"] if parameter.type == "uri" and types == {"uri"} else []
        names = [name for name in names if name in self.allowed]
        if not names or self.one((True, False, False)):
            return ""
        name = str(self.one(names))
        self.used.add(name)
        targets = [each for each in parameter.targets if each in TYPES]
        return (str(self.one(targets)) if targets else "") if name == "type" else name

    def value(self, parameter: SearchParameter, modifier: str, nodes: Sequence[Any]) -> str:
        """Draw one value of a parameter, from one of the elements it finds or from the values there could be."""
        node = self.one([*nodes, *nodes, None]) if nodes else None
        if parameter.type == "composite":
            return self.composite(parameter, nodes)
        if modifier == "identifier":
            identifier = node.value.get("identifier") if node is not None else None
            return self.token(Node(identifier, "Identifier") if identifier else None)
        if modifier == "of-type":
            return self.of_type(node)
        if modifier == "text":
            return escape(self.near([*labels(node), *LABELS] if node is not None else LABELS))
        return str(getattr(self, parameter.type)(*self._arguments(parameter, modifier, node)))

    def _arguments(self, parameter: SearchParameter, modifier: str, node: Any) -> tuple[Any, ...]:
        if parameter.type == "token":
            return (node, parameter)
        return (node, modifier) if parameter.type in ("string", "reference", "uri") else (node,)

    def near(self, candidates: Sequence[str], *, inside: bool = False) -> str:
        """Return a text or its beginning (or a middle part), as it is or in other case or without accents."""
        text = str(self.one(candidates))
        start = self.draw(st.integers(0, max(0, min(len(text) - 2, 3)))) if inside else 0
        length = self.one((2, 3, 5, 300))
        text = text[start : start + length]
        changed = self.one((str, str.upper, str.lower, fold))(text)
        return changed.strip() if len(fold(changed).strip()) > 1 else "zz"

    def string(self, node: Any, modifier: str) -> str:
        """Draw the value of a string parameter."""
        candidates = [*(texts(node) if node is not None else ()), *NAMES]
        if modifier == "exact":
            return escape(str(self.one([*candidates, *(each.upper() for each in candidates[:2])])))
        return escape(self.near(candidates[:3] if node is not None else candidates, inside=modifier == "contains"))

    def token(self, node: Any, parameter: SearchParameter | None = None) -> str:
        """Draw code, system|code, |code or system|."""
        if parameter is not None and parameter.code == "_id":
            return str(self.one(IDS))
        found = list(tokens(node)) if node is not None else []
        if not isinstance(node, Node) and node is not None:
            return str(self.one(("true", "false")))
        if node is not None and node.type == "ContactPoint":
            return str(node.value.get("value") if self.one((True, False)) else "+41 79 555 12 34")
        if node is not None and node.type in ("code", "boolean", "string", "id"):
            systems = sorted(self.oracle._implied(node)) or ["urn:s"]
            return str(self.one(("{c}", "{c}", "{s}|{c}", "|{c}"))).format(c=escape(found[0][1] or ""), s=systems[0])
        system, code = (
            self.one(found) if found and self.one((True, True, False)) else (self.one(SYSTEMS), self.one(CODES))
        )
        if parameter is not None and node is None and parameter.code in ("active", "deceased", "gender", "status"):
            return "true"
        form = self.one(("{c}", "{s}|{c}", "{s}|{c}", "|{c}", "{s}|"))
        made = str(form).format(s=escape(system or ""), c=escape(code or ""))
        return made if made not in ("", "|") else escape(str(self.one(CODES)))

    def of_type(self, node: Any) -> str:
        """Draw system|code|value."""
        coding: dict[str, Any] = (
            next(iter(node.value.get("type", {}).get("coding", ())), {}) if node is not None else {}
        )
        system, code = coding.get("system", SYSTEMS[0]), coding.get("code", CODES[0])
        value = node.value["value"] if node is not None and self.one((True, True, False)) else self.one(CODES)
        return "|".join(map(escape, (self.one((system, SYSTEMS[1])), code, value)))

    def date(self, node: Any) -> str:
        """Draw a date with or without prefix."""
        text = self.one((*DAYS, *INSTANTS, *INSTANTS, "2020-02-29T23:30Z", "2020-03-01T00:00+01:00"))
        if node is not None and node.key == "lastUpdated":
            text = self.one(("@0", "@1", "@2", "2026-11"))
        elif node is not None and isinstance(node.value, str) and self.one((True, False)):
            text = node.value[: self.one((4, 7, 10, 40))]
        return self.prefix() + str(text)

    def prefix(self) -> str:
        """Draw a prefix, or none."""
        return str(self.one((*PREFIXES, "", "")))

    def number(self, node: Any) -> str:
        """Draw a number with or without prefix."""
        return self.prefix() + str(self.one(NUMBERS))

    def quantity(self, node: Any) -> str:
        """Draw number, number|system|unit or number||unit, also in a unit the set does not use."""
        value: Any = node.value if node is not None else {}
        value = {**value.get("low", {}), **value}
        number = self.one(AMOUNTS)
        if "value" in value and self.one((True, True, False)):
            number = str(value["value"])
        unit = value.get("code") or value.get("unit") or "mg"
        if unit in MASSES and "value" in value and self.one((True, False)):
            unit, number = self.one(
                (("g", number), ("mg", _times(number, 1000)), ("kg", _times(number, Fraction(1, 1000))))
            )
        form = self.one(("{n}", "{n}|{s}|{u}", "{n}|{s}|{u}", "{n}|{s}|{u}", "{n}||{u}"))
        return self.prefix() + str(form).format(n=number, s=escape(value.get("system", UCUM)), u=escape(unit))

    def reference(self, node: Any, modifier: str) -> str:
        """Draw id, Type/id or URL."""
        links = [name_of(each) for each in self.resources]
        link = str(self.one(links))
        if node is not None and self.one((True, True, False)):
            found = self.oracle._points_at(node)
            link = found if found and "?" not in found else link
        if self.one(range(12)) == 0:
            link = self.one(("https://elsewhere.example/Patient/a", "https://elsewhere.example/Practitioner/a"))
        if "//" in link:
            return escape(link) if not modifier else "a"
        id_ = link.partition("/")[2] or "a"  # what is contained has no address
        if modifier:
            return str(self.one((id_, f"{modifier}/{id_}")))
        link = link if "/" in link else f"Patient/{id_}"
        return str(self.one((id_, link, f"{BASE_URL}/{link}", f"Patient/{id_}")))

    def uri(self, node: Any, modifier: str) -> str:
        """Draw a URI, or for :below a beginning of one that ends where a part ends."""
        text = str(node.value) if node is not None else str(self.one(URLS))
        if modifier == "below":
            return str(self.one(("http://x.example/", "http://x.example/vs", "http://x.example/vs/")))
        return escape(str(self.one((text, text, text.partition("|")[0], text.upper()))))

    def composite(self, parameter: SearchParameter, roots: Sequence[Node]) -> str:
        """Draw a value for each part, mostly from one element."""
        root = self.one(list(roots)) if roots else None
        made = []
        for component in parameter.components:
            part = self.oracle._by_url[component.definition]
            nodes = self.oracle.below(root, component) if root is not None else []
            made.append(self.value(part, "", [node for node in nodes if node.value is not None]))
        return "$".join(made)

    def sort(self, type_: str) -> tuple[str, ...]:
        """Draw one to three sort keys."""
        known = [each for each in load().search_parameters_of(type_).values() if each.expression]
        codes = [
            each.code
            for each in known
            if each.type in ("date", "string", "number", "token") and each.code not in UNUSED
        ]
        count = self.one((1, 1, 2, 3))
        return tuple(self.one(("", "-")) + code for code in dict.fromkeys(self.one(codes) for _ in range(count)))

    def includes(self, type_: str) -> tuple[Parameter, ...]:
        """Draw one to three directives."""
        made = []
        for _ in range(self.one((1, 1, 2, 3))):
            again = self.one(("", "", ":iterate"))
            source = self.one(TYPES) if again or self.one((True, False)) else type_
            code = self.one([*self.references(source), "*"]) if self.references(source) else "*"
            kind = "_include" if source == type_ or self.one((True, False)) else "_revinclude"
            allowed = load().search_parameters_of(source)[code].targets if code != "*" else ()
            target = self.one(["", "", *(f":{each}" for each in allowed if each in TYPES)])
            made.append((kind + again, f"{source}:{code}{target}"))
        return tuple(dict.fromkeys(made))


def _times(number: str, by: Any) -> str:
    """Return a number multiplied, in as many digits as it needs."""
    found = Fraction(number) * by
    return f"{float(found):.9f}".rstrip("0").rstrip(".") if found.denominator > 1 else str(found.numerator)


@st.composite
def searches(
    draw: Draw, resources: Sequence[Resource], count: int, allowed: Collection[str] = FEATURES
) -> list[Search]:
    """Draw `count` searches over a set of resources that use nothing but the features in `allowed`."""
    asker = Asker(draw, resources, allowed)
    return [asker.search() for _ in range(count)]
