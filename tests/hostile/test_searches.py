"""Cases 40, 44, 59-68: searches that explode, inject, overflow, forge or look where they may not.

https://hl7.org/fhir/R4/search.html
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.hostile.wire import Answer, Wire

Refused = Callable[[Answer, set[int], set[str]], Answer]
SECONDS = 20.0
TOO_COSTLY = {"too-costly", "timeout", "not-supported"}


@pytest.fixture
def mark() -> str:
    return uuid.uuid4().hex[:12]


def create(wire: Wire, kind: str, **content: Any) -> str:
    answer = wire.post(f"/{kind}", {"resourceType": kind, **content})
    assert answer.status == 201, answer.body
    return str(answer.json()["id"])


def people(wire: Wire, mark: str, *families: str) -> list[str]:
    system = {"system": "urn:mrn", "value": mark}
    return [create(wire, "Patient", identifier=[system], name=[{"family": family}]) for family in families]


def matches(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [each["resource"]["id"] for each in answer.json().get("entry", []) if each["search"]["mode"] == "match"]


def links(wire: Wire, answer: Answer) -> dict[str, str]:
    return {each["relation"]: each["url"].partition(wire.base)[2] for each in answer.json()["link"]}


def denied(answer: Answer, codes: set[str]) -> None:
    """Check a refusal by a test that has made records of its own."""
    assert answer.status == 400, answer.body
    assert answer.codes() <= codes, answer.body


# Case 40: explosions


def test_case_40_an_include_that_goes_in_circles_ends(wire: Wire, mark: str) -> None:
    one = people(wire, mark, "a")[0]
    circle = {"resourceType": "Patient", "id": one, "identifier": [{"system": "urn:mrn", "value": mark}]}
    circle["link"] = [{"other": {"reference": f"Patient/{one}"}, "type": "seealso"}]
    assert wire.put(f"/Patient/{one}", circle).status == 200
    started = time.monotonic()
    for value in ("Patient:link", "Patient:*", "*"):
        answer = wire.get(f"/Patient?identifier={mark}&_include:iterate={value}&_revinclude:iterate={value}")
        assert matches(answer) == [one]
    assert time.monotonic() - started < SECONDS


def test_case_40_a_chain_of_includes_without_end_is_bounded(wire: Wire, mark: str) -> None:
    """Thirty organizations, each part of the one before: more steps than the server follows."""
    above = ""
    for number in range(30):
        part = {"partOf": {"reference": f"Organization/{above}"}} if above else {}
        above = create(wire, "Organization", name=f"{mark}{number}", **part)
    answer = wire.get(f"/Organization?_id={above}&_include:iterate=Organization:partof")
    assert answer.status in (400, 403, 503)
    assert answer.codes() <= TOO_COSTLY
    assert b"steps" in answer.body
    assert wire.get(f"/Organization?_id={above}&_include=Organization:partof").status == 200


def test_case_40_everything_that_refers_is_bounded(wire: Wire) -> None:
    started = time.monotonic()
    answer = wire.get("/Patient?_count=500&_revinclude=*&_include=*")
    assert answer.status == 200 or answer.codes() <= TOO_COSTLY
    assert time.monotonic() - started < SECONDS


def test_case_40_too_many_includes_are_refused(wire: Wire, refused: Refused) -> None:
    many = "&".join(f"_revinclude=Observation:{name}&_revinclude=Condition:{name}" for name in ("subject", "patient"))
    assert wire.get(f"/Patient?{many}").status == 200
    types = ("Observation", "Condition", "Encounter", "Procedure", "Immunization", "CarePlan", "CareTeam", "Claim")
    many = "&".join(
        f"_revinclude={kind}:patient&_revinclude:iterate={kind}:patient&_include={kind}:patient" for kind in types
    )
    refused(wire.get(f"/Patient?{many}"), {400, 403}, {"too-costly"})


def test_case_40_six_levels_of_a_chain_are_answered_or_refused_in_time(wire: Wire) -> None:
    started = time.monotonic()
    chains = [
        "/Observation?encounter.account.owner.partof.partof.name=x",
        "/Observation?subject.organization.partof.partof.partof.partof.name=x",
        "/Observation?subject.link.link.link.link.link.name=x",
        "/Patient?_has:Observation:subject:_has:Observation:has-member:_has:Observation:has-member:code=x",
        "/Observation?has-member.has-member.has-member.has-member.has-member.has-member.code=x",
    ]
    for chain in chains:
        answer = wire.get(chain)
        assert answer.status == 200 or answer.codes() <= TOO_COSTLY, answer.body
    assert time.monotonic() - started < SECONDS


def test_case_40_deeper_chains_are_refused(wire: Wire, refused: Refused) -> None:
    refused(wire.get(f"/Patient?{'link.' * 8}name=x"), {400}, {"too-costly"})
    refused(wire.get(f"/Patient?{'link.' * 2000}name=x"), {400}, {"too-costly"})
    refused(wire.get(f"/Patient?{'_has:Patient:link:' * 8}name=x"), {400}, {"too-costly"})


def test_case_40_contains_with_one_character_is_answered_or_refused_in_time(wire: Wire, mark: str) -> None:
    people(wire, mark, "e")
    started = time.monotonic()
    for text in ("e", "%25", "_", "%C3%A9"):
        answer = wire.get(f"/Patient?name:contains={text}")
        assert answer.status == 200 or answer.codes() <= {*TOO_COSTLY, "value"}, answer.body
    assert time.monotonic() - started < SECONDS


def test_case_40_a_huge_count_is_clamped_and_the_link_tells(wire: Wire, mark: str) -> None:
    people(wire, mark, "a")
    for count in ("1000000", "9" * 400):
        answer = wire.get(f"/Patient?identifier={mark}&_count={count}")
        assert len(matches(answer)) == 1
        assert links(wire, answer)["self"].endswith("&_count=500")


def test_case_40_too_many_parameters_or_values_are_refused(wire: Wire, refused: Refused) -> None:
    refused(wire.get("/Patient?" + "&".join(["gender=male"] * 60)), {400}, {"too-costly"})
    refused(wire.get("/Patient?_id=" + ",".join(["x"] * 600)), {400}, {"too-costly"})
    refused(wire.get("/Patient?_sort=" + ",".join(["_id"] * 9)), {400}, {"too-costly"})
    assert wire.get("/Patient?_id=" + ",".join(f"x{n}" for n in range(300))).status == 200


def test_case_44_a_total_is_exact(wire: Wire, mark: str) -> None:
    people(wire, mark, *"abc")
    answer = wire.get(f"/Patient?identifier={mark}&_total=accurate&_count=1")
    assert (answer.json()["total"], len(matches(answer))) == (3, 1)


# Case 59: injection

INJECTIONS = [
    "' OR 1=1--", "\\'; DROP TABLE patient;--", "x' UNION SELECT 1--", "\\", "'", '"', "$1", "{}", "%s", "%(p0)s",
    ":p0", "?", "1;SELECT pg_sleep(9)", "${jndi:ldap://x}", "\\x00", "/**/", "`", "()", "x')", "%27", "%2527"
]  # fmt: skip
PLACES = [
    ("token", "/Patient?identifier={}"),
    ("token with a system", "/Patient?identifier=urn:mrn|{}"),
    ("system", "/Patient?identifier={}|x"),
    ("code", "/Patient?gender={}"),
    ("string", "/Patient?name={}"),
    ("string exact", "/Patient?family:exact={}"),
    ("string contains", "/Patient?name:contains={}"),
    ("date", "/Patient?birthdate={}"),
    ("number", "/RiskAssessment?probability={}"),
    ("quantity", "/Observation?value-quantity=5||{}"),
    ("reference", "/Observation?subject={}"),
    ("reference identifier", "/Observation?subject:identifier=urn:mrn|{}"),
    ("uri", "/ValueSet?url={}"),
    ("uri below", "/ValueSet?url:below={}"),
    ("composite", "/Observation?code-value-string={0}${0}"),
    ("id", "/Patient?_id={}"),
    ("tag", "/Patient?_tag={}"),
    ("chain", "/Observation?subject:Patient.name={}"),
    ("has", "/Patient?_has:Observation:subject:code={}"),
    ("value set", "/Observation?code:in={}"),
    ("text", "/Observation?code:text={}"),
    ("of type", "/Patient?identifier:of-type=urn:x|{0}|{0}"),
    ("missing", "/Patient?name:missing={}"),
    ("sort", "/Patient?_sort={}"),
    ("elements", "/Patient?_elements={}"),
    ("summary", "/Patient?_summary={}"),
    ("count", "/Patient?_count={}"),
    ("total", "/Patient?_total={}"),
    ("include", "/Patient?_include={}"),
    ("include target", "/Patient?_include=Patient:link:{}"),
    ("type", "?_type={}"),
    ("page", "/Patient?_page={}"),
    ("modifier", "/Patient?name:{}=x"),
    ("parameter", "/Patient?{}=x"),
    ("chain name", "/Observation?subject:Patient.{}=x"),
    ("chain type", "/Observation?subject:{}.name=x"),
    ("has type", "/Patient?_has:{}:subject:code=x"),
    ("has parameter", "/Patient?_has:Observation:{}:code=x"),
    ("compartment", "/Patient/x/{}"),
    ("format", "/Patient?_count=0&_format={}"),
]


@pytest.mark.parametrize("place, path", PLACES, ids=[place for place, _ in PLACES])
def test_case_59_text_that_looks_like_sql_is_text(wire: Wire, place: str, path: str) -> None:
    secret = uuid.uuid4().hex
    create(wire, "Patient", name=[{"family": secret}])
    for text in INJECTIONS:
        started = time.monotonic()
        answer = wire.get(path.format(quote(text, safe="")))
        assert answer.status in {200, 400, 404, 406}, (text, answer.status, answer.body)
        if answer.status == 200:
            found = answer.json()
            # What shapes the answer may leave the whole type in it; a criterion that means nothing finds nothing.
            assert not matches(answer) or place in ("elements", "format", "system", "string contains"), (text, found)
            assert secret not in answer.body.decode() or place in ("elements", "format"), text
        else:
            assert answer.codes() & {"value", "invalid", "not-supported", "not-found", "code-invalid", "structure"}, (
                text
            )
        for leak in (b"psycopg", b"sqlite3", b"syntax error", b"traceback"):
            assert leak not in answer.body.lower()
        assert time.monotonic() - started < 5
    assert wire.get("/Patient?_count=1").status == 200


def test_case_59_the_text_is_found_as_it_was_stored(wire: Wire, mark: str) -> None:
    for text in INJECTIONS:
        if "$" in text or "\\" in text:
            continue  # escapes of a search value: see below
        (one,) = people(wire, mark, mark + text)
        assert matches(wire.get(f"/Patient?family:exact={mark}{quote(text, safe='')}")) == [one], text
    for text in ("a$b", "a\\b", "a|b", "a,b"):
        (one,) = people(wire, mark, text)
        escaped = "".join("\\" + char if char in "$\\|," else char for char in text)
        assert matches(wire.get(f"/Patient?family:exact={quote(escaped, safe='')}&_id={one}")) == [one], text


# Case 60: wildcards


@pytest.mark.parametrize("modifier", ["", ":contains", ":exact"])
def test_case_60_wildcards_are_literal(wire: Wire, mark: str, modifier: str) -> None:
    plain, percent, under, back = people(wire, mark, "axb", "a%b", "a_b", "a\\b")
    path = f"/Patient?identifier={mark}&family{modifier}="
    assert matches(wire.get(path + "a%25b")) == [percent]
    assert matches(wire.get(path + "a_b")) == [under]
    assert matches(wire.get(path + "a%5C%5Cb")) == [back]
    assert matches(wire.get(path + "axb")) == [plain]
    assert matches(wire.get(path + "a%25")) == ([percent] if modifier != ":exact" else [])
    assert matches(wire.get(path + "%25%25")) == matches(wire.get(path + "**")) == []


# Cases 61 to 63, 65, 67: what is unknown or cannot be


def test_case_61_an_unknown_parameter_strict_and_lenient(wire: Wire, mark: str) -> None:
    people(wire, mark, "a")
    path = f"/Patient?identifier={mark}&nonsense=1"
    denied(wire.get(path), {"not-supported"})
    answer = wire.get(path, Prefer="handling=lenient")
    assert len(matches(answer)) == 1
    assert [each["search"]["mode"] for each in answer.json()["entry"]] == ["match", "outcome"]
    assert "nonsense" not in links(wire, answer)["self"]


@pytest.mark.parametrize(
    "query",
    ["name:nonsense=x", "birthdate:exact=2020", "gender:contains=x", "birthdate=xx2020", "birthdate=2020-13",
     "birthdate=2024-02-30",
     "birthdate=0000", "birthdate=99999", "name=,", "identifier=,", "identifier=a,,b",
     "gender=,male",
     "_id=,", "_lastUpdated=ge", "birthdate=lt", "name:=x", ":name=x", "=x",
     "name:exact:contains=x",
     "active:missing=2", "nonsense="],
)  # fmt: skip
def test_case_62_modifiers_prefixes_and_empty_values_that_cannot_be(wire: Wire, refused: Refused, query: str) -> None:
    refused(wire.get(f"/Patient?{query}"), {400}, {"value", "not-supported", "invalid"})


@pytest.mark.parametrize(
    "empty", ["birthdate=", "name=", "_has:Observation:subject:code=", "_profile=", "general-practitioner.name="]
)
def test_case_62_a_parameter_without_a_value_asks_nothing(wire: Wire, empty: str) -> None:
    """The case wants 400; the specification decides: "Empty parameters are not an error" (search.html#errors)."""
    answer = wire.get(f"/Patient?{empty}&_count=1")
    assert answer.status == 200
    assert empty.partition("=")[0] not in links(wire, answer)["self"], "the self link tells what was used"


@pytest.mark.parametrize(
    "path",
    ["/Observation?subject=Nonsense/1/2", "/Observation?subject=Patient/", "/Observation?subject=Patient/a b",
     "/Observation?subject=/",
     "/Observation?subject=Patient/../x", "/Patient?_include=Bad:thing", "/Patient?_include=Patient",
     "/Patient?_revinclude=Bad:thing",
     "/Patient?_sort=nonsense", "/Patient?_sort=-", "/Patient?_sort=name,,_id", "/Patient?_sort=_text", "?_sort=name"],
)  # fmt: skip
def test_case_63_references_includes_and_sort_keys_that_cannot_be(wire: Wire, refused: Refused, path: str) -> None:
    refused(wire.get(path.replace(" ", "%20")), {400}, {"value", "not-supported", "invalid"})


HUGE = ["99999999999999999999", "1" * 400, "1e400", "-1e400", "1e-400", "0x10", "NaN", "Infinity", "1_000", "٣"]


@pytest.mark.parametrize("text", HUGE)
def test_case_65_numbers_that_overflow_are_refused_or_found_nowhere(wire: Wire, text: str) -> None:
    for path in (
        "/RiskAssessment?probability={}", "/RiskAssessment?probability=gt{}", "/Observation?value-quantity={}||",
        "/Observation?value-quantity=lt{}", "/MolecularSequence?variant-start={}", "/Encounter?length={}",
        "/Patient?_count={}", "/ImagingStudy?_has:Observation:subject:value-quantity={}"
    ):  # fmt: skip
        answer = wire.get(path.format(quote(text)))
        assert answer.status in {200, 400}, (path, answer.body)
        if answer.status == 400:
            assert answer.codes() <= {"value", "not-supported", "invalid"}, answer.body


@pytest.mark.parametrize("query", ["_query=everything", "_filter=(((", "_filter=name%20xx%20y", "_contained=maybe"])
def test_case_67_what_the_server_does_not_have_is_refused(wire: Wire, refused: Refused, query: str) -> None:
    refused(wire.get(f"/Patient?{query}"), {400}, {"not-supported", "value", "invalid"})


# Cases 64 and 66: links and repeated parameters


def test_case_64_a_link_to_a_page_cannot_be_made_up_changed_or_moved(wire: Wire, mark: str) -> None:
    people(wire, mark, *"abcd")
    following = links(wire, wire.get(f"/Patient?identifier={mark}&_count=1"))["next"]
    assert len(matches(wire.get(following))) == 1
    token = following.partition("_page=")[2]
    other = links(wire, wire.get(f"/Patient?identifier={mark}&_count=2"))["next"].partition("_page=")[2]
    middle = len(token) // 2
    changed = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    for forged in ("", "x", "A" * 40, token[:-2], token + "AA", changed, token[::-1], other, "%00", "é"):
        denied(wire.get(following.replace(token, quote(forged))), {"invalid", "value"})
    for moved in (
        following.replace("_count=1", "_count=3"), following.replace(mark, "x"), following + "&active=true",
        following + "&_sort=_id", following.replace("/Patient?", "/Person?"), following.replace("/Patient?", "?"),
        following + "&_include=Patient:link", following + f"&_page={token}",
        following.replace("/Patient?", "/Patient/x/Patient?"),
    ):  # fmt: skip
        denied(wire.get(moved), {"invalid", "not-supported"})


def test_case_66_a_repeated_parameter_narrows(wire: Wire, mark: str) -> None:
    (one,) = people(wire, mark, "a")
    subject = {"reference": f"Patient/{one}"}
    found = create(wire, "Observation", status="final", code={"text": mark}, subject=subject)
    assert matches(wire.get(f"/Observation?patient={one}")) == [found]
    assert matches(wire.get(f"/Observation?patient={one}&patient=other")) == []
    assert matches(wire.get(f"/Observation?patient=other&patient={one}")) == []
    assert matches(wire.get(f"/Observation?patient={one},other")) == [found]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = b"patient=other"
    answer = wire.send("POST", f"/Observation/_search?patient={one}", body, form | {"Content-Length": str(len(body))})
    assert matches(answer) == []
