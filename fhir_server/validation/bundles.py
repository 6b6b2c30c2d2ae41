"""Rules of a Bundle as a whole: full URLs, links, search results, and that references find their entries.

https://hl7.org/fhir/R4/bundle.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fhir_server.validation.findings import Findings, Found, Scope

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_RESTFUL = re.compile(r"(https?://\S+/)([A-Za-z]+)/([A-Za-z0-9\-.]{1,64})")
_RELATIVE = re.compile(r"([A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/([A-Za-z0-9\-.]{1,64}))?")
_VERSION = re.compile(r"/_history/([A-Za-z0-9\-.]{1,64})$")
_PAGES = frozenset(("self", "first", "previous", "prev", "next", "last"))
_WRITES = frozenset(("batch", "transaction"))

# what a document must carry with it: https://hl7.org/fhir/R4/documents.html#content
_DOCUMENT_PARTS = ("subject", "encounter", "author", "custodian")
_SECTION_PARTS = ("author", "focus", "entry")


class BundleIndex:
    """The entries of one Bundle by full URL; built when the first reference asks.

    bundle  a Bundle, not yet known to be valid: anything of a wrong shape is left out
    """

    def __init__(self, bundle: dict[str, Any]) -> None:
        self._bundle = bundle
        self._entries: dict[str, list[dict[str, Any]]] | None = None

    def _by_url(self) -> dict[str, list[dict[str, Any]]]:
        if self._entries is None:
            self._entries = {}
            entries = self._bundle.get("entry")
            for entry in entries if isinstance(entries, list) else ():
                url = entry.get("fullUrl") if isinstance(entry, dict) else None
                resource = entry.get("resource") if isinstance(entry, dict) else None
                if isinstance(url, str) and isinstance(resource, dict):
                    self._entries.setdefault(url, []).append(resource)
        return self._entries

    def find(self, text: str, base: str) -> list[dict[str, Any]]:
        """Return the resources that the reference `text` names when it stands in the entry with the fullUrl `base`."""
        exact = self._by_url().get(text)
        if exact is not None or "/" not in text:
            return exact or []
        relative = _RELATIVE.fullmatch(text)
        if relative:
            restful = _RESTFUL.fullmatch(base)
            # an entry under a URN has no address to stand beside; its neighbours are URNs too
            root = restful[1] + relative[1] + "/" if restful else base.rpartition(":")[0] + ":"
            url = root + relative[2]
            version = relative[3]
        else:
            found = _VERSION.search(text)
            url, version = _VERSION.sub("", text), found[1] if found else None
        matches = self._by_url().get(url, [])
        if version is None:
            return matches
        return [item for item in matches if _version_of(item) == version]

    def type_of(self, text: str, base: str) -> str:
        """Return the type of the resource that a reference names in the Bundle, or "" where there is none."""
        matches = self.find(text, base)
        name = matches[0].get("resourceType") if matches else None
        return name if isinstance(name, str) else ""


def _version_of(resource: dict[str, Any]) -> Any:
    meta = resource.get("meta")
    return meta.get("versionId") if isinstance(meta, dict) else None


def rule(bundle: dict[str, Any], _scope: Scope) -> Findings:
    """Check a Bundle whose entries are already checked each for itself."""
    findings = [*_links(bundle), *_full_urls(bundle)]
    kind = bundle.get("type")
    if kind == "searchset":
        findings.extend(_search_results(bundle))
    elif kind == "document":
        findings.extend(_document(bundle, BundleIndex(bundle)))
    return findings or None


def _links(bundle: dict[str, Any]) -> Iterator[Found]:
    seen: set[str] = set()
    for index, link in enumerate(bundle.get("link", ())):
        relation = link.get("relation")
        if relation in seen and relation in _PAGES:
            yield Found(f"link[{index}]", "invariant", f'There is already a link with the relation "{relation}".')
        seen.add(relation)


def _full_urls(bundle: dict[str, Any]) -> Iterator[Found]:
    writes = bundle.get("type") in _WRITES
    for index, entry in enumerate(bundle.get("entry", ())):
        url = entry.get("fullUrl")
        if url is None:
            continue
        path = f"entry[{index}].fullUrl"
        if _ABSOLUTE.fullmatch(url) is None:
            yield Found(path, "invariant", "A fullUrl must be absolute.")
            continue
        restful, resource = _RESTFUL.fullmatch(url), entry.get("resource")
        if restful is None or resource is None or writes:
            continue
        if "id" not in resource and restful[2] == resource.get("resourceType"):
            yield Found(
                f"entry[{index}]", "invariant", "The fullUrl is that of a resource on a server; it must have an id."
            )
        elif (restful[2], restful[3]) != (resource.get("resourceType"), resource.get("id")):
            yield Found(path, "invariant", "The fullUrl does not end in the type and id of the resource.", "warning")


def _search_results(bundle: dict[str, Any]) -> Iterator[Found]:
    for index, entry in enumerate(bundle.get("entry", ())):
        resource = entry.get("resource", {})
        is_outcome = resource.get("resourceType") == "OperationOutcome"
        mode = entry.get("search", {}).get("mode")
        path = f"entry[{index}].resource"
        if mode == "outcome" and resource and not is_outcome:
            yield Found(path, "invariant", "An entry with the search mode outcome holds an OperationOutcome.")
        if resource and "id" not in resource and not is_outcome:
            yield Found(path, "invariant", "A resource found by a search must have an id.")
        if is_outcome and mode == "match":
            yield Found(
                path, "invariant", "An OperationOutcome about the search has the search mode outcome, not match."
            )


def _document(bundle: dict[str, Any], index: BundleIndex) -> Iterator[Found]:
    entry = bundle.get("entry", [{}])[0]
    composition = entry.get("resource", {})
    if composition.get("resourceType") != "Composition":
        return
    base = entry.get("fullUrl", "")
    for path, reference in _composition_references(composition):
        text = reference.get("reference", "#")
        if text[0] == "#":
            continue
        matches = len(index.find(text, base))
        if matches != 1:
            what = "names no entry of the document" if not matches else "fits several entries of the document"
            yield Found(f"entry[0].resource.{path}", "not-found", f"This reference {what}; it must name exactly one.")


def _composition_references(composition: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield path and value of every reference whose target belongs into the document."""
    yield from _references(composition, _DOCUMENT_PARTS, "")
    pending = [("", composition)]
    while pending:
        path, holder = pending.pop()
        for index, section in enumerate(holder.get("section", ())):
            place = f"{path}section[{index}]."
            yield from _references(section, _SECTION_PARTS, place)
            pending.append((place, section))


def _references(holder: dict[str, Any], names: tuple[str, ...], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in names:
        value = holder.get(name)
        if isinstance(value, dict):
            yield path + name, value
        for index, item in enumerate(value if isinstance(value, list) else ()):
            yield f"{path}{name}[{index}]", item
