"""https://hl7.org/fhir/R4/search.html, as far as conditional interactions need it"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from fhir_server.errors import BadRequest, FhirError, TooCostly, UnknownType, UnsupportedParameter
from fhir_server.storage.model import SearchRequest, Version
from fhir_server.storage.repository import Store
from tests.stores import BASE_URL, EVERYONE, START, Clock, delete, put

PATIENTS: list[dict[str, Any]] = [
    {
        "resourceType": "Patient",
        "id": "ann",
        "meta": {"tag": [{"system": "urn:t", "code": "vip"}], "profile": ["http://x/p|1.0"], "source": "urn:s"},
        "identifier": [{"system": "urn:mrn", "value": "1"}, {"value": "2"}],
        "active": True,
        "name": [{"family": "Núñez", "given": ["Ann", "Marie"]}, {"family": "Old", "use": "old"}],
        "gender": "female",
        "birthDate": "1980-05-17",
        "telecom": [{"system": "phone", "value": "+41 (79) 555-12 34", "use": "mobile"}],
        "generalPractitioner": [{"reference": "Practitioner/dr"}],
    },
    {
        "resourceType": "Patient",
        "id": "bob",
        "identifier": [{"system": "urn:mrn", "value": "1,2"}, {"system": "urn:other", "value": "1"}],
        "active": False,
        "name": [{"family": "Nunn_%", "given": ["Bob"]}],
        "gender": "male",
        "birthDate": "1980",
        "managingOrganization": {"reference": "https://elsewhere.example/Organization/9"},
    },
    {"resourceType": "Patient", "id": "cy", "name": [{"text": "Cy the Third"}], "deceasedBoolean": True},
]
OTHERS: list[dict[str, Any]] = [
    {"resourceType": "Practitioner", "id": "dr", "name": [{"family": "Who"}]},
    {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}, {"code": "hr"}]},
        "subject": {"reference": "Patient/ann"},
        "effectiveDateTime": "2026-03-01T10:30:00+01:00",
    },
    {
        "resourceType": "Observation",
        "id": "o2",
        "status": "preliminary",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8310-5"}]},
        "subject": {"reference": f"{BASE_URL}/Patient/bob"},
        "effectivePeriod": {"start": "2026-03-01", "end": "2026-03-31"},
    },
    {"resourceType": "RiskAssessment", "id": "r", "prediction": [{"probabilityDecimal": Decimal("0.80")}]},
    {"resourceType": "ValueSet", "id": "vs", "url": "http://x/vs", "version": "1", "status": "active"},
]


@pytest.fixture
def filled(store: Store, clock: Clock) -> Store:
    for document in OTHERS[:1]:
        put(store, document)
    for document in PATIENTS:
        clock.advance(seconds=1)
        put(store, document)
    put(store, *OTHERS[1:])
    put(store, {"resourceType": "Patient", "id": "gone", "gender": "male", "active": True})
    delete(store, "Patient", "gone")
    return store


def ids(rows: list[Version]) -> list[str]:
    return [row.id for row in rows]


def search(store: Store, type_: str | None, *parameters: tuple[str, str], **more: Any) -> list[str]:
    page = store.search(EVERYONE, SearchRequest(type_, parameters, total=True, **more))
    assert page.total == len(page.rows), "the total is exact"
    return sorted(ids(page.rows))


CASES = [
    ("_id", "ann", ["ann"]),
    ("_id", "bob,ann,nobody", ["ann", "bob"]),
    ("_id", "urn:x|ann", []),
    ("identifier", "urn:mrn|1", ["ann"]),
    ("identifier", "1", ["ann", "bob"]),
    ("identifier", "|2", ["ann"]),
    ("identifier", "|1", []),
    ("identifier", "urn:mrn|", ["ann", "bob"]),
    ("identifier", r"urn:mrn|1\,2", ["bob"]),
    ("identifier", "urn:mrn|1,urn:other|1", ["ann", "bob"]),
    ("identifier", "URN:MRN|1", []),
    ("identifier:not", "urn:mrn|1", ["bob", "cy"]),
    ("identifier:missing", "true", ["cy"]),
    ("identifier:missing", "false", ["ann", "bob"]),
    ("active", "true", ["ann"]),
    ("active", "false", ["bob"]),
    ("active:missing", "true", ["cy"]),
    ("gender", "male", ["bob"]),
    ("gender", "http://hl7.org/fhir/administrative-gender|male", ["bob"]),
    ("gender", "http://hl7.org/fhir/administrative-gender|", ["ann", "bob"]),
    ("gender", "http://other|male", []),
    ("gender:not", "male", ["ann", "cy"]),
    ("gender:not", "male,female", ["cy"]),
    ("gender:missing", "true", ["cy"]),
    ("phone", "+41795551234", ["ann"]),
    ("phone", "+41 79 555 12 34", ["ann"]),
    ("telecom", "mobile|+41795551234", ["ann"]),
    ("telecom", "home|+41795551234", []),
    ("family", "nun", ["ann", "bob"]),
    ("family", "NÚÑ", ["ann", "bob"]),
    ("family", "nunez", ["ann"]),
    ("family", "unez", []),
    ("family:contains", "UÑE", ["ann"]),
    ("family:contains", "_%", ["bob"]),
    ("family:contains", "%%", []),
    ("family:exact", "Núñez", ["ann"]),
    ("family:exact", "Nunez", []),
    ("family", "n%", []),
    ("family", "%", []),
    ("family", "nunn_", ["bob"]),
    ("given", "marie", ["ann"]),
    ("name", "old,bob", ["ann", "bob"]),
    ("name", "cy the", ["cy"]),
    ("family:missing", "true", ["cy"]),
    ("birthdate", "1980", ["ann", "bob"]),
    ("birthdate", "1980-05", ["ann"]),
    ("birthdate", "1980-05-17", ["ann"]),
    ("birthdate", "ne1980-05-17", ["bob"]),
    ("birthdate", "gt1980-05-17", ["bob"]),
    ("birthdate", "lt1980-05-17", ["bob"]),
    ("birthdate", "ge1980-05-18", ["bob"]),
    ("birthdate", "le1980-05-17", ["ann", "bob"]),
    ("birthdate", "sa1980-05-16", ["ann"]),
    ("birthdate", "eb1980-05-18", ["ann"]),
    ("birthdate", "ap1981", ["ann", "bob"]),
    ("birthdate:missing", "true", ["cy"]),
    ("general-practitioner", "Practitioner/dr", ["ann"]),
    ("general-practitioner", "dr", ["ann"]),
    ("general-practitioner:Practitioner", "dr", ["ann"]),
    ("general-practitioner:Organization", "dr", []),
    ("general-practitioner", f"{BASE_URL}/Practitioner/dr", ["ann"]),
    ("general-practitioner", "Practitioner/nobody", []),
    ("general-practitioner:missing", "false", ["ann"]),
    ("organization", "https://elsewhere.example/Organization/9", ["bob"]),
    ("organization", "https://elsewhere.example/Organization/8", []),
    ("_tag", "urn:t|vip", ["ann"]),
    ("_tag", "vip", ["ann"]),
    ("_tag:not", "vip", ["bob", "cy"]),
    ("_profile", "http://x/p", ["ann"]),
    ("_profile", "http://x/p|1.0", ["ann"]),
    ("_profile", "http://x/p|2.0", []),
    ("_source", "urn:s", ["ann"]),
    ("_lastUpdated", "2026-11-20", ["ann", "bob", "cy"]),
    ("_lastUpdated", "2026-11-20T08:30:02Z", ["bob"]),
    ("_lastUpdated", "gt2026-11-20T08:30:01Z", ["bob", "cy"]),
    ("_lastUpdated", "ge2026-11-20T09:30:02+01:00", ["bob", "cy"]),
    ("_lastUpdated", "lt2026-11-20T08:30:02Z", ["ann"]),
    ("_lastUpdated", "ne2026-11-20T08:30:02Z", ["ann", "cy"]),
    ("_lastUpdated:missing", "false", ["ann", "bob", "cy"]),
    ("_lastUpdated:missing", "true", []),
    ("deceased", "true", ["cy"]),
]


def test_each_value_finds_what_the_specification_says(filled: Store) -> None:
    wrong = {
        f"{name}={value}": found
        for name, value, expected in CASES
        if (found := search(filled, "Patient", (name, value))) != expected
    }
    assert wrong == {}


OBSERVATIONS = [
    ("code", "http://loinc.org|8867-4", ["o1"]),
    ("code", "http://loinc.org|", ["o1", "o2"]),
    ("code", "|hr", ["o1"]),
    ("code", "http://loinc.org|hr", []),
    ("code:not", "8867-4", ["o2"]),
    ("patient", "ann", ["o1"]),
    ("patient", "Patient/ann,Patient/bob", ["o1", "o2"]),
    ("subject", "Patient/bob", ["o2"]),
    ("subject", "bob", ["o2"]),
    ("subject:Patient", "ann", ["o1"]),
    ("subject:Group", "ann", []),
    ("subject:missing", "true", []),
    ("date", "2026-03-01", ["o1"]),
    ("date", "2026-03-01T09:30:00Z", ["o1"]),
    ("date", "2026-03", ["o1", "o2"]),
    ("date", "sa2026-02", ["o1", "o2"]),
    ("date", "gt2026-03-15", ["o2"]),
    ("date", "eb2026-03-02", ["o1"]),
    ("date", "le2026-03-15", ["o1", "o2"]),
    ("status", "final", ["o1"]),
]


def test_references_codes_and_dates_of_other_types(filled: Store) -> None:
    wrong = {
        f"{name}={value}": found
        for name, value, expected in OBSERVATIONS
        if (found := search(filled, "Observation", (name, value))) != expected
    }
    assert wrong == {}


def test_the_digits_of_a_number_say_how_exactly_it_is_meant(filled: Store) -> None:
    for value in ("0.8", "0.80", "1", "8e-1", "ge0.8", "lt1", "ap0.75", "sa0.79"):
        assert search(filled, "RiskAssessment", ("probability", value)) == ["r"], value
    for value in ("0.85", "1.0", "gt0.8", "ne0.8", "ap0.7", "eb0.8"):
        assert search(filled, "RiskAssessment", ("probability", value)) == [], value


def test_a_uri_is_compared_whole(filled: Store) -> None:
    assert search(filled, "ValueSet", ("url", "http://x/vs")) == ["vs"]
    assert search(filled, "ValueSet", ("url", "http://x/v")) == []
    assert search(filled, "ValueSet", ("url", "http://x/VS")) == []


def test_repeated_parameters_are_anded(filled: Store) -> None:
    assert search(filled, "Patient", ("identifier", "1"), ("gender", "male")) == ["bob"]
    assert search(filled, "Patient", ("given", "ann"), ("given", "marie")) == ["ann"]
    assert search(filled, "Patient", ("identifier", "urn:mrn|1"), ("identifier", "urn:other|1")) == []
    assert search(filled, "Observation", ("patient", "ann"), ("patient", "bob")) == []


def test_a_search_without_parameters_finds_all_of_the_type_that_are_not_deleted(filled: Store) -> None:
    assert search(filled, "Patient") == ["ann", "bob", "cy"]


def test_a_search_over_all_types_takes_common_parameters(filled: Store) -> None:
    assert search(filled, None, ("_id", "ann,o1,dr,gone")) == ["ann", "dr", "o1"]
    assert search(filled, None, ("_tag", "vip")) == ["ann"]
    with pytest.raises(UnsupportedParameter):
        search(filled, None, ("gender", "male"))


def test_a_search_finds_the_current_version_alone(filled: Store) -> None:
    put(filled, {"resourceType": "Patient", "id": "bob", "gender": "other"})
    assert search(filled, "Patient", ("gender", "male")) == []
    page = filled.search(EVERYONE, SearchRequest("Patient", (("gender", "other"),)))
    assert page.rows == [filled.read(EVERYONE, "Patient", "bob")]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("birthdate", "2024-02-30"),
        ("birthdate", "0000-01-01"),
        ("birthdate", "99999"),
        ("birthdate", "99999-01-01"),
        ("birthdate", "xx2020"),
        ("birthdate", "gt"),
        ("birthdate", "yesterday"),
        ("birthdate", "' OR 1=1--"),
        ("active", "maybe"),
        ("active:missing", "maybe"),
        ("identifier", ""),
        ("identifier", ","),
        ("identifier", "a,,b"),
        ("identifier", "|"),
        ("identifier", "a|b|c"),
        ("identifier", "a\x00b"),
        ("family", ""),
        ("family:contains", "a"),
        ("general-practitioner", "Practitioner/a/b"),
        ("general-practitioner", "Patient?name=x"),
        ("general-practitioner:Practitioner", "Organization/1"),
        ("general-practitioner:Patient", "1"),
    ],
)
def test_a_value_that_cannot_be_is_refused(store: Store, name: str, value: str) -> None:
    with pytest.raises(BadRequest) as caught:
        store.search(EVERYONE, SearchRequest("Patient", ((name, value),)))
    assert caught.value.all_issues()[0].code == "value"


@pytest.mark.parametrize("value", ["99999999999999999999", "1e999", "1" * 50, "NaN", "", "0x1", "1_0", "٣"])
def test_a_number_out_of_range_is_refused(store: Store, value: str) -> None:
    with pytest.raises(BadRequest) as caught:
        store.search(EVERYONE, SearchRequest("RiskAssessment", (("probability", value),)))
    assert caught.value.all_issues()[0].code == "value"


@pytest.mark.parametrize(
    "value", ["' OR 1=1--", '";drop table resource', "\\", "%27", "$1", "{}", "%s", ":x", "?", "a\\"]
)
def test_hostile_values_find_nothing_and_break_nothing(filled: Store, value: str) -> None:
    for name in ("family", "family:exact", "family:contains", "identifier", "_id", "_tag", "_source", "gender"):
        try:
            assert search(filled, "Patient", (name, value)) == []
        except BadRequest as error:
            assert error.code == "value"
    assert len(search(filled, "Patient")) == 3


def test_every_parameter_that_is_not_supported_is_named(store: Store) -> None:
    request = SearchRequest(
        "Patient",
        (
            ("color", "red"),
            ("family:above", "x"),
            ("family", "x"),
            ("_has:Observation:encounter:code", "1"),
            ("general-practitioner.color", "x"),
            ("gender:exact", "male"),
        ),
        sort=("-_lastUpdated", "color"),
        includes=(("_include", "Patient:color"),),
    )
    missing = ["color", "family:above", "_has:Observation:encounter:code", "general-practitioner.color"]
    missing += ["gender:exact", "_sort=color", "_include=Patient:color"]
    assert store.unsupported(request) == missing
    with pytest.raises(UnsupportedParameter) as caught:
        store.search(EVERYONE, request)
    assert [issue.code for issue in caught.value.issues] == ["not-supported"] * 7
    hints = ("color", "family", "encounter", "color", "gender", "color", "Patient:color")
    assert all(hint in issue.diagnostics for hint, issue in zip(hints, caught.value.issues, strict=True))


def test_an_unknown_type_is_refused(store: Store) -> None:
    with pytest.raises(UnknownType):
        store.search(EVERYONE, SearchRequest("Nothing"))


def test_too_many_parameters_or_values_are_refused(store: Store) -> None:
    for parameters in ((("gender", "male"),) * 51, (("identifier", ",".join(map(str, range(501)))),)):
        with pytest.raises(TooCostly):
            store.search(EVERYONE, SearchRequest("Patient", parameters))
    found = store.search(EVERYONE, SearchRequest("Patient", (("_id", ",".join(f"x{n}" for n in range(500))),)))
    assert found.rows == []


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ((), ["ann", "bob", "cy"]),
        (("_id",), ["ann", "bob", "cy"]),
        (("-_id",), ["cy", "bob", "ann"]),
        (("_lastUpdated",), ["ann", "bob", "cy"]),
        (("-_lastUpdated",), ["cy", "bob", "ann"]),
        (("-_lastUpdated", "_id"), ["cy", "bob", "ann"]),
    ],
)
def test_results_come_in_the_order_asked_for(filled: Store, sort: tuple[str, ...], expected: list[str]) -> None:
    assert ids(filled.search(EVERYONE, SearchRequest("Patient", sort=sort)).rows) == expected


SORTS: list[tuple[str, ...]] = [
    (),
    ("_id",),
    ("-_id",),
    ("_lastUpdated",),
    ("-_lastUpdated",),
    ("_lastUpdated", "-_id"),
    ("-_lastUpdated", "_id"),
]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("count", [1, 3, 100])
def test_pages_are_the_unpaged_list(store: Store, clock: Clock, sort: tuple[str, ...], count: int) -> None:
    for n in range(3):
        clock.now = START + timedelta(seconds=n)
        put(store, *({"resourceType": "Patient", "id": f"{m}-{n}", "active": m != 1} for m in (2, 0, 1)))
    active = (("active", "true"),)
    whole = store.search(EVERYONE, SearchRequest("Patient", active, sort=sort)).rows
    assert len(whole) == 6
    rows: list[Version] = []
    cursor = ""
    while True:
        page = store.search(EVERYONE, SearchRequest("Patient", active, count, cursor, sort=sort))
        assert page.total is None
        rows += page.rows
        cursor = page.next_cursor
        if not cursor:
            break
        assert len(page.rows) == count
    assert rows == whole


def test_pages_neither_repeat_nor_skip_while_others_write(store: Store) -> None:
    put(store, *({"resourceType": "Patient", "id": f"p{n}"} for n in range(6)))
    first = store.search(EVERYONE, SearchRequest("Patient", count=3))
    put(store, {"resourceType": "Patient", "id": "a"}, {"resourceType": "Patient", "id": "p1", "active": True})
    delete(store, "Patient", "p2")
    second = store.search(EVERYONE, SearchRequest("Patient", count=10, cursor=first.next_cursor))
    assert ids(first.rows) + ids(second.rows) == ["p0", "p1", "p2", "p3", "p4", "p5", "a"]


def test_count_0_gives_the_total_alone(filled: Store) -> None:
    page = filled.search(EVERYONE, SearchRequest("Patient", count=0))
    assert (page.rows, page.total, page.next_cursor) == ([], 3, "")


@pytest.mark.parametrize("sort", SORTS)
def test_a_cursor_of_another_search_is_refused(filled: Store, sort: tuple[str, ...]) -> None:
    for cursor in (
        "x",
        "W10",
        filled.search(EVERYONE, SearchRequest("Patient", count=1, sort=("_id", "_id"))).next_cursor,
    ):
        with pytest.raises(BadRequest):
            filled.search(EVERYONE, SearchRequest("Patient", cursor=cursor, sort=sort))


def test_criteria_see_what_their_own_transaction_wrote(store: Store) -> None:
    def work(unit: Any) -> list[Version]:
        assert unit.match("Patient", [("identifier", "1")]) == []
        for n in range(3):
            unit.persist([_write(n)])
        found: list[Version] = unit.match("Patient", [("identifier", "1")], limit=2)
        return found

    assert ids(store.write(EVERYONE, work)) == ["m0", "m1"]


def _write(n: int) -> Any:
    from fhir_server.storage.model import Write

    return Write("create", "Patient", f"m{n}", {"identifier": [{"value": "1"}]})


def test_the_prepared_search_by_identifier_finds_what_the_composed_one_finds(filled: Store) -> None:
    for value in ("urn:mrn|1", "urn:other|1", "urn:mrn|x", r"urn:mrn|1\,2", "urn:mrn|", "|1", "1", "URN:MRN|1"):
        composed = filled.search(EVERYONE, SearchRequest("Patient", (("identifier", value),))).rows
        found = filled.write(EVERYONE, lambda unit, value=value: unit.match("Patient", [("identifier", value)], 9))  # type: ignore[misc]
        assert found == composed, value
    put(
        filled, *({"resourceType": "Patient", "id": f"x{n}", "identifier": PATIENTS[0]["identifier"]} for n in range(3))
    )
    found = filled.write(EVERYONE, lambda unit: unit.match("Patient", [("identifier", "urn:mrn|1")], limit=2))
    assert ids(found) == ["ann", "x0"]
    delete(filled, "Patient", "x0")
    found = filled.write(EVERYONE, lambda unit: unit.match("Patient", [("identifier", "urn:mrn|1")], limit=2))
    assert ids(found) == ["ann", "x1"]


def test_long_texts_are_found_whole_and_by_their_beginning(store: Store) -> None:
    long = "Ä" + "b" * 300
    put(
        store,
        {"resourceType": "Patient", "id": "1", "name": [{"family": long}], "identifier": [{"value": long}]},
        {"resourceType": "Patient", "id": "2", "name": [{"family": long + "c"}], "identifier": [{"value": long + "c"}]},
    )
    assert search(store, "Patient", ("family", long)) == ["1", "2"]
    assert search(store, "Patient", ("family", long + "C")) == ["2"]
    assert search(store, "Patient", ("family:exact", long)) == ["1"]
    assert search(store, "Patient", ("identifier", long)) == ["1"]


def test_no_search_ends_in_a_fault(filled: Store) -> None:
    """Every parameter of every type answers or refuses."""
    schema = filled._parts.schema
    values = {"date": "2020", "number": "1", "reference": "Patient/1", "token": "a|b", "string": "ab", "uri": "urn:a"}
    for type_ in ("Patient", "Observation", "Claim", "ValueSet", "Appointment", "Bundle", "Provenance", "List"):
        for code in schema.parameters(type_):
            for modifier in ("", ":missing", ":not"):
                kind = schema.targets(type_, code)[0].type
                value = "true" if modifier == ":missing" else values.get(kind, "1")
                try:
                    filled.search(EVERYONE, SearchRequest(type_, ((code + modifier, value),), total=True))
                except FhirError as error:
                    assert error.status == 400, (type_, code, modifier, error)
