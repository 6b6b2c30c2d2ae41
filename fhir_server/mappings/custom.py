"""Search parameters that are added at run time: what a SearchParameter resource means, and the table it gets.

https://hl7.org/fhir/R4/searchparameter.html

Each parameter has a table of its own for each of its base types, so that no other table changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field
from typing import Any, Final

from fhir_server.definitions import Definitions, SearchParameter
from fhir_server.errors import Invalid, Issue
from fhir_server.fhirpath import FhirPathError
from fhir_server.fhirpath import compile as compile_fhirpath
from fhir_server.fhirpath.tree import Call, Literal, Tree, TypeTest, Variable, walk
from fhir_server.mappings.datatypes import Computed
from fhir_server.mappings.derive import search_type
from fhir_server.mappings.expressions import NotAPath, branches, root_of, route
from fhir_server.mappings.grow import extension_name
from fhir_server.mappings.model import Mapping, Parameter, Path
from fhir_server.mappings.official import official_element

COMPUTABLE: Final = frozenset({"token", "string", "date", "number", "quantity", "uri", "reference"})
"""Search types that a parameter added at run time can have."""

_URIS: Final = frozenset({"uri", "url", "canonical", "oid", "uuid"})
_TEXTS: Final = frozenset({"string", "markdown", "code", "id"}) | _URIS
GIVES: Final[MappingABC[str, frozenset[str]]] = {
    "token": _TEXTS
    | {"boolean", "integer", "positiveInt", "unsignedInt", "Coding", "CodeableConcept", "Identifier", "ContactPoint"},
    "string": _TEXTS | {"HumanName", "Address", "CodeableConcept", "Coding"},
    "date": frozenset({"date", "dateTime", "instant", "Period", "Timing"}),
    "number": frozenset({"decimal", "integer", "positiveInt", "unsignedInt"}),
    "quantity": frozenset({"Quantity", "SimpleQuantity", "MoneyQuantity", "Money"})
    | {"Age", "Count", "Distance", "Duration"},
    "uri": _URIS,
    "reference": frozenset({"Reference", "canonical", "uri", "url"}),
}
"""Search type -> the FHIR types whose values such a parameter finds."""

STEPS: Final = 50_000
"""Steps of FHIRPath that one parameter may take on one resource."""
LONGEST: Final = 2_000  # characters of an expression
MOST_BASES: Final = 50
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}", re.ASCII)
_NOT_THE_SAME: Final = frozenset({"now", "today", "timeOfDay"})
_UNKNOWN: Final = frozenset({"subsumes", "subsumedBy", "slice", "checkModifiers", "elementDefinition"})
_VARIABLES: Final = frozenset({"resource", "rootResource", "context", "ucum", "sct", "loinc"})
_ANY: Final = frozenset({"Resource", "DomainResource"})


@dataclass(frozen=True, slots=True)
class Added(Computed):
    """What a parameter added at run time finds in a resource.

    number  of the parameter in this database, which also keeps its loose references apart; 0 where there is none
    """

    number: int = field(default=0, kw_only=True)


@dataclass(frozen=True, slots=True)
class Definition:
    """What a SearchParameter resource adds to one type.

    type        the resource type
    code        the name in a URL
    kind        search type, one of COMPUTABLE
    expression  FHIRPath from the resource
    targets     reference: the types it may point at, () for any
    url         canonical of the SearchParameter
    """

    type: str
    code: str
    kind: str
    expression: str
    targets: tuple[str, ...]
    url: str

    def parameter(self) -> SearchParameter:
        """Return it in the form of the official ones."""
        return SearchParameter(
            self.code, self.url, self.code, self.kind, (self.type,), self.expression, self.targets, ()
        )


def extended(mapping: Mapping, added: SearchParameter, name: str = "", number: int = 0) -> Mapping:
    """Return the mapping with one more search parameter; one with the same code is replaced.

    name    of the element that holds its values, which gives the table its name; "" makes one from the code
    number  see `Added`

    Its values are what its expression finds, whatever the expression is. They go to `<type>_search_<code>`, which can
    be filled while the server runs. Raises ValueError for a search type without a table (composite, special) and
    FhirPathError for an expression that is none.
    """
    if added.type not in COMPUTABLE:
        raise ValueError(f"a search parameter of type {added.type} cannot be added at run time")
    compile_fhirpath(added.expression, lenient=True)
    name = name or element_name(added.code)
    values = Added(name, "0..*", expression=added.expression, of=search_type(added), number=number)
    parameter = Parameter(added.code, search_type(added), (Path(name),), added.targets)
    return Mapping(
        mapping.type,
        *(element for element in mapping.elements if element.name != name),
        values,
        search=[*(known for known in mapping.search if known.code != added.code), parameter],
        main_date=mapping.main_date,
    )


def element_name(code: str, turn: int = 1) -> str:
    """Return the name of the element for a parameter; `turn` tells apart those that would have the same one."""
    name = extension_name(f"search-{code}")
    return name if turn == 1 else f"{name}{turn}"


def understood(document: MappingABC[str, Any], definitions: Definitions) -> tuple[Definition, ...]:
    """Return what a valid SearchParameter resource adds, one definition for each type; () when it has no effect.

    Only an active one has. One that R4 itself defines, or that says the same of a type as R4's own parameter of that
    name (as profiles of R4's parameters in implementation guides do), adds nothing: the server has it already.
    Raises Invalid, naming the element, for one that cannot work.
    """
    url = str(document["url"]).partition("|")[0]
    if document["status"] != "active" or url in _official_urls(definitions):
        return ()
    reader = _Reader(document, definitions)
    reader.head()
    found = tuple(
        Definition(base, document["code"], document["type"], document["expression"], reader.targets, url)
        for index, base in enumerate(document["base"])
        if reader.concerns(index, base)
    )
    if found:
        reader.refuse_what_cannot_be_kept()
    return found


def _official_urls(definitions: Definitions) -> frozenset[str]:
    return frozenset(parameter.url for parameter in definitions.search_parameters)


class _Reader:
    """Judges one SearchParameter."""

    def __init__(self, document: MappingABC[str, Any], definitions: Definitions) -> None:
        self.document = document
        self.definitions = definitions
        self.targets = tuple(name for name in document.get("target", ()) if name in definitions.resource_type_set)

    def head(self) -> None:
        """Refuse what no type could do anything with."""
        document = self.document
        if document["type"] not in COMPUTABLE:
            raise _invalid("type", f"A search parameter of type {document['type']} cannot be added to this server.")
        if not _CODE.fullmatch(document["code"]):
            text = "The code must begin with a letter and go on with letters, digits, - or _, 64 characters at most."
            raise _invalid("code", text)
        if not document.get("expression"):
            raise _invalid("expression", "An active search parameter needs an expression: what does it look at?")
        if len(document["expression"]) > LONGEST:
            raise _invalid("expression", f"The expression is longer than {LONGEST} characters.", "too-long")
        if len(document["base"]) > MOST_BASES:
            raise _invalid("base", f"A search parameter can have {MOST_BASES} base types at most.", "too-costly")

    def concerns(self, index: int, base: str) -> bool:
        """Say whether the parameter adds something to a base type. Raises Invalid where it cannot."""
        place = f"base[{index}]"
        if base in _ANY:
            raise _invalid(place, f"Name the types the parameter is for: {base} is not supported as a base.")
        if base not in self.definitions.resource_type_set:
            raise _invalid(place, "There is no such resource type.")
        official = self.definitions.search_parameters_of(base).get(self.document["code"])
        if official is not None:
            if not self._same(official, base):
                raise _invalid("code", f"FHIR R4 has a search parameter of this name for {base}.", "duplicate")
            return False
        found = list(self._branches(base))
        if not found:
            raise _invalid("expression", f"The expression has nothing to say about {base}, which is a base.")
        self._refuse_other_types(base, found)
        return True

    def _same(self, official: SearchParameter, base: str) -> bool:
        """Say whether this is R4's own parameter in another resource."""
        if official.type != self.document["type"]:
            return False
        if str(self.document.get("derivedFrom", "")).partition("|")[0] == official.url:
            return True
        return bool(official.expression) and list(self._branches(base)) == list(
            _of(base, official.expression, self.definitions)
        )

    def _branches(self, base: str) -> Iterator[Tree]:
        try:
            yield from _of(base, self.document["expression"], self.definitions)
        except FhirPathError as error:
            raise _invalid("expression", f"The expression is not FHIRPath: {error.reason}.", "value") from None

    def _refuse_other_types(self, base: str, trees: list[Tree]) -> None:
        """Refuse an expression that is a path to something the parameter's type cannot search, or to nothing."""
        types = [self._types(base, tree) for tree in trees]
        known = [names for names in types if names is not None]
        if len(known) < len(types) or any(names & GIVES[self.document["type"]] for names in known):
            return
        if any(known):
            shown = " and ".join(sorted(set().union(*known))[:5])
            kind = self.document["type"]
            raise _invalid("type", f"The expression gives {shown}, which a {kind} parameter cannot search.")
        raise _invalid("expression", f"The expression leads to no element of {base}.")

    def _types(self, base: str, tree: Tree) -> frozenset[str] | None:
        """Return the FHIR types of the element that a branch is a path to, none for no element; None if unknown."""
        try:
            found = route(tree, relative=root_of(tree) not in (base, *_ANY))
        except NotAPath:
            return None
        if not found.steps or found.root.startswith("%") or any(step.extension for step in found.steps):
            return None
        names = [f"{step.name}:{step.type}" if step.type else step.name for step in found.steps]
        element = official_element(self.definitions, ".".join([base, *names]))
        if element is None:
            return frozenset()
        last = found.steps[-1].type
        return frozenset([last] if last else [ref.code for ref in element.types])

    def refuse_what_cannot_be_kept(self) -> None:
        """Refuse an expression whose result is no matter of the resource alone."""
        text = self.document["expression"]
        try:
            tree = compile_fhirpath(text, lenient=True).ast
        except FhirPathError as error:
            raise _invalid("expression", f"The expression is not FHIRPath: {error.reason}.", "value") from None
        for part in walk(tree):
            reason = self._fault(part)
            if reason:
                raise _invalid("expression", reason)
        if _followed(tree):
            raise _invalid(
                "expression",
                "The expression follows references: resolve() can stand in front of `is` and a type only. "
                "Search through a reference with a chained parameter.",
            )

    def _fault(self, part: Tree) -> str:
        match part:
            case Call(name=name) if name in _NOT_THE_SAME:
                return f"The expression depends on the time: {name}() cannot be kept in a table."
            case Call(name=name) if name in _UNKNOWN:
                return f"The server cannot compute {name}() in a search parameter."
            case Call(name="memberOf", arguments=(Literal(value=str(url)),)):
                known = url.partition("|")[0] in self.definitions.value_sets
                return "" if known else "memberOf() knows the value sets of R4's required bindings, not this one."
            case Call(name="memberOf"):
                return "memberOf() in a search parameter names its value set as a text."
            case Variable(name=name) if name not in _VARIABLES and not name.startswith(("vs-", "ext-")):
                return "The expression uses a variable that a search parameter does not have."
        return ""


def _of(base: str, expression: str, definitions: Definitions) -> Iterator[Tree]:
    """Yield the alternatives of an expression that speak of a type: from its name on, or from one of its elements."""
    own = definitions.type(base)
    for root, trees in branches(expression).items():
        element = root[:1].islower() and own.element(root) is not None
        if element or root in (base, *_ANY) or not root or root.startswith("%"):
            yield from trees


def _followed(tree: Tree) -> bool:
    """Say whether the result of a resolve() is used for more than its type."""
    harmless = {
        id(part.operand) for part in walk(tree) if isinstance(part, TypeTest) and part.operator == "is" and part.operand
    }
    return any(isinstance(part, Call) and part.name == "resolve" and id(part) not in harmless for part in walk(tree))


def _invalid(place: str, text: str, code: str = "business-rule") -> Invalid:
    return Invalid(text, issues=(Issue("error", code, text, f"SearchParameter.{place}"),))
