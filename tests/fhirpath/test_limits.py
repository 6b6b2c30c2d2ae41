"""No expression takes more than bounded time and memory.

https://owasp.org/www-community/attacks/Regular_expression_Denial_of_Service_-_ReDoS
"""

from __future__ import annotations

import contextlib
import time
from decimal import Decimal
from typing import Any

import pytest

from fhir_server.fhirpath import FhirPathError, FhirPathTooCostly, compile  # noqa: A004
from fhir_server.fhirpath.expression import Expression, _kept
from fhir_server.fhirpath.parser import parse
from tests.fhirpath.documents import PATIENT

SECONDS = 3.0


def run(source: str, **arguments: Any) -> list[Any]:
    started = time.process_time()
    try:
        return compile(source, lenient=True).evaluate(PATIENT, **arguments)
    finally:
        assert time.process_time() - started < SECONDS


@pytest.mark.parametrize(
    "source",
    [
        "name.repeat($this)",
        "(1 | 2).repeat($this)",
        "(1 | 2).repeat($this * 3 + 1)",
    ],
)
def test_a_repeat_that_finds_nothing_new_ends(source: str) -> None:
    run(source)


@pytest.mark.parametrize(
    "source",
    [
        "1.repeat($this + 1)",
        "'a'.repeat($this & 'a')",
        "%rows.select(%rows.count() & %rows.tail().first())",
        "%rows.select(%rows.select(1))",
        "%rows.where(%rows.foo.empty())",
        "%rows.where(%rows.foo.exists().not())",
        "%rows.where(%rows.isDistinct())",
        "%rows.where($this in %rows.skip(1))",
        "%rows.aggregate($total.combine($total).combine(1))",
        "%rows.aggregate($total & $total, 'ab')",
        "%rows.sort($this).select(%rows.sort())",
        "%rows.select(%rows ~ %rows)",
        "%rows.select(%rows = %rows)",
        "%rows.select(%text.split('a').join(','))",
        "%rows.select(%rows.take(100000))",
        "%rows.select(%rows.ofType(Integer))",
        "'ab'.repeat(replace('b', 'bbbbbbbbbbbbbbbbbbbb'))",
        "%text.replaceMatches('.', %text)",
        "%text.replace('a', %text)",
        "(%text & %text & %text).replace('a', %text)",
        "%rows.select(%text.upper().length())",
        "%rows.select(%text.toChars())",
        "%rows.select(%text.encode('hex'))",
    ],
)
def test_work_without_end_is_too_costly(source: str) -> None:
    with pytest.raises(FhirPathTooCostly) as caught:
        run(source, variables={"rows": list(range(20_000)), "text": "a" * 40_000})
    assert caught.value.status == 422
    assert [issue.code for issue in caught.value.all_issues()] == ["too-costly"]


def test_the_budget_is_an_argument() -> None:
    assert len(run("name.given", budget=100)) == 4
    with pytest.raises(FhirPathTooCostly):
        run("name.given", budget=5)


EVIL = ["(a+)+$", "(a|a)*$", "(a?){30}a{30}", "(.*)*$", "^(([a-z])+.)+[A-Z]([a-z])+$", "(a{1,30}){1,30}b", "(x+x+)+y"]


@pytest.mark.parametrize("pattern", EVIL)
@pytest.mark.parametrize("function", ["matches", "matchesFull", "replaceMatches"])
def test_a_pattern_that_would_stall_re_takes_milliseconds(pattern: str, function: str) -> None:
    more = ", 'y'" if function == "replaceMatches" else ""
    expression = compile(f"%text.{function}(%pattern{more})", lenient=True)
    started = time.process_time()
    with contextlib.suppress(FhirPathTooCostly):
        expression.evaluate(PATIENT, variables={"text": "a" * 5_000 + "!", "pattern": pattern})
    assert time.process_time() - started < 2


@pytest.mark.parametrize("pattern", ["a{2000}", "((a{100}){100}){100}", r"\pL{900}" * 20, "a" * 1_001])
def test_a_pattern_too_large_is_too_costly(pattern: str) -> None:
    with pytest.raises(FhirPathTooCostly):
        run("'x'.matches(%pattern)", variables={"pattern": pattern})


@pytest.mark.parametrize("pattern", ["(", "[", "a(?=b)", r"(a)\1", "*"])
def test_what_is_no_pattern_is_refused_with_a_place(pattern: str) -> None:
    with pytest.raises(FhirPathError, match="no regular expression") as caught:
        run("'x'.matches(%pattern)", variables={"pattern": pattern})
    assert caught.value.status == 400
    assert caught.value.position == 4


def test_a_text_too_long_to_search_is_too_costly() -> None:
    with pytest.raises(FhirPathTooCostly):
        run("%text.matches('a')", variables={"text": "b" * 100_001})


@pytest.mark.parametrize("number", ["1E+999999", "1E-999999", "-1E+999999", "1" * 5000])
@pytest.mark.parametrize(
    "source",
    [
        "%n.toString().length()", "%n.round(2)", "%n.floor()", "%n.sqrt()", "%n.exp()", "%n.power(%n)", "%n * %n",
        "%n / 3", "%n div 3", "%n mod 3", "%n = 1", "%n < 1", "%n ~ 1", "%n.toQuantity('mg') = 1 'g'", "%n.ln()",
        "%n.toQuantity() ~ 1 '1'", "(%n | 1).distinct()", "@2020 + %n.toQuantity('d')", "%n.lowBoundary()",
        "%n.precision()", "@T10:00:00 + %n.toQuantity('s')", "-%n", "%n.abs()", "%n.log(10)", "%n & 'x'",
    ],
)  # fmt: skip
def test_a_number_of_any_size_is_answered_at_once(number: str, source: str) -> None:
    started = time.process_time()
    with contextlib.suppress(FhirPathError):
        run(source, variables={"n": Decimal(number)})
    assert time.process_time() - started < 1


def test_an_integer_that_overflows_is_empty() -> None:
    assert run("2147483647 + 1") == []
    assert run("10.power(10)") == []
    assert run("2147483647 * 2147483647") == []


@pytest.mark.parametrize(
    "source",
    [
        "(" * 90 + "active" + " = active)" * 90,
        "(" * 90 + "active" + " = true)" * 90,
        "active" + ".not()" * 90,
        "where(" * 45 + "active" + " = 1)" * 45,
        "iif(" * 45 + "active" + ", (active = 1) = (1 = 1), active) != true" * 45,
        "(" * 80 + "active" + " in (1 | 2)).not()" * 40 + ")" * 40,
    ],
)
def test_compiling_takes_time_in_proportion(source: str) -> None:
    started = time.process_time()
    Expression(source, parse(source), lenient=True)
    assert time.process_time() - started < 1


def test_the_cache_of_expressions_is_bounded() -> None:
    for number in range(600):
        compile(f"name.take({number})")
    assert _kept.cache_info().currsize <= 512
    before = _kept.cache_info().currsize
    compile("a" * 1_500)
    assert _kept.cache_info().currsize == before


def test_types_that_data_invents_are_not_remembered() -> None:
    expression = compile("name.given", lenient=True)
    for number in range(5_000):
        assert expression.evaluate({"resourceType": f"Invented{number}", "name": [{"given": ["x"]}]}) == []
