"""`_list` finds what a List refers to.

https://hl7.org/fhir/R4/search.html#list
"""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.errors import BadRequest, TooCostly, UnsupportedParameter
from fhir_server.storage.access import Access, Grant
from fhir_server.storage.model import SearchRequest
from fhir_server.storage.repository import Store
from tests.stores import BASE_URL, EVERYONE, delete, put


def a_list(id_: str, *items: str, deleted: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    entries = [{"item": {"reference": item}} for item in items]
    entries += [{"item": {"reference": item}, "deleted": True} for item in deleted]
    made = {"resourceType": "List", "id": id_, "status": "current", "mode": "working", "entry": entries, **more}
    return made if entries else {**made, "emptyReason": {"text": "none"}}


def patient(id_: str, gender: str = "male") -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id_, "gender": gender}


def observation(id_: str, subject: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": f"Patient/{subject}"},
    }


def found(store: Store, type_: str | None, *parameters: tuple[str, str], access: Access = EVERYONE) -> set[str]:
    page = store.search(access, SearchRequest(type_, parameters, total=True))
    ids = [f"{row.type}/{row.id}" for row in page.rows]
    assert len(ids) == len(set(ids)) == page.total
    return {text.removeprefix(f"{type_}/") for text in ids}


@pytest.fixture
def lists(store: Store) -> Store:
    put(
        store,
        *(patient(id_, gender) for id_, gender in (("a", "male"), ("b", "female"), ("c", "male"), ("d", "female"))),
        observation("o1", "a"),
        observation("o2", "b"),
        a_list("42", "Patient/a", "Patient/b", "Patient/b", "Observation/o1", "http://elsewhere.org/fhir/Patient/c"),
        a_list("changes", "Patient/c", deleted=("Patient/d",), mode="changes"),
        a_list("empty"),
        a_list("nested", "List/42", "Patient/d"),
    )
    return store


def test_a_list_gives_what_its_entries_refer_to(lists: Store) -> None:
    assert found(lists, "Patient", ("_list", "42")) == {"a", "b"}
    assert found(lists, "Observation", ("_list", "42")) == {"o1"}
    assert found(lists, "Encounter", ("_list", "42")) == set()
    assert found(lists, "List", ("_list", "nested")) == {"42"}
    assert found(lists, "Patient", ("_list", "nested")) == {"d"}, "what a list in the list refers to is not in it"


@pytest.mark.parametrize("value", ["List/42", f"{BASE_URL}/List/42", "42,empty", "List/42,nope"])
def test_a_list_can_be_named_as_a_reference(lists: Store, value: str) -> None:
    assert found(lists, "Patient", ("_list", value)) == {"a", "b"}


def test_several_lists_are_one_or_the_other_or_both(lists: Store) -> None:
    assert found(lists, "Patient", ("_list", "42,changes")) == {"a", "b", "c"}
    assert found(lists, "Patient", ("_list", "42"), ("_list", "nested")) == set()
    assert found(lists, "Patient", ("_list", "42,nested"), ("_list", "nested,changes")) == {"d"}


def test_an_entry_that_was_deleted_from_the_list_is_not_in_it(lists: Store) -> None:
    assert found(lists, "Patient", ("_list", "changes")) == {"c"}


def test_no_list_and_an_empty_list_give_nothing(lists: Store) -> None:
    assert found(lists, "Patient", ("_list", "nope")) == set()
    assert found(lists, "Patient", ("_list", "empty")) == set()
    delete(lists, "List", "nested")
    assert found(lists, "Patient", ("_list", "nested")) == set()


def test_the_whole_system_and_several_types_can_be_searched_by_list(lists: Store) -> None:
    assert found(lists, None, ("_list", "42")) == {"Patient/a", "Patient/b", "Observation/o1"}
    assert found(lists, None, ("_list", "42,nested"), ("_type", "Patient,List")) == {
        "Patient/a", "Patient/b", "Patient/d", "List/42",
    }  # fmt: skip


def test_a_list_goes_with_other_parameters_and_with_chains(lists: Store) -> None:
    assert found(lists, "Patient", ("_list", "42"), ("gender", "female")) == {"b"}
    assert found(lists, "Observation", ("subject._list", "42")) == {"o1", "o2"}
    assert found(lists, "Patient", ("_has:Observation:subject:_list", "42")) == {"a"}


def test_order_pages_and_includes_work_with_a_list(lists: Store) -> None:
    request = SearchRequest("Patient", (("_list", "42,nested"),), count=2, sort=("-_id",))
    page = lists.search(EVERYONE, request)
    assert [row.id for row in page.rows] == ["d", "b"]
    following = SearchRequest("Patient", request.parameters, 2, page.next_cursor, sort=("-_id",))
    assert [row.id for row in lists.search(EVERYONE, following).rows] == ["a"]
    including = SearchRequest("Patient", (("_list", "42"),), includes=(("_revinclude", "Observation:subject"),))
    assert {row.id for row in lists.search(EVERYONE, including).included} == {"o1", "o2"}


def test_who_may_not_see_the_list_finds_nothing_by_it(lists: Store) -> None:
    searching = frozenset({"search"})
    patients = Access.restricted([Grant("Patient", searching)])
    assert found(lists, "Patient", ("_list", "42"), access=patients) == set()
    both = Access.restricted([Grant("Patient", searching), Grant("List", searching)])
    assert found(lists, "Patient", ("_list", "42"), access=both) == {"a", "b"}
    assert found(lists, None, ("_list", "42"), access=both) == {"Patient/a", "Patient/b"}
    put(lists, a_list("of-a", "Patient/a", "Observation/o1", "Observation/o2", subject={"reference": "Patient/a"}))
    of_a = Access.restricted([Grant("*", searching, ("Patient", "a"))])
    assert found(lists, None, ("_list", "of-a"), access=of_a) == {"Patient/a", "Observation/o1"}
    assert found(lists, "Patient", ("_list", "42"), access=of_a) == set()


@pytest.mark.parametrize("name", ["$current-problems", "$current-allergies", "$x", "42,$current-medications"])
def test_lists_by_function_are_refused(lists: Store, name: str) -> None:
    with pytest.raises(UnsupportedParameter) as caught:
        found(lists, "Patient", ("_list", name))
    assert caught.value.all_issues()[0].code == "not-supported"


@pytest.mark.parametrize(
    "value", ["", ",", "42,", "Patient/a", "List/42/_history/1", "List/", "a b", "http://x.org/List/42", "é", "x" * 65]
)
def test_what_names_no_list_is_refused(lists: Store, value: str) -> None:
    with pytest.raises(BadRequest) as caught:
        found(lists, "Patient", ("_list", value))
    assert caught.value.all_issues()[0].code == "value"


def test_modifiers_and_too_many_lists_are_refused(lists: Store) -> None:
    with pytest.raises(UnsupportedParameter):
        found(lists, "Patient", ("_list:missing", "true"))
    with pytest.raises(TooCostly):
        found(lists, "Patient", ("_list", ",".join(map(str, range(101)))))
