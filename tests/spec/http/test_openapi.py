"""The OpenAPI document: well-formed, true, and of one mind with the CapabilityStatement.

https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.spec.http.client import BASE, Fhir, codes

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
PLACES = {"query", "header", "path", "cookie"}
Document = dict[str, Any]


@pytest.fixture
def document(fhir: Fhir) -> Document:
    answer = fhir.plain("GET", "/openapi.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    return dict(answer.json)


@pytest.fixture
def statement(fhir: Fhir) -> Document:
    return dict(fhir.get("/metadata").json["rest"][0])


def nodes(node: Any) -> Iterator[Document]:
    """Yield every object of the document."""
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(child)


def resolved(document: Document, node: Document) -> Document:
    """Return what a reference object refers to, or the object itself."""
    if "$ref" not in node:
        return node
    assert set(node) == {"$ref"}
    assert node["$ref"].startswith("#/")
    found: Any = document
    for key in node["$ref"].removeprefix("#/").split("/"):
        found = found[key.replace("~1", "/").replace("~0", "~")]
    return dict(found)


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_the_document_has_the_fields_of_openapi_3(document: Document) -> None:
    assert re.fullmatch(r"3\.1\.\d+", document["openapi"])
    assert set(document) <= {
        "openapi", "info", "jsonSchemaDialect", "servers", "paths", "webhooks", "components", "security", "tags",
        "externalDocs"
    }  # fmt: skip
    assert document["info"]["title"]
    assert document["info"]["version"]
    assert document["servers"] == [{"url": BASE}]


def test_components_have_names_that_openapi_allows_and_every_reference_leads_somewhere(document: Document) -> None:
    for kind, named in document["components"].items():
        assert kind in {"schemas", "responses", "parameters", "requestBodies", "headers", "securitySchemes"}
        for name in named:
            assert re.fullmatch(r"[a-zA-Z0-9._-]+", name), name
    for reference in {node["$ref"] for node in nodes(document) if "$ref" in node}:
        assert resolved(document, {"$ref": reference})


def test_operations_are_complete(document: Document) -> None:
    ids = Counter(operation["operationId"] for _, _, operation in operations(document))
    assert ids.most_common(1)[0][1] == 1
    for path, method, operation in operations(document):
        assert path.startswith("/")
        assert method in METHODS
        assert operation["summary"]
        assert operation["tags"]
        assert operation["responses"]
        for status, response in operation["responses"].items():
            assert re.fullmatch(r"[1-5]\d\d|default", status)
            assert resolved(document, response)["description"]
        if "requestBody" in operation:
            assert method in ("post", "put", "patch")
            assert all("/" in mime for mime in operation["requestBody"]["content"])


def test_parameters_are_complete_and_stand_once(document: Document) -> None:
    for path, method, operation in operations(document):
        given = [resolved(document, one) for one in operation.get("parameters", [])]
        keys = Counter((one["name"], one["in"]) for one in given)
        assert not keys or keys.most_common(1)[0][1] == 1, (path, method, keys.most_common(1))
        assert all(one["in"] in PLACES and ("schema" in one) != ("content" in one) for one in given)
        templates = set(re.findall(r"\{(\w+)\}", path))
        assert templates == {one["name"] for one in given if one["in"] == "path"}
        assert all(one["required"] for one in given if one["in"] == "path")


def test_every_path_answers_with_the_methods_it_names(fhir: Fhir, document: Document) -> None:
    for path, methods in document["paths"].items():
        place = path.replace("{id}", "nobody").replace("{vid}", "1").removesuffix("/")
        allowed = set(fhir.send("OPTIONS", place).headers["Allow"].lower().split(", "))
        assert methods.keys() <= allowed, path
        if "get" in methods:
            answer = fhir.get(f"{place}?_count=0" if "history" in place and "nobody" not in place else place)
            # Whoever looks into a compartment does not learn whether it is anybody's.
            searched = "/nobody/" in place and "_history" not in place
            expected = 404 if "nobody" in place and not searched else 200
            assert answer.status_code == expected or "$" in place, (path, answer.text)
            assert answer.status_code < 500


def test_interactions_and_search_parameters_are_those_of_the_statement(document: Document, statement: Document) -> None:
    told = {
        "read": ("/{id}", "get"), "vread": ("/{id}/_history/{vid}", "get"), "update": ("/{id}", "put"),
        "patch": ("/{id}", "patch"), "delete": ("/{id}", "delete"), "history-instance": ("/{id}/_history", "get"),
        "history-type": ("/_history", "get"), "create": ("", "post"), "search-type": ("", "get"),
    }  # fmt: skip
    paths = document["paths"]
    for resource in statement["resource"]:
        name = resource["type"]
        for interaction in resource["interaction"]:
            path, method = told[interaction["code"]]
            assert method in paths[f"/{name}{path}"], (name, interaction)
        given = [resolved(document, one) for one in paths[f"/{name}"]["get"]["parameters"]]
        kinds = {one["name"]: one.get("description") for one in given}
        for parameter in resource["searchParam"]:
            assert kinds[parameter["name"]] == parameter["type"], (name, parameter)
    types = {path.split("/")[1] for path in paths} - {"", "_history", "_search", "metadata"}
    assert {name for name in types if not name.startswith("$")} == {one["type"] for one in statement["resource"]}


def test_operations_are_those_of_the_statement(document: Document, statement: Document) -> None:
    called: dict[str, set[str]] = {}
    for path in document["paths"]:
        if "$" in path:
            called.setdefault(path.split("/")[1] if path.count("/") > 1 else "", set()).add(path.rpartition("$")[2])
    told = {one["type"]: {op["name"] for op in one.get("operation", [])} for one in statement["resource"]}
    told[""] = {op["name"] for op in statement["operation"]}
    assert called == {name: found for name, found in told.items() if found}


def test_the_document_is_read_only(fhir: Fhir) -> None:
    assert codes(fhir.plain("POST", "/openapi.json")) == ["not-supported"]
