"""https://hl7.org/fhir/R4/http.html#integrity and https://hl7.org/fhir/R4/references.html"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fhir_server.errors import Conflict, Invalid
from fhir_server.storage.model import SearchRequest, Write
from fhir_server.storage.repository import Store
from tests.stores import BASE_URL, EVERYONE, Clock, Ids, delete, open_store, put


def patient(id_: str = "p", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id_, **more}


def observation(subject: str, id_: str = "o", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": id_, "subject": {"reference": subject}, **more}


def links(store: Store) -> int:
    return int(store.database.fetch("SELECT count(*) FROM resource_reference")[0][0])


def found(store: Store, **criteria: str) -> list[str]:
    page = store.search(EVERYONE, SearchRequest("Observation", tuple(criteria.items())))
    return [row.id for row in page.rows]


@pytest.fixture
def relaxed(store_url: str, clock: Clock, ids: Ids) -> Iterator[Store]:
    opened = open_store(store_url, clock=clock, new_id=ids, referential_integrity="relaxed")
    yield opened
    opened.database.close()


@pytest.mark.parametrize(
    "text",
    [
        "Patient/nobody",
        "Patient/nobody/_history/1",
        f"{BASE_URL}/Patient/nobody",
        "Patient?identifier=1",
        "Nothing/1",
        "Patient/p/_history/2",
    ],
)
def test_a_reference_that_leads_nowhere_is_refused_with_its_place(store: Store, text: str) -> None:
    put(store, patient())
    contained = {"resourceType": "Patient", "id": "c", "generalPractitioner": [{"reference": text}]}
    with pytest.raises(Invalid) as caught:
        put(store, observation("Patient/p", hasMember=[{"display": "x"}, {"reference": text}], contained=[contained]))
    assert [(issue.code, issue.expression) for issue in caught.value.issues] == [
        ("not-found", "Observation.hasMember[1].reference"),
        ("not-found", "Observation.contained[0].generalPractitioner[0].reference"),
    ]
    assert "nobody" not in str(caught.value), "diagnostics hold no values"
    assert store.read(EVERYONE, "Observation", "o") is None


def test_the_place_names_the_bundle_entry(store: Store) -> None:
    write = Write("create", "Observation", "o", observation("Patient/nobody"), label="Bundle.entry[3]")
    with pytest.raises(Invalid) as caught:
        store.write(EVERYONE, lambda unit: unit.persist([write]))
    assert caught.value.issues[0].expression == "Bundle.entry[3].resource.subject.reference"


OTHERS = ["Patient/p", f"{BASE_URL}/Patient/p", "Patient/p/_history/1", "Patient/p#part", "#c", "#"]


@pytest.mark.parametrize("text", [*OTHERS, "urn:uuid:1", "https://elsewhere.example/Patient/1"])
def test_other_references_are_accepted(store: Store, text: str) -> None:
    put(store, patient())
    put(store, observation(text))
    assert store.check() == []


def test_resources_of_one_batch_may_refer_to_one_another_in_a_circle(store: Store) -> None:
    put(
        store,
        patient("a", link=[{"other": {"reference": "Patient/b"}, "type": "seealso"}]),
        patient("b", link=[{"other": {"reference": "Patient/a"}, "type": "seealso"}]),
        patient("c", link=[{"other": {"reference": "Patient/c/_history/1"}, "type": "seealso"}]),
    )
    assert links(store) == 3
    assert store.check() == []


def test_a_reference_to_what_was_deleted_is_refused(store: Store) -> None:
    put(store, patient())
    delete(store, "Patient", "p")
    with pytest.raises(Invalid, match="deleted"):
        put(store, observation("Patient/p"))
    put(store, patient("q"))
    with pytest.raises(Invalid, match="deleted"):
        store.write(
            EVERYONE,
            lambda unit: unit.persist(
                [Write("delete", "Patient", "q", None), Write("create", "Observation", "o", observation("Patient/q"))]
            ),
        )


@pytest.mark.parametrize("field", ["subject", "extension", "contained"])
def test_what_others_refer_to_cannot_be_deleted(store: Store, field: str) -> None:
    reference = {"reference": "Patient/p"}
    contained = {"resourceType": "Patient", "id": "c", "link": [{"other": reference, "type": "seealso"}]}
    more = {
        "subject": reference,
        "extension": [{"url": "urn:x", "valueReference": reference}],
        "contained": [contained],
    }
    put(store, patient(), {"resourceType": "Basic", "id": "b", "code": {"text": "x"}, field: more[field]})
    write = Write("delete", "Patient", "p", None, label="Bundle.entry[0]")
    with pytest.raises(Conflict) as caught:
        store.write(EVERYONE, lambda unit: unit.persist([write]))
    assert caught.value.expression == "Bundle.entry[0]"
    assert "Basic" in caught.value.diagnostics
    read = store.read(EVERYONE, "Patient", "p")
    assert read is not None
    assert not read.deleted


def test_what_nobody_refers_to_any_more_can_be_deleted(store: Store) -> None:
    put(store, patient(), patient("q"), observation("Patient/p"), observation("Patient/p", "o2"))
    put(store, observation("Patient/q"))
    delete(store, "Observation", "o2")
    assert delete(store, "Patient", "p").deleted
    assert links(store) == 1
    assert store.check() == []


def test_resources_that_refer_to_one_another_can_be_deleted_together(store: Store) -> None:
    put(
        store,
        patient("a", link=[{"other": {"reference": "Patient/b"}, "type": "seealso"}]),
        patient("b", link=[{"other": {"reference": "Patient/a"}, "type": "seealso"}]),
    )
    writes = [Write("delete", "Patient", id_, None) for id_ in ("b", "a")]
    store.write(EVERYONE, lambda unit: unit.persist(writes))
    assert links(store) == 0


def test_a_resource_may_be_deleted_and_no_longer_referred_to_in_one_batch(store: Store) -> None:
    put(store, patient(), patient("q"), observation("Patient/p"))
    writes = [Write("delete", "Patient", "p", None), Write("update", "Observation", "o", observation("Patient/q"))]
    store.write(EVERYONE, lambda unit: unit.persist(writes))
    assert store.check() == []


def test_a_resource_that_refers_to_itself_can_be_deleted(store: Store) -> None:
    put(store, patient("a", link=[{"other": {"reference": "Patient/a"}, "type": "seealso"}]))
    assert delete(store, "Patient", "a").deleted


def test_relaxed_integrity_keeps_a_reference_and_links_it_when_its_target_arrives(relaxed: Store) -> None:
    put(relaxed, observation("Patient/p"), observation("Patient/p", "o2"))
    assert relaxed.read(EVERYONE, "Patient", "p") is None
    assert relaxed.vread(EVERYONE, "Patient", "p", 1) is None
    assert relaxed.search(EVERYONE, SearchRequest("Patient", total=True)).total == 0
    assert sorted(found(relaxed, subject="Patient/p")) == ["o", "o2"]
    assert relaxed.write(EVERYONE, lambda unit: unit.current([("Patient", "p")])) == {}
    made = put(relaxed, patient())[0]
    assert (made.version, made.deleted) == (1, False)
    assert relaxed.read(EVERYONE, "Patient", "p") == made
    assert sorted(found(relaxed, subject="Patient/p")) == ["o", "o2"]
    assert [row.id for row in relaxed.search(EVERYONE, SearchRequest("Patient")).rows] == ["p"]
    assert relaxed.check() == []


def test_relaxed_integrity_lets_what_others_refer_to_be_deleted(relaxed: Store) -> None:
    put(relaxed, patient(), observation("Patient/p"))
    assert delete(relaxed, "Patient", "p").deleted
    assert put(relaxed, observation("Patient/p", "o2"))[0].version == 1
    assert put(relaxed, patient())[0].version == 3
    assert relaxed.check() == []


def test_relaxed_integrity_accepts_texts_that_lead_nowhere(relaxed: Store) -> None:
    put(
        relaxed,
        observation("Nothing/1"),
        observation("Patient?name=x", "o2"),
        observation("Patient/p/_history/9", "o3"),
    )
    assert found(relaxed, subject="Patient/p") == ["o3"]
    assert relaxed.check() == []


def test_references_are_found_where_the_text_says_so_too(store: Store) -> None:
    """The quick search in the JSON text and the walk agree on tricky documents."""
    put(store, patient(), patient("q"))
    tricky = {
        "resourceType": "Immunization",
        "id": "i",
        "patient": {"reference": "Patient/p", "display": '"reference":"Patient/nobody"'},
        "education": [{"reference": "Patient/nobody"}],
        "note": [{"text": 'a \\" "reference":"Patient/nobody" \\'}],
    }
    put(store, tricky, {**observation("Patient/q"), "note": [{"text": '"reference":"Patient/nobody"'}]})
    assert links(store) == 2
    assert store.check() == []
