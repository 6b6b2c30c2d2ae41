"""Makes the Mapping of a type out of R4's definitions: the elements people read, and those its search parameters need.

https://hl7.org/fhir/R4/structuredefinition.html and https://hl7.org/fhir/R4/searchparameter.html

Kept are every single-valued top-level element of a plain datatype, and whatever a search parameter looks at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from fhir_server.definitions import Definitions, SearchComponent, SearchParameter
from fhir_server.mappings.datatypes import Computed, SearchType
from fhir_server.mappings.expressions import NotAPath, Route, Step, branches, route
from fhir_server.mappings.grow import Grower, Want, extension_name
from fhir_server.mappings.model import Component, Mapping, Parameter, Path
from fhir_server.mappings.official import official_element

_BASES = frozenset({"Resource", "DomainResource"})

MAIN_DATES = (
    "date", "datetime", "authored-on", "authoredon", "authored", "effective", "period", "occurrence", "onset-date",
    "started", "created", "recorded", "sent", "effective-time", "timestamp", "time", "whenhandedover", "when",
    "datewritten", "start-date", "identified", "published", "recorded-date", "issued", "request_date", "start",
    "enrollment-date", "lastmodified",
)  # fmt: skip
"""Date parameters by which a type is mostly sorted, the best first."""

ANY_TYPE = 140
"""A reference parameter with that many targets may point at anything: R4 then lists the types it had at the time."""

COMPONENT_ERRATA: dict[tuple[str, str], str] = {
    # R4 gives relatesTo.code to the reference parameter and relatesTo.target to the token parameter
    ("DocumentReference-relationship", "http://hl7.org/fhir/SearchParameter/DocumentReference-relatesto"): "target",
    ("DocumentReference-relationship", "http://hl7.org/fhir/SearchParameter/DocumentReference-relation"): "code",
}
"""(composite, component) -> the expression that the component's own definition calls for."""

ALSO_KEPT: dict[str, tuple[Want, ...]] = {
    # an entry that says deleted is not part of the list: `_list` must not find it
    "List": (Want("_list", "token", (Step("entry"), Step("deleted"))),),
}
"""What parameters ask for that have no expression, by type."""


def official_parameters(definitions: Definitions, resource_type: str) -> Iterator[SearchParameter]:
    """Yield the official parameters whose expression has something to say about the type, common ones left out."""
    for code, official in definitions.search_parameters_of(resource_type).items():
        if official.expression and not code.startswith("_"):
            roots = branches(official.expression)
            if resource_type in roots or any(_concerns(definitions, resource_type, root) for root in roots):
                yield official


def _concerns(definitions: Definitions, resource_type: str, root: str) -> bool:
    """Say whether an alternative speaks of the type: it starts with its name, or with one of its elements."""
    if root in (resource_type, *_BASES):
        return True
    return root[:1].islower() and definitions.type(resource_type).element(root) is not None


def derive(definitions: Definitions, resource_type: str) -> Mapping:
    """Return the mapping of a type, made from the definitions alone."""
    deriver = Deriver(definitions, resource_type)
    for official in official_parameters(definitions, resource_type):
        deriver.add(official)
    for want in ALSO_KEPT.get(resource_type, ()):
        deriver.grower.want(want)
    return deriver.mapping()


class Deriver:
    """Collects the search parameters of one type, then gives its mapping."""

    def __init__(self, definitions: Definitions, resource_type: str) -> None:
        self.definitions = definitions
        self.type = resource_type
        self.grower = Grower(definitions, resource_type)
        self.parameters: list[Parameter] = []
        self.computed: list[Computed] = []

    def add(self, official: SearchParameter) -> None:
        """Add a search parameter; one that is no path is left to the FHIRPath engine."""
        if official.type == "composite":
            self.parameters.append(self._composite(official))
            return
        try:
            paths = tuple(self._paths(official))
        except NotAPath:
            name = extension_name(f"search-{official.code}")
            self.computed.append(Computed(name, "0..*", expression=official.expression, of=search_type(official)))
            paths = (Path(name),)
        to = official.targets if len(official.targets) < ANY_TYPE else ()
        self.parameters.append(Parameter(official.code, search_type(official), paths, to))

    def _paths(self, official: SearchParameter) -> Iterator[Path]:
        for root, trees in branches(official.expression).items():
            if _concerns(self.definitions, self.type, root):
                relative = root not in (self.type, *_BASES)
                for tree in trees:
                    yield self._path(official, route(tree, relative=relative))

    def _path(self, official: SearchParameter, found: Route) -> Path:
        steps = self._typed(found.steps)
        self.grower.want(Want(official.code, search_type(official), steps))
        if found.where is not None:
            self._want_sibling(official.code, steps, found.where[0])
        return Path(_text(steps), found.where, found.to)

    def _want_sibling(self, code: str, steps: tuple[Step, ...], part: str) -> None:
        """Keep the element a `where` compares, unless it is a part of what is kept anyway (ContactPoint.system)."""
        owner = official_element(self.definitions, ".".join([self.type, *(step.name for step in steps[:-1])]))
        if owner is not None and any(self._has(ref.code, part) for ref in owner.types):
            self.grower.want(Want(code, "token", (*steps[:-1], Step(part))))

    def _has(self, type_name: str, part: str) -> bool:
        return type_name in self.definitions and self.definitions.type(type_name).element(part) is not None

    def _typed(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """Spell the types of choices as R4 does: the expressions also say "DateTime"."""
        made: list[Step] = []
        for step in steps:
            if step.type:
                path = ".".join([self.type, *(f"{s.name}:{s.type}" if s.type else s.name for s in made), step.name])
                element = official_element(self.definitions, path)
                codes = [ref.code for ref in element.types] if element else []
                step = replace(step, type=next((c for c in codes if c.lower() == step.type.lower()), step.type))
            made.append(step)
        return tuple(made)

    def _composite(self, official: SearchParameter) -> Parameter:
        roots = [route(tree, relative=False) for tree in branches(official.expression)[self.type]]
        components = tuple(self._component(official, roots, part) for part in official.components)
        return Parameter(official.code, "composite", tuple(Path(_text(root.steps)) for root in roots), (), components)

    def _component(self, official: SearchParameter, roots: list[Route], part: SearchComponent) -> Component:
        kind = search_type(_by_url(self.definitions)[part.definition])
        trees = branches(COMPONENT_ERRATA.get((official.id, part.definition), part.expression))
        found = [route(tree, relative=True) for group in trees.values() for tree in group]
        from_resource = "%resource" in trees
        for root in roots[:1] if from_resource else roots:
            for branch in found:
                above = () if from_resource else root.steps
                self.grower.want(Want(official.code, kind, self._typed((*above, *branch.steps))))
        above = () if from_resource else roots[0].steps
        paths = tuple(Path(_text(self._typed((*above, *b.steps))[len(above) :]), b.where, b.to) for b in found)
        return Component(kind, paths, from_resource)

    def mapping(self) -> Mapping:
        """Return the mapping."""
        elements = (*self.grower.elements(), *self.computed)
        return Mapping(self.type, *elements, search=self.parameters, main_date=self._main_date())

    def _main_date(self) -> str:
        by_code = {parameter.code: parameter for parameter in self.parameters if parameter.type == "date"}
        for code in MAIN_DATES:
            paths = by_code[code].paths if code in by_code else ()
            names = {path.steps.partition(":")[0] for path in paths}
            if len(names) != 1 or "." in paths[0].steps:
                continue
            element = official_element(self.definitions, f"{self.type}.{next(iter(names))}")
            if element is not None and element.max == 1:
                return paths[0].steps if len(paths) == 1 else next(iter(names))
        return ""


@lru_cache(maxsize=1)
def _by_url(definitions: Definitions) -> dict[str, SearchParameter]:
    return {parameter.url: parameter for parameter in definitions.search_parameters}


def search_type(official: SearchParameter) -> SearchType:
    """Return the search type of a parameter."""
    return official.type  # type: ignore[return-value]


def _text(steps: tuple[Step, ...]) -> str:
    names = [extension_name(step.extension) if step.extension else step.name for step in steps]
    return ".".join(f"{name}:{step.type}" if step.type else name for name, step in zip(names, steps, strict=True))
