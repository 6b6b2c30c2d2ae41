"""XML Patch: add, replace and remove nodes of the resource's XML.

https://www.rfc-editor.org/rfc/rfc5261
https://hl7.org/fhir/R4/http.html#patch
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lxml import etree

from fhir_server.errors import BadRequest, Invalid, MalformedContent, TooCostly
from fhir_server.formats import xml
from fhir_server.formats.xml_narrative import DIV, sources
from fhir_server.formats.xml_parse import parse
from fhir_server.formats.xml_read import read
from fhir_server.rest.patch.xml_selector import Selected, Selector

MAX_OPERATIONS = 10_000
_MAX_DEPTH = 256
_MAX_VISITED = 1_000_000
_XML = "http://www.w3.org/XML/1998/namespace"
_ROOTS = ("patch", "diff")
_XHTML_PREFIX = DIV.removesuffix("div")


def apply(document: dict[str, Any], patch_xml: bytes, *, max_depth: int = 64) -> dict[str, Any]:
    """Return `document` with the operations of an XML Patch carried out on its XML; `document` stays as it is.

    Raises MalformedContent where the patch is no XML, BadRequest where it is no patch, Invalid (422) where it does
    not fit the document or leaves something that is no FHIR XML, TooCostly beyond the bounds.
    """
    patch = parse(patch_xml)
    raw = xml.encode(document)
    root = parse(raw)
    written = _Narratives(root, sources(raw))
    root = apply_to_tree(root, patch)
    try:
        return read(root, written.now(root), max_depth)
    except MalformedContent as error:
        text = f"After the XML Patch the resource would be no FHIR XML. {error.diagnostics}"
        raise Invalid(text, issues=tuple(error.issues)) from None


def apply_to_tree(root: etree._Element, patch: etree._Element) -> etree._Element:
    """Carry out the operations of `patch` on the tree of `root`; return its root, which may be another element.

    Errors as for `apply`.
    """
    operations = [node for node in patch if not isinstance(node, etree._Comment)]
    if _local(patch) not in _ROOTS or not operations:
        raise BadRequest("An XML Patch is a patch or diff element with at least one add, replace or remove in it.")
    if len(operations) > MAX_OPERATIONS:
        raise TooCostly(f"The XML Patch has more than {MAX_OPERATIONS} operations.")
    run = _Run(root)
    for index, operation in enumerate(operations):
        run.carry_out(index, operation)
    return run.root


class _Narratives:
    """Source text of the narratives, so that those a patch does not touch come out as they were."""

    def __init__(self, root: etree._Element, texts: list[str]) -> None:
        self._known = {
            div: (_serialized(div), text) for div, text in zip(_outermost_divs(root), texts, strict=True)
        }  # keeps the elements alive, so that they stay the same objects

    def now(self, root: etree._Element) -> list[str]:
        found = []
        for div in _outermost_divs(root):
            current = _serialized(div)
            before, text = self._known.get(div, ("", ""))
            found.append(text if before == current else current)
        return found


def _outermost_divs(root: etree._Element) -> list[etree._Element]:
    found = []
    for div in root.iter(DIV):
        parent = div.getparent()
        if parent is None or not str(parent.tag).startswith(_XHTML_PREFIX):
            found.append(div)
    return found


def _serialized(element: etree._Element) -> str:
    return etree.tostring(element, encoding="unicode", with_tail=False)


class _Run:
    """One application of a patch to one tree."""

    def __init__(self, root: etree._Element) -> None:
        self.root = root
        self._index = 0
        self._left = _MAX_VISITED
        self._operations: dict[str, Callable[[etree._Element, Selected], None]] = {
            "add": self._add,
            "replace": self._replace,
            "remove": self._remove,
        }

    def carry_out(self, index: int, operation: etree._Element) -> None:
        self._index = index
        act = self._operations.get(_local(operation))
        if act is None:
            raise self._malformed("it is none of add, replace, remove")
        text = operation.get("sel")
        if text is None:
            raise self._malformed("it has no sel attribute")
        try:
            selector = Selector(text, operation.nsmap)
        except BadRequest as error:
            raise self._malformed(error.diagnostics.removesuffix(".")) from None
        found = selector.select(self.root, self._spend)
        if len(found) != 1:
            raise self._unfit(f"its selector matches {len(found) or 'nothing'}{' nodes' * (len(found) > 1)}")
        act(operation, found[0])

    # operations

    def _add(self, operation: etree._Element, target: Selected) -> None:
        kind, position = operation.get("type"), operation.get("pos")
        element = target.element
        if kind is not None:
            if target.kind != "element":
                raise self._unfit("attributes and namespaces are added to an element")
            self._add_to_tag(operation, element, kind)
            return
        _check(position in (None, "prepend", "before", "after"), self._malformed, "its pos is unknown")
        if position is None or position == "prepend":
            _check(target.kind == "element", self._unfit, "content is added to an element")
            self._expect_depth(operation, element)
            _insert(operation, element, 0 if position else len(element), directly=position == "prepend")
            return
        parent = element.getparent()
        if parent is None or target.kind not in ("element", "comment"):
            raise self._unfit("content is added before or after an element or comment inside the resource")
        self._expect_depth(operation, parent)
        directly = position == "after"
        _insert(operation, parent, parent.index(element) + directly, directly=directly)

    def _add_to_tag(self, operation: etree._Element, element: etree._Element, kind: str) -> None:
        """Add an attribute (type="@name") or a namespace declaration (type="namespace::prefix")."""
        _check(not len(operation), self._malformed, "its content must be text")
        text = operation.text or ""
        if kind.startswith("namespace::"):
            self._declare(element, kind.removeprefix("namespace::"), text)
            return
        _check(kind.startswith("@"), self._malformed, "its type is neither @name nor namespace::prefix")
        prefix, _, local = kind[1:].rpartition(":")
        namespace = ""
        if prefix:
            namespace = _XML if prefix == "xml" else operation.nsmap.get(prefix, "")
            _check(namespace != "", self._malformed, "its type uses a prefix that the patch does not declare")
        name = f"{{{namespace}}}{local}" if namespace else local
        _check(name not in element.attrib, self._unfit, "the element has that attribute already; use replace")
        self._set(element, name, text)

    def _declare(self, element: etree._Element, prefix: str, uri: str) -> None:
        """Declare a prefix; an element's declarations are fixed when it is made, so another one takes its place."""
        declared: Any = {**element.nsmap, prefix: uri}  # None stands for the default namespace
        try:
            made = etree.Element(element.tag, nsmap=declared)
        except ValueError:
            raise self._malformed("its prefix or namespace is not one XML allows") from None
        for name, value in element.attrib.items():
            made.set(name, value)
        made.text, made.tail = element.text, element.tail
        made.extend(list(element))
        parent = element.getparent()
        if parent is None:
            self.root = made
        else:
            parent.replace(element, made)

    def _replace(self, operation: etree._Element, target: Selected) -> None:
        element = target.element
        if target.kind in ("attribute", "text"):
            _check(not len(operation), self._malformed, "its content must be text")
            if target.kind == "attribute":
                self._set(element, target.name, operation.text or "")
            else:
                _set_text(target, operation.text or "")
            return
        content = list(operation)
        fits = len(content) == 1 and isinstance(content[0], etree._Comment) == (target.kind == "comment")
        _check(fits, self._malformed, f"its content must be one {target.kind}")
        _check(
            not _between(operation), self._malformed, f"its content must be one {target.kind} without text around it"
        )
        new, parent = content[0], element.getparent()
        if parent is None:
            _check(target.kind == "element", self._unfit, "there is nothing to replace")
            new.tail = None
            self.root = new
            return
        self._expect_depth(operation, parent)
        new.tail = element.tail
        parent.replace(element, new)

    def _remove(self, operation: etree._Element, target: Selected) -> None:
        spaces = operation.get("ws")
        _check(spaces in (None, "before", "after", "both"), self._malformed, "its ws is unknown")
        element = target.element
        if target.kind == "attribute":
            del element.attrib[target.name]
        elif target.kind == "text":
            _set_text(target, "")
        else:
            parent = element.getparent()
            if parent is None:
                raise self._unfit("it removes the whole resource; use DELETE for that")
            tail = "" if spaces in ("after", "both") and (element.tail or "").isspace() else element.tail or ""
            owner = _text_before(parent, parent.index(element))
            previous = _text(owner)
            if spaces in ("before", "both") and previous.isspace():
                previous = ""
            parent.remove(element)
            _set_text(owner, previous + tail)

    # bounds and errors

    def _set(self, element: etree._Element, name: str, value: str) -> None:
        try:
            element.set(name, value)
        except ValueError:
            raise self._malformed("it names no attribute XML allows") from None

    def _expect_depth(self, operation: etree._Element, parent: etree._Element) -> None:
        above = 1 + sum(1 for _ in parent.iterancestors())
        below, level = 0, list(operation)
        while level:
            below += 1
            self._spend(len(level))
            level = [child for element in level for child in element]
        _check(above + below <= _MAX_DEPTH, self._unfit, "it nests elements too deep")

    def _spend(self, visited: int) -> None:
        self._left -= visited + 1
        if self._left < 0:
            raise TooCostly(f"Operation {self._index} of the XML Patch (counted from 0) looks at too many nodes.")

    def _malformed(self, reason: str) -> BadRequest:
        return BadRequest(f"Operation {self._index} of the XML Patch (counted from 0) is malformed: {reason}.")

    def _unfit(self, reason: str) -> Invalid:
        return Invalid(f"Operation {self._index} of the XML Patch (counted from 0) cannot be carried out: {reason}.")


def _check(holds: bool, error: Callable[[str], Exception], reason: str) -> None:  # noqa: FBT001
    if not holds:
        raise error(reason)


def _insert(operation: etree._Element, parent: etree._Element, index: int, *, directly: bool) -> None:
    """Put the content of an operation, text included, in front of the child that has `index`.

    directly  behind the tag before it; otherwise behind the text that follows this tag
    """
    place = _text_before(parent, index)
    existing = _text(place)
    _set_text(place, ("" if directly else existing) + (operation.text or ""))
    content = list(operation)
    for offset, child in enumerate(content):
        parent.insert(index + offset, child)
    if directly:
        end = Selected("text", content[-1], tail=True) if content else place
        _set_text(end, _text(end) + existing)


def _text_before(parent: etree._Element, index: int) -> Selected:
    """Return the text, empty or not, in front of the child that has `index`."""
    return Selected("text", parent[index - 1], tail=True) if index else Selected("text", parent)


def _text(node: Selected) -> str:
    return (node.element.tail if node.tail else node.element.text) or ""


def _between(operation: etree._Element) -> bool:
    texts = [operation.text, *(child.tail for child in operation)]
    return any(text and not text.isspace() for text in texts)


def _set_text(target: Selected, text: str) -> None:
    if target.tail:
        target.element.tail = text or None
    else:
        target.element.text = text or None


def _local(node: etree._Element) -> str:
    tag: object = node.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
