"""Search parameters that are added at run time: each gets a table of its own, so that no other table changes.

https://hl7.org/fhir/R4/searchparameter.html
"""

from __future__ import annotations

from fhir_server.definitions import SearchParameter
from fhir_server.fhirpath import compile as compile_fhirpath
from fhir_server.mappings.datatypes import Computed
from fhir_server.mappings.derive import search_type
from fhir_server.mappings.grow import extension_name
from fhir_server.mappings.model import Mapping, Parameter, Path

COMPUTABLE = frozenset({"token", "string", "date", "number", "quantity", "uri", "reference"})
"""Search types that a parameter added at run time can have."""


def extended(mapping: Mapping, added: SearchParameter) -> Mapping:
    """Return the mapping with one more search parameter; one with the same code is replaced.

    Its values are what its expression finds, whatever the expression is. They go to `<type>_search_<code>`, which can
    be filled while the server runs. Raises ValueError for a search type without a table (composite, special) and
    FhirPathError for an expression that is none.
    """
    if added.type not in COMPUTABLE:
        raise ValueError(f"a search parameter of type {added.type} cannot be added at run time")
    compile_fhirpath(added.expression, lenient=True)
    name = extension_name(f"search-{added.code}")
    values = Computed(name, "0..*", expression=added.expression, of=search_type(added))
    parameter = Parameter(added.code, search_type(added), (Path(name),), added.targets)
    return Mapping(
        mapping.type,
        *(element for element in mapping.elements if element.name != name),
        values,
        search=[*(known for known in mapping.search if known.code != added.code), parameter],
        main_date=mapping.main_date,
    )
