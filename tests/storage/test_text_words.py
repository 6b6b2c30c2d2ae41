"""What the words of a resource are, and what may be asked of them."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from fhir_server.errors import BadRequest
from fhir_server.storage.text.query import All, Either, Query, Term, fts5, matches, parse, terms, tsquery
from fhir_server.storage.text.words import Words, split, words_of
from tests.paths import R4_PACKAGE, needs_r4_package

XHTML = "http://www.w3.org/1999/xhtml"


def narrative(div: str) -> str:
    return words_of({"text": {"status": "generated", "div": div}}).narrative


def rest(**elements: Any) -> str:
    return words_of({"resourceType": "Basic", **elements}).rest


@pytest.mark.parametrize(
    ("div", "words"),
    [
        (f'<div xmlns="{XHTML}">Chest X-ray</div>', " chest x ray "),
        (f'<div xmlns="{XHTML}"><p>One</p><p>two</p></div>', " one  two "),
        (f'<div xmlns="{XHTML}">meta<b>stas</b>is</div>', " metastasis "),
        (f'<div xmlns="{XHTML}">a<br/>b</div>', " a  b "),
        (f'<div xmlns="{XHTML}"><table><tr><td>1</td><td>2</td></tr></table></div>', " 1  2 "),
        (
            f'<div xmlns="{XHTML}">a<!-- hidden -->b &amp; c&lt;d <a href="http://x" title="no">e</a></div>',
            " ab c d e ",
        ),
        (f'<div xmlns="{XHTML}">na&#239;ve <![CDATA[x & y]]></div>', " naive x y "),
        ("<div>named&nbsp;caf&eacute;</div>", " named cafe "),
        ("<div>not <b>well formed<p>at all", " not well formed  at all "),
        ("", ""),
        ("&", ""),
        ("<div/>", ""),
        ('<!DOCTYPE d [<!ENTITY e "boom">]><div>a &e; b</div>', " a b "),
    ],
)
def test_the_words_of_a_narrative_are_what_a_reader_sees(div: str, words: str) -> None:
    assert narrative(div) == words


def test_everything_else_is_content_but_no_names_references_addresses_and_binaries() -> None:
    document = {
        "resourceType": "Observation",
        "id": "alma",
        "meta": {"versionId": "7", "lastUpdated": "2026-01-01", "tag": [{"system": "http://t", "code": "tagged"}]},
        "text": {"status": "generated", "div": "<div>narrated</div>"},
        "contained": [{"resourceType": "Patient", "id": "p", "text": {"div": "<div>inner <i>s</i>tory</div>"}}],
        "extension": [{"url": "http://x/ext", "valueBase64Binary": "QUJD"}, {"url": "urn:a:b", "valueString": "said"}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4", "display": "HbA1c"}]},
        "subject": {"reference": "Patient/hidden", "display": "Shown"},
        "valueQuantity": {"value": Decimal("6.30"), "unit": "%"},
        "valueBoolean": True,
        "note": [{"text": "see http://x.example/y today"}],
        "list": ["a", 1, [2, None]],
        "photo": {"data": "QUJD", "hash": "QUJD", "contentType": "image/png"},
    }
    words = words_of(document)
    assert words.narrative == " narrated "
    seen = set(words.rest.split("  "))
    assert {text.strip() for text in seen} == {
        *("alma", "tagged", "p", "inner story", "said", "4548 4", "hba1c", "shown", "6 30"),
        *("see http x example y today", "a", "1", "2", "image png", "generated"),
    }


def test_a_resource_without_narrative_has_no_words_there() -> None:
    assert words_of({"resourceType": "Basic", "text": "free"}) == Words("", " free ")
    assert words_of({"resourceType": "Basic"}) == Words("", "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ébène ÉBÈNE", ("ebene", "ebene")),
        ("Straße STRASSE", ("strasse", "strasse")),
        ("ΣΊΣΥΦΟΣ Ёлка", ("σισυφοσ", "елка")),
        ("O'Brien_smith", ("o", "brien", "smith")),
        ("x² ½ ﬁne", ("x2", "1", "2", "fine")),
        ("患者さん", ("患", "者", "さ", "ん")),
        ("हिन्दी", ("हिनदी",)),
        ("zero\u200bwidth", ("zerowidth",)),
        ("a" * 150, ("a" * 100,)),
        ("é" * 150, ("e" * 100,)),
        ("--- ... \u2014", ()),
        ("🙂 ok", ("ok",)),
    ],
)
def test_words_have_no_case_and_no_accents(text: str, words: tuple[str, ...]) -> None:
    assert split(text) == words
    assert rest(a=text).split() == list(words)
    assert tuple(word for part in words for word in split(part)) == words, "folding twice changes nothing"


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("bone", Term(("bone",))),
        ("  Bone  Liver ", All((Term(("bone",)), Term(("liver",))))),
        ("bone AND liver", All((Term(("bone",)), Term(("liver",))))),
        ("bone OR liver", Either((Term(("bone",)), Term(("liver",))))),
        ("bone,liver", Either((Term(("bone",)), Term(("liver",))))),
        (r"bone\,liver", Term(("bone", "liver"))),
        ('"bone marrow"', Term(("bone", "marrow"))),
        ('"bone or, (marrow)"*', Term(("bone", "or", "marrow"), is_open=True)),
        ("x-ray", Term(("x", "ray"))),
        ("Meta*", Term(("meta",), is_open=True)),
        ("a -b", All((Term(("a",)),), (Term(("b",)),))),
        ("-b a not c", All((Term(("a",)),), (Term(("b",)), Term(("c",))))),
        (
            "(bone OR liver) and metastases",
            All((Either((Term(("bone",)), Term(("liver",)))), Term(("metastases",)))),
        ),
        ("a b OR c", Either((All((Term(("a",)), Term(("b",)))), Term(("c",))))),
        ("a -(b OR c)", All((Term(("a",)),), (Either((Term(("b",)), Term(("c",)))),))),
        ("((a))", Term(("a",))),
    ],
)
def test_the_grammar(text: str, query: Query) -> None:
    assert parse(text) == query


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "  ",
            "()",
            "(a",
            "a)",
            '"a',
            '""',
            "-a",
            "not a",
            "a OR -b",
            "a OR",
            "OR a",
            "a AND",
            "AND a",
            "a,,b",
            ",",
        ),
        *("a - b", "*", "a*", "a*b", "ab**", '"a*b"', "--a b", "a & b", "not not a b", "(-a) b", "x" * 1_001),
        *("word " * 51, "(" * 9 + "a" + ")" * 9, "a -", "a NOT"),
    ],
)
def test_what_is_no_question_is_refused(text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse(text)
    assert caught.value.code == "value"


def test_the_limits_themselves_are_within() -> None:
    assert len(list(terms(parse("w " * 50)))) == 50
    assert parse("(" * 8 + "a" + ")" * 8) == Term(("a",))
    assert parse("ab*") == Term(("ab",), is_open=True)


WORDS = Words(" chest pain  no evidence ", " bone marrow  liver 42 ")


@pytest.mark.parametrize(
    ("text", "in_narrative", "in_all"),
    [
        ("chest", True, True),
        ("bone", False, True),
        ("pain bone", False, True),
        ('"chest pain"', True, True),
        ('"pain no"', False, False),
        ('"bone marrow" -"no evidence"', False, False),
        ("bone -kidney", False, True),
        ("che*", True, True),
        ('"bone mar"*', False, True),
        ('"bone mar"', False, False),
        ("kidney OR 42", False, True),
        ("hest", False, False),
    ],
)
def test_matching_word_by_word(text: str, *, in_narrative: bool, in_all: bool) -> None:
    assert matches(parse(text), WORDS, narrative=True) is in_narrative
    assert matches(parse(text), WORDS, narrative=False) is in_all


def test_the_words_of_the_indexes_find_at_least_what_matches() -> None:
    query = parse('"a b" cc* -d -"e f" (g OR h)')
    assert tsquery(query) == "(('a' & 'b') & ('cc':*) & (('g') | ('h')) & !('d'))"
    assert fts5(query) == '((("a" AND "b") AND ("cc" *) AND (("g") OR ("h"))) NOT ("d"))'


@needs_r4_package
def test_every_official_example_has_words() -> None:
    from fhir_server.formats import json

    for path in sorted(R4_PACKAGE.glob("*-example*.json"))[:300]:
        document = json.decode(path.read_bytes())
        words = words_of(document)
        assert words.rest
        shown = re.search(r"\w", re.sub("<[^>]*>", "", document.get("text", {}).get("div", "")))
        assert bool(words.narrative) == bool(shown), path.name
