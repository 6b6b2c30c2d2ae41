"""The part of XPath that XML Patch selects with, parsed and evaluated here so that no selector can cost much.

https://www.rfc-editor.org/rfc/rfc5261#section-4.1

    /f:Patient/f:name[1]/f:given[2]/@value
    Patient/identifier[system/@value='urn:x' and @id='a']/value
    f:Patient/f:text/h:div/h:p[.='old']/text()[1]
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from lxml import etree

from fhir_server.errors import BadRequest
from fhir_server.formats.xml_layout import FHIR, XHTML

MAX_LENGTH = 2_000
_LAST = -1

Kind = Literal["element", "attribute", "text", "comment"]


@dataclass(frozen=True, slots=True)
class Selected:
    """A selected node: an element or comment; an attribute of `element` by `name`; a text before or after it.

    tail  text only: it stands after `element` instead of at its beginning
    """

    kind: Kind
    element: etree._Element
    name: str = ""
    tail: bool = False


@dataclass(frozen=True, slots=True)
class _Condition:
    """A path inside a predicate, and the text one of its nodes must have (None: it only must exist)."""

    path: tuple[_Step, ...]
    text: str | None


@dataclass(frozen=True, slots=True)
class _Step:
    """One step: kind of node, qualified name ("{ns}local", "*" for any), predicates (a position or conditions)."""

    kind: Kind | Literal["self"]
    name: str
    predicates: tuple[int | tuple[_Condition, ...], ...] = ()


_TOKEN = re.compile(
    r"""\s*(?:(?P<number>[0-9]{1,9})|(?P<literal>"[^"]*"|'[^']*')|(?P<call>text|comment|last)\s*\(\s*\)"""
    r"""|(?P<name>(?:[^\W\d][\w.-]*+:)?(?:[^\W\d][\w.-]*+|\*))(?!\s*\(|::)|(?P<mark>[/@\[\]=]|\.(?!\.)))\s*"""
)


_STRING_VALUE = etree.XPath("string()")


class Selector:
    """A parsed `sel`.

    Raises BadRequest where the text is outside RFC 5261's part of XPath or uses an unknown prefix.
    """

    def __init__(self, text: str, prefixes: Mapping[str | None, str]) -> None:
        """Parse `text`; `prefixes` are those in scope, None for the default namespace that bare names are in."""
        if len(text) > MAX_LENGTH:
            raise BadRequest(f"A selector is longer than {MAX_LENGTH} characters.")
        # FHIR's own examples use f: and h: without declaring them.
        self._prefixes = {"f": FHIR, "h": XHTML, None: FHIR, **prefixes}
        self._tokens = _tokens(text)
        self._at = 0
        self._skip("/")
        self._steps = self._path()
        if self._at != len(self._tokens):
            raise _unreadable()

    def select(self, root: etree._Element, spend: Callable[[int], None]) -> list[Selected]:
        """Return the nodes it selects in the document of `root`; calls `spend` with the number of nodes looked at."""
        found = [Selected("element", root)]
        first, *rest = self._steps
        found = _filtered([node for node in found if _matches(node, first)], first, spend)
        for step in rest:
            found = [node for parent in found for node in _below(parent, step, spend)]
        return found

    # grammar

    def _path(self) -> tuple[_Step, ...]:
        steps = [self._step()]
        while self._skip("/"):
            if steps[-1].kind not in ("element", "self"):
                raise _unreadable()
            steps.append(self._step())
        return tuple(steps)

    def _step(self) -> _Step:
        kind, text = self._next()
        if text == ".":
            return _Step("self", "*")
        if text == "@":
            kind, text = self._next()
            if kind != "name":
                raise _unreadable()
            return _Step("attribute", self._name(text, default=""))
        if kind == "call" and text in ("text", "comment"):
            return _Step("text" if text == "text" else "comment", "*", self._predicates())
        if kind != "name":
            raise _unreadable()
        return _Step("element", self._name(text, default=self._prefixes[None]), self._predicates())

    def _predicates(self) -> tuple[int | tuple[_Condition, ...], ...]:
        found: list[int | tuple[_Condition, ...]] = []
        while self._skip("["):
            kind, text = self._peek()
            if kind == "number" or text == "last":
                self._next()
                found.append(int(text) if kind == "number" else _LAST)
            else:
                conditions = [self._condition()]
                while self._skip("and"):
                    conditions.append(self._condition())
                found.append(tuple(conditions))
            if not self._skip("]"):
                raise _unreadable()
        return tuple(found)

    def _condition(self) -> _Condition:
        path = self._path()
        if not self._skip("="):
            return _Condition(path, None)
        kind, text = self._next()
        if kind != "literal":
            raise _unreadable()
        return _Condition(path, text[1:-1])

    def _name(self, text: str, default: str) -> str:
        prefix, colon, local = text.rpartition(":")
        if not colon:
            return local if local == "*" or not default else f"{{{default}}}{local}"
        if prefix == "xml":
            return f"{{http://www.w3.org/XML/1998/namespace}}{local}"
        if prefix not in self._prefixes:
            raise BadRequest("A selector uses a prefix that the patch does not declare.")
        return f"{{{self._prefixes[prefix]}}}{local}"

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def _skip(self, text: str) -> bool:
        if self._peek()[1] != text or self._peek()[0] == "literal":
            return False
        self._at += 1
        return True


def _tokens(text: str) -> list[tuple[str, str]]:
    found = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise _unreadable()
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


def _unreadable() -> BadRequest:
    return BadRequest(
        "A selector is not one XML Patch allows: steps by name or *, the last one may be @name, text() or comment(); "
        "predicates are a position, last(), or path='text' joined by and."
    )


def _matches(node: Selected, step: _Step) -> bool:
    if step.kind != "element" or node.kind != "element":
        return False
    tag: object = node.element.tag
    if not isinstance(tag, str):
        return False
    namespace, star, _ = step.name.partition("*")
    return tag.startswith(namespace) if star else tag == step.name


def _below(parent: Selected, step: _Step, spend: Callable[[int], None]) -> list[Selected]:
    """Return what a step selects from one node."""
    element = parent.element
    if step.kind == "self":
        return [parent]
    if step.kind == "attribute":
        names = [str(name) for name in element.attrib] if step.name == "*" else [step.name]
        return [Selected("attribute", element, name) for name in names if name in element.attrib]
    spend(len(element))
    if step.kind == "element":
        found = [node for node in (Selected("element", child) for child in element) if _matches(node, step)]
    elif step.kind == "comment":
        found = [Selected("comment", child) for child in element if isinstance(child, etree._Comment)]
    else:
        found = [Selected("text", element)] if element.text else []
        found += [Selected("text", child, tail=True) for child in element if child.tail]
    return _filtered(found, step, spend)


def _filtered(nodes: list[Selected], step: _Step, spend: Callable[[int], None]) -> list[Selected]:
    for predicate in step.predicates:
        if isinstance(predicate, int):
            index = len(nodes) if predicate == _LAST else predicate
            nodes = nodes[index - 1 : index] if index else []
        else:
            nodes = [node for node in nodes if all(_holds(node, condition, spend) for condition in predicate)]
    return nodes


def _holds(node: Selected, condition: _Condition, spend: Callable[[int], None]) -> bool:
    found = [node]
    for step in condition.path:
        found = [below for parent in found for below in _below(parent, step, spend)]
    if condition.text is None:
        return bool(found)
    return any(text_of(each, spend) == condition.text for each in found)


def text_of(node: Selected, spend: Callable[[int], None]) -> str:
    """Return the string-value of a node as XPath defines it."""
    element = node.element
    if node.kind == "attribute":
        return str(element.attrib[node.name])
    if node.kind == "text":
        return (element.tail if node.tail else element.text) or ""
    if node.kind == "comment":
        return element.text or ""
    text = str(_STRING_VALUE(element))
    spend(len(text) // 16)
    return text
