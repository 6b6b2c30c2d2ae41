"""Every search parameter finds a value that stands where its expression looks, in a document made for it.

https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from __future__ import annotations

import pytest

from fhir_server.mappings.datatypes import Computed
from fhir_server.mappings.derive import official_parameters
from tests.storage.oracle import expected
from tests.storage.samples import minimal
from tests.storage.test_projection_oracle import DEFINITIONS, PROJECTOR, Projected


@pytest.mark.parametrize("resource_type", DEFINITIONS.resource_types)
def test_each_parameter_finds_each_of_its_types_of_value(resource_type: str) -> None:
    mapping = PROJECTOR.schema.mappings[resource_type]
    official = {parameter.code: parameter for parameter in official_parameters(DEFINITIONS, resource_type)}
    computed = {element.name for element in mapping.elements if isinstance(element, Computed)}
    for parameter in mapping.search:
        if any(path.steps in computed for path in parameter.paths):
            continue  # made by the FHIRPath engine itself
        answered = 0
        for document in minimal(mapping, parameter):
            projected = Projected(resource_type, document)
            targets = PROJECTOR.schema.targets(resource_type, parameter.code)
            found = {value for target in targets for value in projected.values(target)}
            wanted = expected(DEFINITIONS, official[parameter.code], document)
            assert found == wanted, (parameter.code, document)
            answered += bool(found)
        assert answered >= len(parameter.paths), parameter.code
