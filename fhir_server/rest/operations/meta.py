"""$meta, $meta-add and $meta-delete: profiles, tags and security labels of a resource, or of all there are.

https://hl7.org/fhir/R4/resource-operation-meta.html
https://hl7.org/fhir/R4/resource-operation-meta-add.html
https://hl7.org/fhir/R4/resource-operation-meta-delete.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from fhir_server.errors import BadRequest, Gone, NotFound, TooCostly
from fhir_server.formats import json
from fhir_server.rest.answer import location, version_headers
from fhir_server.rest.bundle import quoted
from fhir_server.rest.change import Change
from fhir_server.rest.interactions.update import tags, unmodified_since
from fhir_server.rest.message import Response
from fhir_server.rest.operation import Invocation, Operation
from fhir_server.rest.outcome import refuse
from fhir_server.storage.model import Version

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint

_LISTS = ("profile", "security", "tag")
_MOST: Final = 10_000


def meta(endpoint: Endpoint, call: Invocation) -> Response:
    """Return the Meta of a resource or of one version of it; at type and system level all labels in use."""
    if not call.id:
        return Response(200, {}, _parameters(_in_use(endpoint, call)))
    version = _version(endpoint, call)
    if version is None:
        raise NotFound(f"There is no {'such version of a ' if call.version else ''}resource with this type and id.")
    if version.deleted:
        raise Gone("This version is a deletion." if call.version else "The resource was deleted.")
    found = json.decode_trusted(version.content).get("meta", {})
    return Response(200, version_headers(version), _parameters(found), modified=version.last_updated)


def _version(endpoint: Endpoint, call: Invocation) -> Version | None:
    if call.version:
        return endpoint.store.vread(call.request.access, call.type, call.id, call.version)
    return endpoint.store.read(call.request.access, call.type, call.id)


def meta_add(endpoint: Endpoint, call: Invocation) -> Change:
    """Return the change that adds profiles, tags and labels; those there already are not doubled."""

    def edit(document: dict[str, Any]) -> dict[str, Any]:
        old, new = document.get("meta", {}), _argument(call)
        return _with_meta(document, old, lambda name: _union(old.get(name, ()), new.get(name, ())))

    return _change(endpoint, call, edit)


def meta_delete(endpoint: Endpoint, call: Invocation) -> Change:
    """Return the change that takes profiles, tags and labels away; what is not there is passed over."""

    def edit(document: dict[str, Any]) -> dict[str, Any]:
        old, new = document.get("meta", {}), _argument(call)

        def left(name: str) -> list[Any]:
            unwanted = {_identity(item) for item in new.get(name, ())}
            return [item for item in old.get(name, ()) if _identity(item) not in unwanted]

        return _with_meta(document, old, left)

    return _change(endpoint, call, edit)


def _change(endpoint: Endpoint, call: Invocation, edit: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    argument = _argument(call)
    shell = {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": argument}]}
    refuse(endpoint.validator.validate(shell, resource_type="Parameters"))
    return Change(
        "update",
        call.type,
        call.id,
        edit=edit,
        if_match=tags(call.request, "If-Match"),
        unmodified_since=unmodified_since(call.request),
        label=call.request.label,
        answer=lambda version: _changed(endpoint, version),
    )


def _changed(endpoint: Endpoint, version: Version) -> Response:
    headers = version_headers(version) | {"Content-Location": location(endpoint, version)}
    found = json.decode_trusted(version.content).get("meta", {})
    return Response(200, headers, _parameters(found), modified=version.last_updated)


def _argument(call: Invocation) -> Mapping[str, Any]:
    argument = call.first("meta")
    if not isinstance(argument, dict):
        raise BadRequest("The parameter meta holds a Meta.", "Parameters.parameter[0]")
    return argument


def _with_meta(
    document: Mapping[str, Any], old: Mapping[str, Any], items_of: Callable[[str], list[Any]]
) -> dict[str, Any]:
    """Return `document` with the three lists of its meta as `items_of` gives them; empty ones are left out."""
    lists = {name: items for name in _LISTS if (items := items_of(name))}
    kept = {name: value for name, value in old.items() if name not in _LISTS}
    new = {**document, "meta": kept | lists}
    if not new["meta"]:
        del new["meta"]
    return new


def _identity(item: Any) -> tuple[Any, ...]:
    """Return what makes two profiles, tags or labels the same one."""
    return (item.get("system"), item.get("code")) if isinstance(item, dict) else (item,)


def _union(*lists: Iterable[Any]) -> list[Any]:
    found: dict[tuple[Any, ...], Any] = {}
    for items in lists:
        for item in items:
            found.setdefault(_identity(item), item)
    return list(found.values())


def _in_use(endpoint: Endpoint, call: Invocation) -> dict[str, Any]:
    """Return the union of the profiles, tags and labels of all resources the caller may see. Raises TooCostly."""
    metas = endpoint.store.labels(call.request.access, call.type or None, _MOST + 1)
    found = {name: _union(*(meta.get(name, ()) for meta in metas)) for name in _LISTS}
    if any(len(items) > _MOST for items in found.values()):
        raise TooCostly(
            f"More than {_MOST} different profiles, tags or security labels are in use; "
            "ask for the $meta of a type or of a resource."
        )
    return {name: items for name, items in found.items() if items}


def _parameters(found: Mapping[str, Any]) -> str:
    # Where no label is in use there is no Meta: an empty one is not allowed.
    listed: Any = {"parameter": [{"name": "return", "valueMeta": found}]} if found else {}
    return quoted({"resourceType": "Parameters", **listed})


META = Operation("Resource-meta", "Profiles, tags and security labels in use", run=meta, versions=True)
META_ADD = Operation("Resource-meta-add", "Add profiles, tags and security labels", change=meta_add)
META_DELETE = Operation("Resource-meta-delete", "Remove profiles, tags and security labels", change=meta_delete)
