"""https://hl7.org/fhir/R4/http.html#mime-type and https://hl7.org/fhir/R4/search.html#summary"""

from __future__ import annotations

import pytest

from tests.spec.http.client import JSON, XML, Fhir, codes, entry, patient

PATIENT_XML = b'<Patient xmlns="http://hl7.org/fhir"><active value="true"/></Patient>'


@pytest.mark.parametrize(
    "query, accept, kind",
    [
        ("", "", JSON),
        ("", "*/*", JSON),
        ("", "application/fhir+xml", XML),
        ("", "application/xml", "application/xml"),
        ("", "application/json", "application/json"),
        ("", "application/json, application/fhir+json", JSON),
        ("", "application/fhir+json;q=0.5, application/fhir+xml", XML),
        ("", "application/pdf, application/fhir+json; q=0.1", JSON),
        ("?_format=xml", "application/fhir+json", XML),
        ("?_format=application/fhir+xml", "", XML),
        ("?_format=application/fhir%2Bjson", "application/fhir+xml", JSON),
    ],
)
def test_the_answer_has_the_format_that_was_asked_for(fhir: Fhir, query: str, accept: str, kind: str) -> None:
    made = fhir.create(patient())
    headers = {"Accept": accept} if accept else {}
    answer = fhir.get(f"/Patient/{made['id']}{query}", **headers)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == f"{kind}; charset=utf-8"


@pytest.mark.parametrize(
    "query, accept", [("", "application/pdf"), ("?_format=pdf", ""), ("", "application/fhir+json; fhirVersion=5.0")]
)
def test_another_format_is_406(fhir: Fhir, query: str, accept: str) -> None:
    headers = {"Accept": accept} if accept else {}
    answer = fhir.get(f"/Patient{query}", **headers)
    assert (answer.status_code, codes(answer)) == (406, ["not-supported"])


def test_xml_comes_in_and_goes_out(fhir: Fhir) -> None:
    answer = fhir.post("/Patient", PATIENT_XML, Content_Type=XML, Accept=XML)
    assert (answer.status_code, answer.headers["Content-Type"]) == (201, f"{XML}; charset=utf-8")
    assert b'<active value="true"/>' in answer.data
    name = answer.headers["Location"].split("/")[-3]
    assert fhir.get(f"/Patient/{name}").json["active"] is True


def test_a_transaction_in_xml_is_carried_out(fhir: Fhir) -> None:
    body = (
        b'<Bundle xmlns="http://hl7.org/fhir"><type value="transaction"/><entry><resource>'
        + PATIENT_XML
        + b'</resource><request><method value="POST"/><url value="Patient"/></request></entry></Bundle>'
    )
    answer = fhir.post("", body, Content_Type=XML, Accept=XML)
    assert answer.status_code == 200, answer.text
    assert b'<status value="201 Created"/>' in answer.data


@pytest.mark.parametrize("path", ["/Patient/nobody", "/Nothing", "/Patient?nonsense=1"])
def test_errors_have_the_format_that_was_asked_for(fhir: Fhir, path: str) -> None:
    answer = fhir.get(path, Accept=XML)
    assert answer.headers["Content-Type"] == f"{XML}; charset=utf-8"
    assert b"<OperationOutcome" in answer.data


def test_an_error_outside_the_interface_has_it_too(fhir: Fhir) -> None:
    answer = fhir.plain("GET", "/elsewhere?_format=xml")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, f"{XML}; charset=utf-8")


@pytest.mark.parametrize("kind", ["json", "xml"])
def test_pretty_is_for_people(fhir: Fhir, kind: str) -> None:
    made = fhir.create(patient(active=True))
    plain, pretty = (
        fhir.get(f"/Patient/{made['id']}?_format={kind}&_pretty={flag}").text for flag in ("false", "true")
    )
    assert plain.count("\n") <= 1 < pretty.count("\n")


def test_a_body_that_is_not_what_it_is_called_is_400(fhir: Fhir) -> None:
    assert fhir.post("/Patient", PATIENT_XML, Content_Type=JSON).status_code == 400
    assert fhir.post("/Patient", b'{"resourceType":"Patient"}', Content_Type=XML).status_code == 400


@pytest.mark.parametrize("path", ["/Patient/{}", "/Patient/{}/_history/1"])
def test_a_part_of_a_resource_is_marked_as_one(fhir: Fhir, path: str) -> None:
    made = fhir.create(patient(active=True, maritalStatus={"text": "x"}))
    for query in ("_elements=active", "_elements=Patient.active", "_summary=true"):
        part = fhir.get(f"{path.format(made['id'])}?{query}").json
        assert part["meta"]["tag"][0]["code"] == "SUBSETTED"
        assert part["active"] is True
        assert "maritalStatus" not in part
    assert fhir.get(f"{path.format(made['id'])}?_elements=Person.active").json == made


def test_summary_text_and_data_share_a_resource(fhir: Fhir) -> None:
    text = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}
    made = fhir.create(patient(active=True, text=text))
    only_text, data = (fhir.get(f"/Patient/{made['id']}?_summary={mode}").json for mode in ("text", "data"))
    assert ("text" in only_text, "active" in only_text) == (True, False)
    assert ("text" in data, "active" in data) == (False, True)


def test_summary_count_of_one_resource_is_400(fhir: Fhir) -> None:
    made = fhir.create(patient())
    assert fhir.get(f"/Patient/{made['id']}?_summary=count").status_code == 400


def test_a_bundle_answer_is_cut_entry_by_entry(fhir: Fhir) -> None:
    made = fhir.create(patient(active=True))
    answer = fhir.transaction(
        entry("GET", f"Patient/{made['id']}?_elements=active"), entry("GET", f"Patient/{made['id']}"), kind="batch"
    )
    part, whole = (found["resource"] for found in answer.json["entry"])
    assert part["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert whole == made
