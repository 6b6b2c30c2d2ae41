"""`_text` and `_content` find what has the words, from the commit of a write on, whoever fills the index meanwhile."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_server.errors import BadRequest, LockTimeout, Unavailable, UnsupportedParameter
from fhir_server.formats import json
from fhir_server.storage.access import Access, Grant
from fhir_server.storage.model import SearchRequest, Write
from fhir_server.storage.repository import Store
from fhir_server.storage.search.explain import explain
from fhir_server.storage.text.query import matches, parse
from fhir_server.storage.text.words import words_of
from tests.stores import EVERYONE, delete, open_store, put

XHTML = "http://www.w3.org/1999/xhtml"


def basic(id_: str, content: str, narrative: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {"resourceType": "Basic", "id": id_, "code": {"text": content}}
    if narrative:
        made["text"] = {"status": "generated", "div": f'<div xmlns="{XHTML}">{narrative}</div>'}
    return made


def found(
    store: Store, query: str, name: str = "_content", type_: str | None = "Basic", access: Access = EVERYONE
) -> list[str]:
    """Run a search with one parameter; return ids in order."""
    page = store.search(access, SearchRequest(type_, ((name, query),), count=1_000, total=True))
    assert page.total == len(page.rows)
    return sorted(version.id for version in page.rows)


def settle(store: Store) -> None:
    while store.index_words() != 0:
        pass


QUERIES = {
    "metastases": ["a", "b"],
    "(bone OR liver) and metastases": ["a", "b"],
    "bone,kidney": ["a", "c"],
    "METASTÁSES -liver": ["a"],
    '"bone metastases"': ["a"],
    '"metastases bone"': [],
    '"metastases in"*': ["b"],
    'metastases -"in the liver"': ["a"],
    "met*": ["a", "b", "d"],
    "meta* -metastases": [],
    '(kidney OR "in the") -(stone -left)': ["b", "c"],
    "x-ray": ["d"],
    "42": ["d"],
    "患者": ["e"],
    "者患": [],
    "ガイド OR nothing": ["e"],
    '"fine meter"': ["d"],
    "absent": [],
    "a": ["a"],
}


@pytest.mark.parametrize("waits", [True, False], ids=["waiting", "indexed"])
def test_queries_find_the_same_whether_words_wait_or_are_indexed(store: Store, waits: bool) -> None:
    put(
        store,
        basic("a", "Bone metastases"),
        basic("b", "Metastases in the liver"),
        basic("c", "Kidney, left", "kidney stone"),
        basic("d", "X-Ray 42 \ufb01ne métèr"),
        basic("e", "患者さんガイド"),
    )
    if not waits:
        settle(store)
    assert {query: found(store, query) for query in QUERIES} == QUERIES


@pytest.mark.parametrize("waits", [True, False], ids=["waiting", "indexed"])
def test_text_looks_at_the_narrative_and_content_at_everything(store: Store, waits: bool) -> None:
    put(store, basic("a", "alpha", "<p>beta</p><p>gamma</p>"), basic("b", "beta"), basic("c", "gamma", "alpha"))
    if not waits:
        settle(store)
    assert found(store, "beta", "_text") == ["a"]
    assert found(store, "beta") == ["a", "b"]
    assert found(store, "alpha gamma") == ["a", "c"]
    assert found(store, "alpha gamma", "_text") == []
    assert found(store, "beta gamma", "_text") == ["a"]
    assert found(store, '"beta gamma"', "_text") == [], "they stand in different paragraphs"
    assert found(store, "alpha -beta") == ["c"]
    assert found(store, "alpha -gamma", "_text") == ["c"]


def test_old_words_and_deleted_resources_are_never_found(store: Store) -> None:
    put(store, basic("a", "old"), basic("b", "gone"))
    for settled_between in (False, True):
        if settled_between:
            settle(store)
        put(store, basic("a", f"new{settled_between}"))
        assert found(store, "old") == []
        assert found(store, f"new{settled_between}") == ["a"]
    assert found(store, "newFalse") == []
    delete(store, "Basic", "b")
    assert found(store, "gone") == []
    settle(store)
    assert found(store, "gone") == []
    put(store, basic("b", "back"))
    assert found(store, "back") == ["b"]
    assert found(store, "gone") == []


def test_a_search_over_all_types_and_a_type_of_its_own(store: Store) -> None:
    patient = {"resourceType": "Patient", "id": "p", "name": [{"family": "Rose"}]}
    put(store, basic("a", "rose"), patient)
    for _ in range(2):
        assert found(store, "rose", type_=None) == ["a", "p"]
        assert found(store, "rose", type_="Patient") == ["p"]
        assert found(store, "rose", type_="Observation") == []
        settle(store)


def observations() -> list[dict[str, Any]]:
    patients: list[dict[str, Any]] = [
        {"resourceType": "Patient", "id": n, "name": [{"family": f"Fam {n}"}]} for n in "pq"
    ]
    return patients + [
        {
            "resourceType": "Observation",
            "id": f"o{n}",
            "status": "final",
            "code": {"text": "shared words"},
            "subject": {"reference": f"Patient/{n}"},
        }
        for n in "pq"
    ]


def test_the_restriction_of_the_caller_applies(store: Store) -> None:
    put(store, *observations())
    access = Access.restricted([Grant("*", frozenset({"read", "search"}), ("Patient", "p"))])
    for _ in range(2):
        assert found(store, "shared", type_="Observation") == ["op", "oq"]
        assert found(store, "shared", type_="Observation", access=access) == ["op"]
        assert found(store, "shared", type_=None, access=access) == ["op"]
        assert found(store, "shared", type_="Observation", access=Access.nothing()) == []
        settle(store)


def test_it_stands_within_chains(store: Store) -> None:
    put(store, *observations())
    for _ in range(2):
        assert found(store, '"fam q"', "subject:Patient._content", "Observation") == ["oq"]
        assert found(store, '"fam q"', "subject:Patient._text", "Observation") == []
        assert found(store, "shared", "_has:Observation:subject:_content", "Patient") == ["p", "q"]
        both = SearchRequest("Observation", (("_content", "words"), ("subject", "Patient/p"), ("status", "final")))
        assert [row.id for row in store.search(EVERYONE, both).rows] == ["op"]
        settle(store)


def test_pages_and_sorting_work_as_with_any_other_parameter(store: Store) -> None:
    put(store, *(basic(f"b{number}", "word") for number in range(7)))
    for _ in range(2):
        seen: list[str] = []
        cursor = ""
        while True:
            request = SearchRequest("Basic", (("_content", "word"),), count=3, cursor=cursor, sort=("-_id",))
            page = store.search(EVERYONE, request)
            seen += [row.id for row in page.rows]
            cursor = page.next_cursor
            if not cursor:
                break
        assert seen == [f"b{number}" for number in reversed(range(7))]
        settle(store)


def test_what_cannot_be_answered_is_refused(store: Store) -> None:
    for name in ("_content:exact", "_text:missing", "subject:Patient._content:contains"):
        with pytest.raises(UnsupportedParameter):
            found(store, "x", name, "Observation")
    for value in ("", "-x", "(a", "x" * 2_000):
        with pytest.raises(BadRequest):
            found(store, value)
    put(store, basic("a", "x"), basic("b", "x"))
    low = open_store(store.database.url.render_as_string(hide_password=False), text_backlog=1)
    with pytest.raises(Unavailable, match="2 new versions"):
        found(low, "x")
    assert [row.id for row in low.search(EVERYONE, SearchRequest("Basic", (("_id", "a"),))).rows] == ["a"]
    settle(store)
    assert found(low, "x") == ["a", "b"]
    low.database.close()


def test_the_explanation_of_a_search_has_no_words_of_it(store: Store) -> None:
    put(store, basic("a", "secret"))
    for _ in range(2):
        told = explain(store._parts, EVERYONE, SearchRequest("Basic", (("_content", '"secret word"'),), count=10))
        assert told.statements
        assert "secret" not in str(told)
        settle(store)


def test_a_resource_with_more_words_than_an_index_entry_holds_is_found_as_any_other(store: Store) -> None:
    many = " ".join(f"word{number}" for number in range(120_000))
    put(store, basic("big", f"{many} the very end"), basic("small", "word7 end"))
    for _ in range(2):
        assert found(store, "word7 end") == ["big", "small"]
        assert found(store, '"very end"') == ["big"]
        assert found(store, "word119999 -small") == ["big"]
        assert found(store, "word11999*") == ["big"]
        assert found(store, "end", "_text") == []
        settle(store)
    assert store.check() == []


def test_in_a_write_transaction_other_writers_wait_until_its_end(store: Store) -> None:
    put(store, basic("a", "word"))
    other = open_store(store.database.url.render_as_string(hide_password=False), limits={"lock_timeout": 0.3})

    def work(unit: Any) -> None:
        unit.persist([Write("create", "Basic", "own", basic("own", "word"))])
        seen = [version.id for version in unit.match("Basic", [("_content", "word")])]
        assert sorted(seen) == ["a", "own"], "one's own writes are seen"
        refused: list[type] = []

        def late() -> None:
            try:
                put(other, basic("b", "word"))
            except LockTimeout:
                refused.append(LockTimeout)

        thread = threading.Thread(target=late)
        thread.start()
        thread.join()
        assert refused == [LockTimeout]

    store.write(EVERYONE, work)
    put(other, basic("b", "word"))
    assert found(store, "word") == ["a", "b", "own"]
    other.database.close()


WORDS = ("alpha", "beta", "Gamma", "délta", "x-ray", "42")
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join)
ATOMS = st.sampled_from([*WORDS, "al*", "be*", '"alpha beta"', '"beta gam"*', '"42 x-ray"', "alpha,beta"])
ASKED = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: f"({p[0]} OR {p[1]})"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]} {p[1]})"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]} -{p[1]})"),
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents=st.lists(st.tuples(TEXTS, TEXTS), min_size=8, max_size=8), queries=st.lists(ASKED, min_size=5))
def test_every_question_is_answered_as_a_reader_would(
    store: Store, documents: list[tuple[str, str]], queries: list[str]
) -> None:
    made = [basic(f"b{number}", content, text) for number, (content, text) in enumerate(documents)]
    put(store, *made[:4])
    settle(store)
    put(store, *made[4:])
    for query in queries[:10]:
        for code in ("_text", "_content"):
            wanted = [each["id"] for each in made if matches(parse(query), words_of(each), narrative=code == "_text")]
            assert found(store, query, code) == wanted, query


class Crowd:
    """Threads that do the same again and again, each with a store of its own, until time is up or one fails."""

    def __init__(self, store: Store) -> None:
        self._url = store.database.url.render_as_string(hide_password=False)
        self.ended = threading.Event()
        self.failures: list[Exception] = []
        self.answers = 0

    def run(self, seconds: float, *jobs: Callable[[Store], None]) -> None:
        threads = [threading.Thread(target=self._repeat, args=(job,)) for job in jobs]
        for thread in threads:
            thread.start()
        self.ended.wait(seconds)
        self.ended.set()
        for thread in threads:
            thread.join()

    def _repeat(self, job: Callable[[Store], None]) -> None:
        own = open_store(self._url, limits={"lock_timeout": 30.0})
        try:
            while not self.ended.is_set():
                job(own)
        except Exception as error:  # noqa: BLE001 - the test fails with it
            self.failures.append(error)
            self.ended.set()
        finally:
            own.database.close()

    def fill(self, own: Store) -> None:
        if not own.index_words():
            self.ended.wait(0.005)

    def search(self, own: Store) -> None:
        query = random.choice(["red", "red -green", '"green blue" OR "blue red"'])
        with own.snapshot():
            rows = own.database.fetch(
                "SELECT r.id, v.content FROM resource r JOIN resource_version v ON v.key = r.key "
                "AND v.version = r.version WHERE r.type = 'Basic' AND NOT r.deleted"
            )
            answer = found(own, query)
        read = {id_: words_of(json.decode_trusted(content)) for id_, content in rows}
        assert answer == sorted(id_ for id_, words in read.items() if matches(parse(query), words, narrative=False))
        self.answers += 1


def writer(seed: int) -> Callable[[Store], None]:
    dice = random.Random(seed)

    def write(own: Store) -> None:
        id_ = f"w{seed}-{dice.randrange(12)}"
        there = own.read(EVERYONE, "Basic", id_)
        if dice.random() < 0.15 and there is not None and not there.deleted:
            delete(own, "Basic", id_)
        else:
            put(own, basic(id_, " ".join(dice.sample(("red", "green", "blue"), dice.randint(1, 3)))))

    return write


def test_every_answer_equals_a_naive_scan_while_writers_and_fillers_work(store: Store) -> None:
    crowd = Crowd(store)
    crowd.run(6, writer(1), writer(2), crowd.fill, crowd.fill, crowd.search)
    assert not crowd.failures, crowd.failures[0]
    assert crowd.answers > 20
    settle(store)
    assert store.check() == []
    assert store.database.fetch("SELECT count(*) FROM text_queue") == [(0,)]
