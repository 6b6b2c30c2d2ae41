"""Every search parameter of R4 that has an expression finds the official examples that have its values.

https://hl7.org/fhir/R4/searchparameter-registry.html

What an example has is what the published FHIRPath expression finds in it, compared by the naive search of
`tests.search`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice, pairwise

import pytest

from fhir_server.definitions import SearchParameter, load
from fhir_server.errors import FhirError
from fhir_server.storage.model import SearchRequest, Write
from fhir_server.storage.repository import Store
from tests.paths import needs_r4_package
from tests.search.datatypes import stands_before
from tests.search.oracle import Resource, name_of
from tests.storage.search.examples import Judge, documents, made_up, parameters
from tests.stores import EVERYONE, Clock, Templates, open_store

pytestmark = needs_r4_package
WITHOUT_VALUES = 0
"""Parameters for which neither an example nor a document made for the test has a value."""
EXCEPTIONS = {
    (
        "Bundle",
        "composition",
    ): "a resource inside a Bundle is none of the server's own, so that no reference leads to it",
    ("Bundle", "message"): "as composition",
}
_ALL = 1_000
_SORTABLE = ("date", "string", "number", "token", "uri", "quantity")
Answer = Callable[[str, SearchParameter], str]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(
    request: pytest.FixtureRequest, templates: Templates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """A store with all the documents."""
    url = templates.copy(request.param, tmp_path_factory.mktemp("examples"))
    made = open_store(url, clock=Clock(), referential_integrity="relaxed")
    refused = [
        name for start in range(0, len(documents()), 200) for name in _put(made, documents()[start : start + 200])
    ]
    assert refused == []
    if request.param == "postgresql":
        made.database.fetch("ANALYZE")
    yield made
    made.database.close()
    templates.drop(url)


def _put(store: Store, some: tuple[Resource, ...]) -> list[str]:
    """Store documents at once; return the names of those that are refused."""
    try:
        writes = [Write("update", each["resourceType"], each["id"], each) for each in some]
        store.write(EVERYONE, lambda unit: unit.persist(writes))
    except FhirError:
        if len(some) == 1:
            return [name_of(some[0])]
        half = len(some) // 2
        return _put(store, some[:half]) + _put(store, some[half:])
    return []


@pytest.fixture(scope="session")
def judge() -> Judge:
    """The naive search over the same documents."""
    return Judge(list(documents()))


def each(answer: Answer) -> None:
    """Ask something of every parameter, and fail with all that went wrong."""
    wrong = []
    for kind, parameter in parameters():
        if (kind, parameter.code) in EXCEPTIONS:
            continue
        try:
            said = answer(kind, parameter)
        except FhirError as error:
            said = f"refused: {error.diagnostics}"
        if said:
            wrong.append(f"{kind}?{parameter.code}: {said}")
    assert not wrong, f"{len(wrong)} parameters:\n" + "\n".join(wrong[:200])


def _differs(found: list[str], wanted: set[str]) -> str:
    more, less = set(found) - wanted, wanted - set(found)
    return f"finds {sorted(more)[:4]} too much, misses {sorted(less)[:4]}" if more or less else ""


def test_a_value_of_an_example_finds_the_examples_that_have_it(store: Store, judge: Judge) -> None:
    def answer(kind: str, parameter: SearchParameter) -> str:
        asked = dict.fromkeys(islice(judge.asked(kind, parameter), 40))
        texts = list(asked)[:1] + list(asked)[-1:] if asked else [made_up(parameter)]
        for text in dict.fromkeys(texts):
            page = store.search(EVERYONE, SearchRequest(kind, ((parameter.code, text),), count=_ALL))
            wrong = _differs([row.id for row in page.rows], judge.wanted(kind, parameter.code, text))
            if wrong:
                return f"{text!r} {wrong}"
        return ""

    each(answer)


def test_missing_is_what_the_expression_finds_nothing_in(store: Store, judge: Judge) -> None:
    def answer(kind: str, parameter: SearchParameter) -> str:
        if parameter.type == "composite":
            return ""
        page = store.search(EVERYONE, SearchRequest(kind, ((f"{parameter.code}:missing", "true"),), count=_ALL))
        return _differs([row.id for row in page.rows], judge.wanted(kind, f"{parameter.code}:missing", "true"))

    each(answer)


def test_the_examples_come_in_the_order_of_their_values(store: Store, judge: Judge) -> None:
    def answer(kind: str, parameter: SearchParameter) -> str:
        if parameter.type not in _SORTABLE:
            return ""
        asked = (((f"{parameter.code}:missing", "false"),), f"-{parameter.code}")
        page = store.search(EVERYONE, SearchRequest(kind, asked[0], count=_ALL, sort=(asked[1],)))
        found = [row.id for row in page.rows]
        wrong = _differs(found, judge.wanted(kind, *asked[0][0]))
        rows = [judge.order(kind, parameter.code, id_) for id_ in found]
        pairs = [(a, b) for a, b in pairwise(rows) if stands_before(b, a, [asked[1]])]
        return wrong or (f"are not in order: {pairs[:3]}" if pairs else "")

    each(answer)


def test_the_parameters_without_a_value_are_few_and_known(judge: Judge) -> None:
    without = [f"{kind}.{each.code}" for kind, each in parameters() if next(judge.asked(kind, each), None) is None]
    assert len(without) == WITHOUT_VALUES, without


def test_no_parameter_of_the_definitions_is_left_out() -> None:
    asked = {each.id for _, each in parameters()}
    expressed = {each.id for each in load().search_parameters if each.expression}
    assert expressed - asked == set()
    assert len(expressed) >= 1375
