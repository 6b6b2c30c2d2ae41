"""References between resources: what a reference text means, and every place of a document where one can stand.

https://hl7.org/fhir/R4/references.html and https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from fhir_server.definitions import load
from fhir_server.formats import json

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_VERSION = re.compile(r"[1-9][0-9]{0,9}")
_LAST_VERSION = 2**31 - 1
# http.html#trules names oid and uuid too, but a link such as "Patient/1" would make those elements invalid.
URI_TYPES = frozenset({"uri", "url"})
_TAG = re.compile(r"<(?:a|img)(?:\s+[\w:.\-]+\s*=\s*(?:\"[^\"<]*\"|'[^'<]*'))+\s*/?>")
_LINK = re.compile(r"(\s(?:href|src)\s*=\s*)(?:\"([^\"<]*)\"|'([^'<]*)')")


class Kind(Enum):
    """What a reference text points at."""

    LOCAL = "local"  # Type/id or Type/id/_history/version of this server
    CONTAINED = "contained"  # "#id" of the same document
    CONDITIONAL = "conditional"  # Type?criteria, to be looked up
    URN = "urn"  # urn:uuid:..., urn:oid:...
    ABSOLUTE = "absolute"  # a URL of another server
    OTHER = "other"  # none of these: it cannot be followed


class Reference(NamedTuple):
    """A reference text, understood.

    type, id   LOCAL and CONDITIONAL: the resource type; LOCAL: the id; CONTAINED: the id without "#"; else ""
    version    LOCAL: the version named in the text, or None
    criteria   CONDITIONAL: the part behind "?"; else ""
    """

    kind: Kind
    text: str
    type: str = ""
    id: str = ""
    version: int | None = None
    criteria: str = ""


def classify(text: str, base_url: str) -> Reference:
    """Return what `text` refers to; `base_url` (without a slash at the end) is what makes an absolute URL our own."""
    head, slash, tail = text.partition("/")
    if slash and head in load().resource_type_set and _ID.fullmatch(tail):
        return Reference(Kind.LOCAL, text, head, tail)
    if text.startswith("#"):
        return Reference(Kind.CONTAINED, text, id=text[1:])
    if text.startswith("urn:"):
        return Reference(Kind.URN, text)
    if base_url and text.startswith(base_url) and text[len(base_url) : len(base_url) + 1] == "/":
        return _relative(text, text[len(base_url) + 1 :])
    if _is_absolute(text):
        return Reference(Kind.ABSOLUTE, text)
    return _relative(text, text)


def _is_absolute(text: str) -> bool:
    try:
        return bool(urlsplit(text).scheme)
    except ValueError:
        return False


def _relative(text: str, relative: str) -> Reference:
    types = load().resource_type_set
    head, question, criteria = relative.partition("?")
    if question:
        return Reference(Kind.CONDITIONAL, text, head, criteria=criteria) if head in types else _other(text)
    parts = relative.partition("#")[0].split("/")
    if len(parts) not in (2, 4) or parts[0] not in types or not _ID.fullmatch(parts[1]):
        return _other(text)
    if len(parts) == 2:
        return Reference(Kind.LOCAL, text, parts[0], parts[1])
    if parts[2] != "_history" or not _VERSION.fullmatch(parts[3]) or int(parts[3]) > _LAST_VERSION:
        return _other(text)
    return Reference(Kind.LOCAL, text, parts[0], parts[1], int(parts[3]))


def _other(text: str) -> Reference:
    return Reference(Kind.OTHER, text)


class Role(Enum):
    """In which kind of element a text stands."""

    REFERENCE = "reference"  # Reference.reference
    URI = "uri"  # elements of type uri and url (Attachment.url is one)
    NARRATIVE = "narrative"  # <a href="..."> and <img src="..."> of a narrative


EVERY_ROLE = frozenset(Role)
REFERENCES = frozenset({Role.REFERENCE})

# A trail is the way from the root to a node: (trail of the parent, key, index or -1); () is the root.
_Trail = tuple[Any, ...]


class Place(NamedTuple):
    """One place of a document where a reference stands."""

    text: str
    role: Role
    trail: _Trail

    @property
    def expression(self) -> str:
        """The FHIRPath of the place below the resource: "subject.reference", "contained[0].item[2].reference"."""
        parts: list[str] = []
        trail = self.trail
        while trail:
            trail, key, index = trail
            name = key.removeprefix("_")
            parts.append(name if index < 0 else f"{name}[{index}]")
        return ".".join(reversed(parts))


# What lies behind the keys of a type: key -> (leaf role, None) or (None, the keys of the child).
_Steps = dict[str, tuple[Role | None, Any]]
_RESOURCE: _Steps = {}  # stands for "a resource of any type"; told apart by identity


class _Graph:
    """The steps of every type for one set of roles; types refer to one another and to themselves."""

    def __init__(self, roles: frozenset[Role]) -> None:
        self._roles = roles
        self._types: dict[str, _Steps] = {}
        self._complete: dict[str, _Steps] = {}
        self._building = threading.Lock()

    def resource(self, name: Any) -> _Steps:
        """Return the steps of the resource type `name`, none when there is no such type."""
        found = self._complete.get(name) if isinstance(name, str) else None
        if found is None:
            if not isinstance(name, str) or name not in load().resource_type_set:
                return {}
            with self._building:
                found = self._complete[name] = self._steps(name)
        return found

    def _steps(self, type_name: str) -> _Steps:
        found = self._types.get(type_name)
        if found is None:
            # Register the dict first, then fill it: Extension and Questionnaire.item lead back to themselves.
            found = self._types[type_name] = {}
            for element in load().type(type_name).elements:
                for key, ref in element.json_keys():
                    self._add(found, type_name, key, ref.code)
        return found

    def _add(self, steps: _Steps, type_name: str, key: str, code: str) -> None:
        if load().type(code).kind == "primitive":
            steps["_" + key] = (None, self._steps("Element"))
            leaf = _leaf(type_name, key, code)
            if leaf in self._roles:
                steps[key] = (leaf, None)
        elif code != "Resource":
            steps[key] = (None, self._steps(code))
        elif not type_name.startswith("Bundle."):
            # The entries of a stored Bundle refer to one another, not to us.
            steps[key] = (None, _RESOURCE)


def _leaf(type_name: str, key: str, code: str) -> Role | None:
    if type_name == "Reference" and key == "reference":
        return Role.REFERENCE
    if type_name.startswith("Bundle."):
        return None  # fullUrl, request.url and the like name entries of the stored Bundle
    if code == "xhtml":
        return Role.NARRATIVE
    return Role.URI if code in URI_TYPES else None


@cache
def _graph(roles: frozenset[Role]) -> _Graph:
    return _Graph(roles)


def walk(document: dict[str, Any], roles: frozenset[Role] = REFERENCES) -> list[Place]:
    """Return every place of `document` (a resource) where a text of one of `roles` stands, in document order.

    Contained resources and extensions are included; the resources inside a stored Bundle are not.
    """
    found: list[Place] = []
    graph = _graph(roles)
    _collect(document, graph.resource(document.get("resourceType")), graph, (), found)
    return found


def _collect(node: dict[str, Any], steps: _Steps, graph: _Graph, trail: _Trail, found: list[Place]) -> None:
    for key, value in node.items():
        step = steps.get(key)
        if step is None:
            continue
        role, child = step
        if child is None:
            _collect_leaf(value, role, (trail, key), found)
        elif isinstance(value, dict):
            _collect(value, child or graph.resource(value.get("resourceType")), graph, (trail, key, -1), found)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, dict):
                    _collect(item, child or graph.resource(item.get("resourceType")), graph, (trail, key, index), found)


def _collect_leaf(value: Any, role: Role | None, here: tuple[Any, str], found: list[Place]) -> None:
    items = enumerate(value) if isinstance(value, list) else ((-1, value),)
    for index, item in items:
        if not isinstance(item, str) or role is None:
            continue
        if role is Role.NARRATIVE:
            found.extend(Place(text, role, (*here, index)) for text in _narrative_links(item))
        else:
            found.append(Place(item, role, (*here, index)))


_REFERENCE_KEY = '"reference":"'
_TEXT_END = re.compile(r'(?:[^"\\]|\\.)*')


def reference_texts(document: dict[str, Any], content: str) -> Iterable[str]:
    """Return the texts of the references of `document`: those of `walk`, without places, not always each once.

    content  the document as compact JSON
    Where every JSON property "reference" of the type that holds a text is a Reference's, a search in the JSON text
    finds them, several times faster than a walk: inside a JSON text no quotation mark stands without a backslash.
    """
    if '"valueExpression"' not in content and _is_plain(document.get("resourceType")):
        contained = document.get("contained", ())
        if not contained or all(isinstance(each, dict) and _is_plain(each.get("resourceType")) for each in contained):
            # Splitting looks for a fixed text, which is ten times faster than a pattern.
            return [_first_text(rest) for rest in content.split(_REFERENCE_KEY)[1:]]
    return [place.text for place in walk(document)]


def _first_text(json_text: str) -> str:
    """Return the JSON string at whose first character (behind the quotation mark) `json_text` begins."""
    text, _, _ = json_text.partition('"')
    if "\\" not in text:
        return text
    whole = _TEXT_END.match(json_text)
    return str(json.decode_trusted(f'"{whole.group()}"')) if whole else ""


@cache
def _is_plain(type_name: Any) -> bool:
    """Say whether a resource of the type can hold a text "reference" only as Reference.reference."""
    pending, seen = ([type_name] if type_name in load().resource_type_set else []), set[str]()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        for element in load().type(name).elements:
            for key, ref in element.json_keys():
                if key == "reference" and name != "Reference" and load().type(ref.code).kind == "primitive":
                    return False
                if ref.code == "Resource" and key != "contained":
                    return False
                if ref.code not in ("Extension", "Resource"):
                    pending.append(ref.code)
    return bool(seen)


def _narrative_links(div: str) -> Iterator[str]:
    if "href" not in div and "src" not in div:
        return
    for tag in _TAG.finditer(div):
        for link in _LINK.finditer(tag.group()):
            yield html.unescape(link.group(2) if link.group(2) is not None else link.group(3))


def rewrite(
    document: dict[str, Any], replace: Callable[[str], str | None], roles: frozenset[Role] = EVERY_ROLE
) -> dict[str, Any]:
    """Return `document` with every text for which `replace` returns another one replaced.

    replace  is called with the text of each place that `walk(document, roles)` yields; None leaves it as it is
    Parts without a change are shared with `document`, which is never changed itself. Elements of type canonical are
    not places of a reference (R4: "Elements of type canonical are not replaced").
    """
    graph = _graph(roles)
    return _rewritten(document, graph.resource(document.get("resourceType")), graph, replace)


_Replace = Callable[[str], str | None]


def _rewritten(node: dict[str, Any], steps: _Steps, graph: _Graph, replace: _Replace) -> dict[str, Any]:
    changed: dict[str, Any] | None = None
    for key, value in node.items():
        step = steps.get(key)
        if step is None:
            continue
        role, child = step
        if isinstance(value, list):
            items = [_rewritten_item(item, role, child, graph, replace) for item in value]
            new: Any = items if any(a is not b for a, b in zip(items, value, strict=True)) else value
        else:
            new = _rewritten_item(value, role, child, graph, replace)
        if new is not value:
            changed = changed if changed is not None else dict(node)
            changed[key] = new
    return node if changed is None else changed


def _rewritten_item(item: Any, role: Role | None, child: _Steps | None, graph: _Graph, replace: _Replace) -> Any:
    if child is not None:
        if isinstance(item, dict):
            return _rewritten(item, child or graph.resource(item.get("resourceType")), graph, replace)
        return item
    if not isinstance(item, str):
        return item
    if role is Role.NARRATIVE:
        return _rewritten_narrative(item, replace)
    new = replace(item)
    return item if new is None else new


def _rewritten_narrative(div: str, replace: Callable[[str], str | None]) -> str:
    if "href" not in div and "src" not in div:
        return div

    def link(match: re.Match[str]) -> str:
        new = replace(html.unescape(match.group(2) if match.group(2) is not None else match.group(3)))
        return match.group() if new is None else f'{match.group(1)}"{html.escape(new, quote=True)}"'

    new = _TAG.sub(lambda tag: _LINK.sub(link, tag.group()), div)
    return div if new == div else new
