"""The shapes of R4's definitions in memory: types, elements, search parameters, value sets.

https://hl7.org/fhir/R4/structuredefinition.html
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TypeRef:
    """One allowed type of an element.

    code     a type name: "string", "HumanName", "Reference", "Patient.contact" (a backbone, named by its path)
    targets  for Reference and canonical: the resource types it may point at; () means any
    """

    code: str
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a type, as the R4 snapshot declares it.

    name         element name without "[x]": "value"
    min, max     cardinality; max None means "*"
    types        allowed types; more than one only for choice elements
    choice       True for "value[x]": its JSON keys are name + Type ("valueQuantity")
    modifier     isModifier
    summary      isSummary
    strength     binding strength ("required", "extensible", "preferred", "example") or ""
    value_set    canonical of the bound value set without version, or ""
    constraints  keys of invariants stated on this element and not on its type
    attribute    True where XML carries it as an attribute (Element.id, Extension.url)
    order        position among the type's elements (the order XML demands)
    simple       True where the Quantity is a SimpleQuantity, which has no comparator
    """

    name: str
    min: int
    max: int | None
    types: tuple[TypeRef, ...]
    choice: bool
    modifier: bool
    summary: bool
    strength: str
    value_set: str
    constraints: tuple[str, ...]
    attribute: bool
    order: int
    simple: bool = False

    def json_keys(self) -> tuple[tuple[str, TypeRef], ...]:
        """Return the JSON property names this element may have, each with its type."""
        if not self.choice:
            return tuple((self.name, ref) for ref in self.types[:1])
        return tuple((self.name + ref.code[0].upper() + ref.code[1:], ref) for ref in self.types)


@dataclass(frozen=True, slots=True)
class TypeDef:
    """One R4 type: resource, complex datatype, primitive, or backbone element (named by its path).

    kind         "resource" | "complex" | "primitive" | "backbone"
    base         the type it specialises ("DomainResource", "BackboneElement", "string" ...), "" at the root
    elements     all elements including inherited ones, in XML order
    constraints  keys of the invariants stated on the type (inherited ones included)
    regex        primitive: the official pattern, "" where none
    """

    name: str
    kind: str
    base: str
    abstract: bool
    elements: tuple[Element, ...]
    constraints: tuple[str, ...]
    regex: str

    def element(self, name: str) -> Element | None:
        """Return the element called `name` (without "[x]"), or None."""
        return next((element for element in self.elements if element.name == name), None)


@dataclass(frozen=True, slots=True)
class ExtensionDef:
    """An extension that the R4 package defines, or one part of a complex extension.

    contexts  element paths and type names that may carry it ("Patient", "HumanName.family", "Element"); () for a part
    modifier  True where it may stand in `modifierExtension` only
    types     types its value may have; () where it holds no value, ("*",) for any
    required  True where a value must be present
    binding   canonical of a required value set, or ""
    min, max  how often a part must and may stand in the extension; max None means "*"
    parts     url -> part of a complex extension
    """

    contexts: tuple[str, ...]
    modifier: bool
    types: tuple[TypeRef, ...]
    required: bool
    binding: str
    min: int
    max: int | None
    parts: dict[str, ExtensionDef]


@dataclass(frozen=True, slots=True)
class Invariant:
    """A FHIRPath rule. `severity` is "error" or "warning"; `where` is the path that states it."""

    key: str
    severity: str
    expression: str
    where: str


@dataclass(frozen=True, slots=True)
class SearchComponent:
    """A part of a composite search parameter: the canonical of the parameter and its relative expression."""

    definition: str
    expression: str


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """An R4 SearchParameter.

    code        the name in a URL
    type        number date string token reference composite quantity uri special
    base        resource types it applies to
    expression  FHIRPath over all bases, as published ("" for special ones)
    targets     reference parameters: allowed target types
    """

    id: str
    url: str
    code: str
    type: str
    base: tuple[str, ...]
    expression: str
    targets: tuple[str, ...]
    components: tuple[SearchComponent, ...]


@dataclass(frozen=True, slots=True)
class OperationParameter:
    """One parameter of an OperationDefinition. `use` is "in" or "out"; max None means "*"."""

    name: str
    use: str
    min: int
    max: int | None
    type: str


@dataclass(frozen=True, slots=True)
class OperationDef:
    """An R4 OperationDefinition's facts."""

    id: str
    url: str
    code: str
    affects_state: bool
    system: bool
    type: bool
    instance: bool
    resources: tuple[str, ...]
    parameters: tuple[OperationParameter, ...]
