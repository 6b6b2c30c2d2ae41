"""Numbers in searches mean ranges, as exact as they are written; stored ones mean themselves.

https://hl7.org/fhir/R4/search.html#number and https://hl7.org/fhir/R4/search.html#prefix
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from fhir_server.errors import BadRequest
from fhir_server.storage.model import SearchRequest
from fhir_server.storage.repository import Store
from tests.storage.search.ranges import Amount, expected, search_values
from tests.stores import EVERYONE, put

NUMBERS = (
    *("0", "0.1", "0.2", "0.3", "0.30000000000000004", "0.8", "0.80", "0.75", "1", "99.49", "99.5", "100", "100.4"),
    *("100.5", "94.9", "95", "105", "104.999", "1e-30", "-1e-30", "-5", "-4.5", "-100", "123456789012345678"),
    *("123456789012345679", "1e40", "0.000000000000000001", "0.000000000000000002"),
)
RANGES = (("0.1", "0.3"), ("99", "101"), (None, "0.5"), ("100", None), ("0.2", "0.2"), ("-5", "5"))


def assessment(id_: str, prediction: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "RiskAssessment", "id": id_, "status": "final", "prediction": [prediction]}


def found(store: Store, value: str, type_: str = "RiskAssessment", code: str = "probability") -> set[str]:
    page = store.search(EVERYONE, SearchRequest(type_, ((code, value),), count=100))
    return {row.id for row in page.rows}


def fill(store: Store) -> dict[str, Amount]:
    stored: dict[str, Amount] = {}
    documents = []
    for number, text in enumerate(NUMBERS):
        documents.append(assessment(f"n{number}", {"probabilityDecimal": Decimal(text)}))
        stored[f"n{number}"] = Amount.point(text)
    for number, (low, high) in enumerate(RANGES):
        ends = {"low": low, "high": high}
        limits = {name: {"value": Decimal(text)} for name, text in ends.items() if text is not None}
        documents.append(assessment(f"r{number}", {"probabilityRange": limits}))
        stored[f"r{number}"] = Amount.range(low, high)
    put(store, *documents)
    return stored


def test_prefixes_and_precision_are_as_a_naive_reading_of_the_specification_has_them(store: Store) -> None:
    stored = fill(store)

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(search_values([*NUMBERS, "1e2", "1.0e2", "100.00", "2", "0.5"]))
    def agree(value: tuple[str, str]) -> None:
        prefix, number = value
        wanted = {id_ for id_, amount in stored.items() if expected(prefix, number, amount)}
        assert found(store, prefix + number) == wanted

    agree()


def test_the_examples_of_the_specification(store: Store) -> None:
    names = {f"x{text.replace('.', '-')}": text for text in NUMBERS[9:18]}
    put(store, *(assessment(id_, {"probabilityDecimal": Decimal(text)}) for id_, text in names.items()))
    assert found(store, "100") == {"x99-5", "x100", "x100-4"}
    assert found(store, "100.00") == {"x100"}
    # The table says [95 ... 105) here, one digit more than its own rule: "1 significant figure" is [50 ... 150).
    assert found(store, "1e2") == set(names)
    assert found(store, "1.0e2") == {"x95", "x99-49", "x99-5", "x100", "x100-4", "x100-5", "x104-999"}
    assert found(store, "1.00e2") == found(store, "100")
    assert found(store, "lt100") == {"x94-9", "x95", "x99-49", "x99-5"}
    assert found(store, "le100") == {"x94-9", "x95", "x99-49", "x99-5", "x100"}
    assert found(store, "gt100") == {"x100-4", "x100-5", "x104-999", "x105"}
    assert found(store, "ge100") == {"x100", "x100-4", "x100-5", "x104-999", "x105"}
    assert found(store, "ne100") == {"x94-9", "x95", "x99-49", "x100-5", "x104-999", "x105"}
    assert found(store, "ap100") == set(names)


def test_whole_numbers_match_exactly_unless_an_exponent_says_otherwise(store: Store) -> None:
    starts = [1, 2, 3, 95, 100, 104, 105]
    put(
        store,
        *(
            {
                "resourceType": "MolecularSequence",
                "id": f"w{start}",
                "coordinateSystem": 0,
                "referenceSeq": {"windowStart": start},
            }
            for start in starts
        ),
    )
    cases = {"2": {2}, "2.0": {2}, "2.5": set(), "1.9": set(), "100": {100}, "1.0e2": {95, 100, 104}}
    cases |= {
        "le2": {1, 2},
        "ne100": {1, 2, 3, 95, 104, 105},
        "sa2": {3, 95, 100, 104, 105},
        "ap100": {95, 100, 104, 105},
    }
    for value, wanted in cases.items():
        assert found(store, value, "MolecularSequence", "window-start") == {f"w{each}" for each in wanted}, value


@pytest.mark.parametrize(
    "value",
    [
        "99999999999999999999", "1e401", "1e-401", "1e99999", "1" * 41, "1." + "1" * 18, "NaN", "Infinity", "", "gt",
        "0x1", "1_0", "٣", "1,", "xx5", "5 ", "1e", ".5", "5.", "--5", "5mg", "1e5.5", "5|http://unitsofmeasure.org|mg",
    ],
)  # fmt: skip
def test_what_is_no_number_or_has_too_many_digits_is_refused(store: Store, value: str) -> None:
    with pytest.raises(BadRequest) as caught:
        found(store, value)
    assert caught.value.all_issues()[0].code == "value"
