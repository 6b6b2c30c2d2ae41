"""https://hl7.org/fhir/R4/search.html#quantity"""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.spec.http.client import XML, Fhir, codes, observation, unique
from tests.spec.http.test_search import ids

UCUM = "http://unitsofmeasure.org"


def found(fhir: Fhir, code: str, value: str) -> list[str]:
    return ids(fhir.get(f"/Observation?code=urn:quantity|{code}&value-quantity={quote(value)}"))


def test_an_amount_is_found_in_whatever_unit_of_ucum_it_was_written(fhir: Fhir) -> None:
    code = unique()
    concept = {"coding": [{"system": "urn:quantity", "code": code}]}
    in_gram = {"value": 0.0054, "unit": "gram", "system": UCUM, "code": "g"}
    one = fhir.create(observation(code=concept, valueQuantity=in_gram))["id"]
    assert found(fhir, code, f"5.4|{UCUM}|mg") == [one]
    assert found(fhir, code, f"gt5.3|{UCUM}|mg") == [one]
    assert found(fhir, code, f"5.4|{UCUM}|mL") == []
    assert found(fhir, code, "5.4||mg") == []
    assert found(fhir, code, "0.0054||gram") == [one]
    assert found(fhir, code, "0.0054") == [one]


def test_a_number_in_xml_keeps_the_digits_that_say_what_it_is(fhir: Fhir) -> None:
    code = unique()
    body = (
        '<Observation xmlns="http://hl7.org/fhir"><status value="final"/><code><coding><system value="urn:quantity"/>'
        f'<code value="{code}"/></coding></code><valueQuantity><value value="98.60"/><unit value="F"/>'
        f'<system value="{UCUM}"/><code value="[degF]"/></valueQuantity></Observation>'
    )
    assert fhir.post("/Observation", body, Content_Type=XML).status_code == 201
    assert len(found(fhir, code, f"37.00|{UCUM}|Cel")) == 1
    assert len(found(fhir, code, f"310.1500000000|{UCUM}|K")) == 1
    assert found(fhir, code, f"37.1|{UCUM}|Cel") == []


@pytest.mark.parametrize(
    "value", ["99999999999999999999", f"99999999999999999999|{UCUM}|mg", "five", "5|mg", "xx5||mg"]
)
def test_a_value_that_is_no_quantity_is_refused(fhir: Fhir, value: str) -> None:
    answer = fhir.get(f"/Observation?value-quantity={quote(value)}", Prefer="handling=lenient")
    assert (answer.status_code, codes(answer)) == (400, ["value"])
