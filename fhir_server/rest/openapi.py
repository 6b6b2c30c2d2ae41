"""The OpenAPI document, made from the registries that the CapabilityStatement is made from.

https://spec.openapis.org/oas/v3.1.0 and https://flask-smorest.readthedocs.io/
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any, Final

import flask
from apispec import BasePlugin
from flask_smorest import Api

from fhir_server.formats import json
from fhir_server.rest.capabilities import FHIR_VERSION
from fhir_server.rest.endpoint import Endpoint
from fhir_server.rest.interaction import Interaction
from fhir_server.rest.interactions import INTERACTIONS
from fhir_server.rest.interactions.history import PARAMETERS as HISTORY_PARAMETERS
from fhir_server.rest.interactions.patch import FORMATS as PATCH_FORMATS
from fhir_server.rest.operation import Known, Level
from fhir_server.rest.paging import EXPLAIN
from fhir_server.rest.representation import JSON, XML
from fhir_server.rest.router import ALL_MEMBERS
from fhir_server.rest.search_request import FORM, RESULT_PARAMETERS

_FORMAT_PARAMETERS: Final = ("_format", "_pretty", "_summary", "_elements")
_CONDITIONS: Final = {
    "read": ("If-None-Match", "If-Modified-Since"),
    "vread": ("If-None-Match",),
    "create": ("If-None-Exist", "Prefer"),
    "update": ("If-Match", "If-None-Match", "If-Unmodified-Since", "Prefer"),
    "patch": ("If-Match", "If-Unmodified-Since", "Prefer"),
    "delete": ("If-Match", "If-Unmodified-Since", "Prefer"),
    "search-type": ("Prefer",),
    "search-system": ("Prefer",),
    "search-compartment": ("Prefer",),
}
_FORM: Final = {
    "requestBody": {"content": {FORM: {"schema": {"type": "object", "additionalProperties": {"type": "string"}}}}}
}
_BUNDLES: Final = (
    "search-type",
    "search-system",
    "search-compartment",
    "history-instance",
    "history-type",
    "history-system",
    "transaction",
)


class _Api(Api):  # type: ignore[misc]
    """flask-smorest's API with FHIR's own errors, and a document that is made when somebody asks for it."""

    def __init__(self, app: flask.Flask, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._document = b""
        self._stamp = 0  # of the search parameters it was made for
        # The router is FHIR's own, not Flask's, so paths are given and not read from Flask's rules.
        super().__init__(app, spec_kwargs={"flask_plugin": BasePlugin()})

    def _register_error_handlers(self) -> None:
        """Errors are OperationOutcomes; http.py answers them."""

    def _openapi_json(self) -> flask.Response:
        stamp = self._endpoint.store.custom.stamp
        with self._lock:
            if not self._document or stamp != self._stamp:
                self._init_spec(**self._spec_kwargs)  # an empty one
                describe(self.spec, self._endpoint)
                self._document = json.encode(self.spec.to_dict())
                self._stamp = stamp
        return flask.Response(self._document, mimetype="application/json")


def register(app: flask.Flask, endpoint: Endpoint) -> None:
    """Serve /openapi.json from `app`."""
    app.config.update(
        API_TITLE="FHIR R4 server",
        API_VERSION=FHIR_VERSION,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        API_SPEC_OPTIONS={"servers": [{"url": endpoint.base_url}]},
    )
    _Api(app, endpoint)


def describe(spec: Any, endpoint: Endpoint) -> None:
    """Fill an apispec document with every path the router serves."""
    _components(spec, endpoint)
    for path, operations in _paths(endpoint).items():
        spec.path(path=path, operations=operations)


def _components(spec: Any, endpoint: Endpoint) -> None:
    resource = {
        "type": "object",
        "required": ["resourceType"],
        "properties": {"resourceType": {"type": "string"}},
        "externalDocs": {"url": "https://hl7.org/fhir/R4/resourcelist.html"},
    }
    spec.components.schema("Resource", resource)
    content = {mime: {"schema": {"$ref": "#/components/schemas/Resource"}} for mime in (JSON, XML)}
    for name, text in (("Resource", "A resource"), ("Bundle", "A Bundle"), ("Outcome", "An OperationOutcome")):
        spec.components.response(name, {"description": text, "content": content})
    for name in ("id", "vid"):
        spec.components.parameter(name, "path", {"required": True, "schema": {"type": "string"}})
    criteria = {"type": "object", "additionalProperties": {"type": "string"}}
    text = "Search parameters of the type"
    spec.components.parameter("criteria", "query", {"description": text, "schema": criteria, "explode": True})
    headers = {header for names in _CONDITIONS.values() for header in names}
    for name in sorted(headers):
        spec.components.parameter(name, "header", {"schema": {"type": "string"}})
    for name in (*_FORMAT_PARAMETERS, *_result_parameters(endpoint), *HISTORY_PARAMETERS):
        if name not in spec.components.parameters:
            spec.components.parameter(name, "query", {"schema": {"type": "string"}})
    for resource_type in ("", *endpoint.definitions.resource_types):
        for code, parameter in endpoint.search_parameters(resource_type).items():
            key = _key(code, parameter.type)
            if key not in spec.components.parameters:
                given = {"name": code, "description": parameter.type, "schema": {"type": "string"}}
                spec.components.parameter(key, "query", given)


def _result_parameters(endpoint: Endpoint) -> tuple[str, ...]:
    explain = endpoint.settings.explain != "nobody"
    return (*RESULT_PARAMETERS, EXPLAIN) if explain else RESULT_PARAMETERS


def _key(code: str, kind: str) -> str:
    return f"{code}.{kind}"


def _paths(endpoint: Endpoint) -> dict[str, dict[str, Any]]:
    paths: dict[str, dict[str, Any]] = {}
    for interaction in INTERACTIONS:
        if interaction.code == "operation":
            continue
        if interaction.level == "compartment":
            _compartments(paths, endpoint, interaction)
            continue
        types = ("",) if interaction.level == "system" else endpoint.definitions.resource_types
        for name in types:
            _place(paths, interaction.path, name, interaction.method, _described(endpoint, interaction, name))
    for known in endpoint.operations.all:
        for level, path in _calls(endpoint, known):
            for method in known.methods:
                _place(paths, path, "", method, _call(known, level, path, method))
    return paths


def _compartments(paths: dict[str, dict[str, Any]], endpoint: Endpoint, interaction: Interaction) -> None:
    for owner, members in endpoint.definitions.compartments.items():
        for member in (ALL_MEMBERS, *sorted({owner, *members})):
            template = interaction.path.replace("[member]", member)
            described = _described(endpoint, interaction, "" if member == ALL_MEMBERS else member)
            described["tags"] = [owner]
            parts = (interaction.code, owner, "all" if member == ALL_MEMBERS else member, interaction.method.lower())
            described["operationId"] = "-".join(parts)
            _place(paths, template, owner, interaction.method, described)


def _place(paths: dict[str, dict[str, Any]], template: str, name: str, method: str, described: Any) -> None:
    path = "/" + template.replace("[type]", name).replace("[id]", "{id}").replace("[vid]", "{vid}")
    paths.setdefault(path, {}).setdefault(method.lower(), described)


def _described(endpoint: Endpoint, interaction: Interaction, name: str) -> dict[str, Any]:
    code = interaction.code
    conditional = code in ("update", "patch", "delete") and interaction.level == "type"
    form = code.startswith("search") and interaction.method == "POST"
    names = [part[1:-1] for part in ("[id]", "[vid]") if part in interaction.path]
    names += _CONDITIONS.get(code, ())
    if conditional or form:
        names += ["criteria"]
    elif code.startswith("search"):
        names += [_key(code_, one.type) for code_, one in endpoint.search_parameters(name).items()]
        names += _result_parameters(endpoint)
    if code.startswith("history"):
        names += HISTORY_PARAMETERS
    names += _FORMAT_PARAMETERS
    return {
        "tags": [name or "System"],
        "summary": interaction.summary,
        "operationId": "-".join(part for part in (code, name, interaction.method.lower(), interaction.level) if part),
        "parameters": list(dict.fromkeys(names)),
        **(_FORM if form else _body(code)),
        "responses": {**_success(code), "default": "Outcome"},
    }


def _success(code: str) -> dict[str, Any]:
    kind = "Bundle" if code in _BUNDLES else "Resource"
    if code == "create":
        return {"201": kind, "200": kind}
    if code == "update":
        return {"200": kind, "201": kind}
    if code == "delete":
        return {"204": {"description": "Deleted, or there was nothing to delete"}}
    return {"200": kind}


def _body(code: str) -> dict[str, Any]:
    if code not in ("create", "update", "patch", "transaction"):
        return {}
    mimes = PATCH_FORMATS if code == "patch" else (JSON, XML)
    schemas = {mime: {"schema": {"$ref": "#/components/schemas/Resource"} if "fhir" in mime else {}} for mime in mimes}
    return {"requestBody": {"required": True, "content": schemas}}


def _calls(endpoint: Endpoint, known: Known) -> Iterable[tuple[str, str]]:
    """Yield tag and path template of every place where an operation can be called."""
    code = known.definition.code
    if known.works_at("system", ""):
        yield "System", f"${code}"
    levels: Mapping[Level, str] = {"type": "", "instance": "/[id]", "version": "/[id]/_history/[vid]"}
    for name in endpoint.definitions.resource_types:
        for level, middle in levels.items():
            if known.works_at(level, name):
                yield name, f"{name}{middle}/${code}"


def _call(known: Known, tag: str, path: str, method: str) -> dict[str, Any]:
    given = [item for item in known.definition.parameters if item.use == "in" and item.type[:1].islower()]
    query = [
        {"name": item.name, "in": "query", "required": False, "schema": {"type": "string"}, "description": item.type}
        for item in given
    ]
    parameters: list[Any] = [*(part[1:-1] for part in ("[id]", "[vid]") if part in path), *query]
    called = path.replace("[id]", "id").replace("[vid]", "vid").replace("/", "-").replace("$", "")
    body = {
        "requestBody": {
            "content": {mime: {"schema": {"$ref": "#/components/schemas/Resource"}} for mime in (JSON, XML)}
        }
    }
    return {
        "tags": [tag],
        "summary": known.operation.summary,
        "operationId": f"operation-{called}-{method.lower()}",
        "externalDocs": {"url": known.definition.url},
        "parameters": parameters,
        **(body if method == "POST" else {}),
        "responses": {"200": "Resource", "default": "Outcome"},
    }
