"""An expression becomes one tree, or one error that says where and why.

https://hl7.org/fhirpath/N1/#grammar
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.fhirpath import FhirPathError, Quantity, Temporal, compile  # noqa: A004
from fhir_server.fhirpath.parser import MAX_ALTERNATIVES, MAX_DEPTH, MAX_LENGTH, parse
from fhir_server.fhirpath.tree import (
    Binary,
    Call,
    Empty,
    Index,
    Literal,
    Member,
    Special,
    TypeName,
    TypeTest,
    Unary,
    Variable,
    children,
    literal_texts,
    measure,
    walk,
)


@pytest.mark.parametrize(
    ("source", "tree"),
    [
        ("Patient.name", Member(Member(None, "Patient"), "name")),
        ("`div`.`a\\`b`", Member(Member(None, "div"), "a`b")),
        ("a[0]", Index(Member(None, "a"), Literal(0))),
        ("{}", Empty()),
        ("$this", Special("$this")),
        ("%ucum", Variable("ucum")),
        ("%`vs-x`", Variable("vs-x")),
        ("%'vs-x'", Variable("vs-x")),
        ("f(1, 'x')", Call(None, "f", (Literal(1), Literal("x")))),
        ("-1.f()", Unary("-", Call(Literal(1), "f", ()))),
        ("4 days", Literal(Quantity(Decimal(4), "day", calendar=True, word="days"))),
        ("4.0 'mg'", Literal(Quantity(Decimal("4.0"), "mg"))),
        ("@2020-02", Literal(Temporal("Date", (2020, 2), None, "2020-02"))),
        ("a as FHIR.Quantity", TypeTest("as", Member(None, "a"), TypeName("FHIR", "Quantity"))),
        ("a.ofType(Quantity)", TypeTest("ofType", Member(None, "a"), TypeName("", "Quantity"))),
        ("is(Patient)", TypeTest("is", None, TypeName("", "Patient"))),
        ("1 + 2 * 3", Binary("+", Literal(1), Binary("*", Literal(2), Literal(3)))),
        ("1 - 2 - 3", Binary("-", Binary("-", Literal(1), Literal(2)), Literal(3))),
        ("a is B | c", Binary("|", TypeTest("is", Member(None, "a"), TypeName("", "B")), Member(None, "c"))),
        ("a or b and c", Binary("or", Member(None, "a"), Binary("and", Member(None, "b"), Member(None, "c")))),
        ("a.contains", Member(Member(None, "a"), "contains")),
        ("day.is", Member(Member(None, "day"), "is")),
    ],
)
def test_a_text_has_one_tree(source: str, tree: object) -> None:
    assert parse(source) == tree


@pytest.mark.parametrize(
    ("source", "line", "column", "reason"),
    [
        ("Patient.name.", 1, 14, "a name was expected"),
        ("name.where(use = 'official'", 1, 28, '")" was expected'),
        ("a and\n  b c", 2, 5, "an operator or the end"),
        ("a # b", 1, 3, "unexpected character"),
        ("'abc", 1, 1, "not closed"),
        ("`abc", 1, 1, "not closed"),
        ("1 /* x", 1, 3, "not closed"),
        ("'a\\qb'", 1, 1, "unknown escape"),
        ("'\\uD800'", 1, 1, "surrogate"),
        ("@2020-13", 1, 1, "no such date"),
        ("@2023-02-29", 1, 1, "no such date"),
        ("@T25:00", 1, 1, "no such date"),
        ("9999999999", 1, 1, "an integer may be"),
        ("a.$this", 1, 3, "cannot follow a dot"),
        ("a is 3", 1, 6, "the name of a type"),
        ("", 1, 1, "was expected"),
        (")", 1, 1, "was expected"),
        ("a.b(,)", 1, 5, "was expected"),
    ],
)
def test_an_error_says_where_and_why(source: str, line: int, column: int, reason: str) -> None:
    with pytest.raises(FhirPathError) as caught:
        parse(source)
    assert caught.value.line_and_column() == (line, column)
    assert reason in caught.value.diagnostics
    assert f"column {column}" in caught.value.diagnostics
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("source", "column", "reason"),
    [
        ("name.frobnicate()", 6, "no function frobnicate()"),
        ("name.first(1)", 6, "takes 0 arguments, not 1"),
        ("name.where()", 6, "takes 1 arguments, not 0"),
        ("name.substring(1, 2, 3)", 6, "takes 1 to 2 arguments, not 3"),
        ("name is Elephant", 6, "no type Elephant"),
    ],
)
def test_an_unknown_name_is_found_when_compiling(source: str, column: int, reason: str) -> None:
    with pytest.raises(FhirPathError) as caught:
        compile(source, lenient=True)
    assert caught.value.line_and_column() == (1, column)
    assert reason in caught.value.diagnostics


@pytest.mark.parametrize(
    ("source", "column"),
    [("name.given & 'x'", 12), ("1 + (name.given.first() + 1)", 25), ("name.where(given.single() = 'x')", 18)],
)
def test_an_error_while_running_says_where(source: str, column: int) -> None:
    patient = {"resourceType": "Patient", "name": [{"given": ["A", "B"]}]}
    with pytest.raises(FhirPathError) as caught:
        compile(source).evaluate(patient)
    assert caught.value.line_and_column() == (1, column)


def test_an_error_quotes_the_expression_without_its_texts() -> None:
    for source in (
        "name.where(family = 'Kowalska') + 1",
        "where(a = 'Kowalska",
        "'Kow\\'alska' + {} * 'Kowalska'.x() y",
    ):
        with pytest.raises(FhirPathError) as caught:
            compile(source, lenient=True).evaluate({"resourceType": "Patient", "name": [{"family": "Kowalska"}]})
        assert "Kow" not in caught.value.diagnostics
        assert " near " in caught.value.diagnostics


@pytest.mark.parametrize("nested", ["(" * 5000, "f(" * 5000, "-" * 5000, "a[" * 5000, "{" * 5000])
def test_nesting_is_bounded(nested: str) -> None:
    with pytest.raises(FhirPathError):
        parse(nested)


@pytest.mark.parametrize("chained", ["a" + ".a" * 5000, "1" + "+1" * 5000, "a" + "[0]" * 3000, "a" + " is A" * 2000])
def test_a_chain_is_bounded(chained: str) -> None:
    with pytest.raises(FhirPathError, match=f"more than {MAX_DEPTH} deep"):
        parse(chained)


def test_the_deepest_expressions_allowed_run() -> None:
    patient = {"resourceType": "Patient", "active": True}
    for deepest in (
        "(" * 90 + "active" + ")" * 90,
        "active" + ".where(true)" * 90,
        "iif(true, " * 90 + "active" + ")" * 90,
        "where(" * 90 + "true" + ")" * 90,
        "exists(" * 80 + "active and (active = true)" + ")" * 80,
        " and ".join(["active"] * 90),
    ):
        assert compile(deepest, lenient=True).evaluate(patient)


def test_the_length_is_bounded() -> None:
    with pytest.raises(FhirPathError, match=f"may have {MAX_LENGTH} characters"):
        parse("a" * (MAX_LENGTH + 1))


def test_a_union_of_many_paths_is_flat_and_bounded() -> None:
    paths = [f"Patient.a{number}" for number in range(MAX_ALTERNATIVES)]
    assert measure(parse(" | ".join(paths))) == (3, MAX_ALTERNATIVES)
    assert compile("name | " * (MAX_ALTERNATIVES - 1) + "name").evaluate({"resourceType": "Patient"}) == []
    with pytest.raises(FhirPathError, match=f"may have {MAX_ALTERNATIVES} paths"):
        parse("(" + " | ".join(["one", *paths]) + ").b")


def test_a_union_of_texts_is_known_when_compiling() -> None:
    assert literal_texts(parse("('a' | 'b' | 'a')")) == ["a", "b"]
    assert literal_texts(parse("'a' | b")) is None


def test_every_part_of_a_tree_is_walked_once() -> None:
    tree = parse("Patient.name.where(use = 'x' or given[0].length() > -1).given is string")
    parts = list(walk(tree))
    assert len(parts) == len({id(part) for part in parts}) == 1 + sum(len(children(part)) for part in parts)


@given(st.text(alphabet="aP.'()[]{}$%@|&=<>!~+-*/ 0123456789`\\T:\nisadn,", max_size=60))
def test_any_text_is_a_tree_or_a_located_error(source: str) -> None:
    try:
        parse(source)
    except FhirPathError as error:
        assert 0 <= error.position <= len(source)


@given(st.text(max_size=40).filter(lambda text: text.encode("utf-8", "ignore").decode() == text))
def test_a_quoted_text_is_itself(text: str) -> None:
    written = text.replace("\\", "\\\\").replace("'", "\\'")
    assert parse(f"'{written}'") == Literal(text)
