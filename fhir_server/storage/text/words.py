"""The words of a resource: those of its narrative and those of everything else in it, folded for both databases alike.

https://hl7.org/fhir/R4/search.html#content and https://hl7.org/fhir/R4/narrative.html

A word is a run of letters and digits without case and accents; Chinese and Japanese characters are words of their own,
because nothing separates them. Left out are element names, the resource's type, its version and time, references to
other resources, absolute URIs (of code systems, profiles, extensions) and binary data.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from lxml import etree

from fhir_server.storage.fold import fold

LONGEST_WORD = 100
"""Characters of a word that are compared."""

_SILENT = frozenset({"resourceType", "reference", "data", "hash", "versionId", "lastUpdated", "valueBase64Binary"})
_INLINE = frozenset(
    [
        "a",
        "abbr",
        "acronym",
        "b",
        "bdo",
        "big",
        "cite",
        "code",
        "dfn",
        "em",
        "font",
        "i",
        "kbd",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "tt",
        "u",
        "var",
    ]
)
_UNSEEN = frozenset({"script", "style"})
_ASCII = str.maketrans({chr(code): chr(code).lower() if chr(code).isalnum() else " " for code in range(128)})
_LONG = re.compile(rf"([^ ]{{{LONGEST_WORD}}})[^ ]+")
_IDEOGRAPHIC = re.compile("([\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])")


class Words(NamedTuple):
    """The words of a resource, each with a blank on either side, and a second blank wherever a text ends.

    narrative  those of its narrative: " chest x ray "
    rest       those of everything else: " final  chest pain  42 ", contained resources included
    """

    narrative: str
    rest: str


def words_of(document: dict[str, Any]) -> Words:
    """Return the words of a resource."""
    text = document.get("text")
    if not isinstance(text, dict) or not isinstance(text.get("div"), str):
        return Words("", _joined(_texts([document])))
    others = {key: value for key, value in document.items() if key != "text"}
    about = {key: value for key, value in text.items() if key != "div"}
    return Words(_joined(_visible(text["div"])), _joined(_texts([about, others])))


def _texts(waiting: list[Any]) -> list[str]:
    """Return the texts and numbers in JSON values, in any order."""
    rest: list[str] = []
    while waiting:
        item = waiting.pop()
        if type(item) is dict:
            for key, value in item.items():
                kind = type(value)
                if kind is str:
                    if key not in _SILENT:
                        rest += _visible(value) if key == "div" else [value]
                elif kind is dict or kind is list:
                    waiting.append(value)
                elif kind is not bool and value is not None:
                    rest.append(str(value))
        elif type(item) is list:
            waiting += item
        elif type(item) is str:
            rest.append(item)
        elif isinstance(item, int | Decimal) and type(item) is not bool:
            rest.append(str(item))
    return [text for text in rest if not _is_uri(text)]


def _is_uri(text: str) -> bool:
    return ("://" in text or text.startswith("urn:")) and " " not in text


def _joined(texts: Iterable[str]) -> str:
    lines = [line for text in texts if (line := _line(text))]
    return f" {'  '.join(lines)} " if lines else ""


def _line(text: str) -> str:
    """Return the words of one text, one blank between them."""
    if text.isascii():
        folded = text.translate(_ASCII)
    else:
        folded = "".join([char if _in_word(char) else " " for char in fold(text)])
        folded = _IDEOGRAPHIC.sub(r" \1 ", folded)
    line = " ".join(folded.split())
    return _LONG.sub(r"\1", line) if len(line) > LONGEST_WORD else line


def _in_word(char: str) -> bool:
    return char.isalnum() or (not char.isascii() and unicodedata.category(char)[0] == "M")


def split(text: str) -> tuple[str, ...]:
    """Return the words of a text, as `words_of` finds them in a document."""
    return tuple(_line(text).split())


def _visible(div: str) -> list[str]:
    """Return the texts of a piece of XHTML: what stands in different paragraphs or cells is told apart."""
    raw = div.encode("utf-8", "replace")
    try:
        root = etree.fromstring(raw, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))
    except (etree.XMLSyntaxError, ValueError):
        # A named entity of HTML, for instance. This parser reads anything.
        try:
            root = etree.fromstring(raw, etree.HTMLParser(encoding="utf-8", no_network=True, huge_tree=True))
        except (etree.XMLSyntaxError, etree.ParserError, ValueError):
            return [div]
    if root is None:
        return []
    pieces: list[str] = []
    for step, element in etree.iterwalk(root, events=("start", "end", "comment", "pi")):
        if not isinstance(element.tag, str):  # a comment, or an entity that is not looked up
            pieces.append((element.tail or "") if step != "start" else "")
            continue
        name = element.tag.rpartition("}")[2].lower()
        if name not in _INLINE:
            pieces.append("\0")
        if step == "start":
            if name not in _UNSEEN:
                pieces.append(element.text or "")
        elif element is not root:
            pieces.append(element.tail or "")
    return "".join(pieces).split("\0")
