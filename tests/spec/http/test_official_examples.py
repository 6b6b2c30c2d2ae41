"""Every official example that the standard's own rules accept is stored and read back equal, as JSON and as XML.

https://hl7.org/fhir/R4/downloads.html and https://hl7.org/fhir/R4/http.html#read
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fhir_server.app import create_app
from fhir_server.formats import json, xml
from fhir_server.settings import Settings
from tests.paths import needs_r4_package
from tests.spec.http.client import BASE, JSON, XML, Fhir
from tests.validation.documents import example, example_paths
from tests.validation.test_examples import REFUSED

pytestmark = needs_r4_package
ACCEPTED = [path for path in example_paths() if path.stem not in REFUSED]


@pytest.fixture(scope="module")
def relaxed(database: str) -> Iterator[Fhir]:
    """A client of an application that keeps references to absent resources: examples stand alone."""
    settings = Settings(database=database, base_url=BASE, referential_integrity="relaxed", max_depth=256)
    app = create_app(settings)
    yield Fhir(app)
    app.extensions["fhir_server"].database.close()


def without_version(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document without what a server writes into it: meta.versionId and meta.lastUpdated."""
    meta = {key: value for key, value in document.get("meta", {}).items() if key not in ("versionId", "lastUpdated")}
    rest = {key: value for key, value in document.items() if key != "meta"}
    return rest | ({"meta": meta} if meta else {})


def text(document: dict[str, Any]) -> bytes:
    """Return a document as text in which every digit counts: 1.0 is not 1.00."""
    return json.encode(ordered(without_version(document)))


def ordered(value: Any) -> Any:
    """Return a value with the properties of every object in one order: JSON gives them none, XML its own."""
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value)}
    return [ordered(item) for item in value] if isinstance(value, list) else value


def test_official_examples_are_read_back_equal_in_every_digit(relaxed: Fhir) -> None:
    different = []
    for path in ACCEPTED:
        document = example(path.name)
        address = f"/{document['resourceType']}/{document['id']}"
        stored = relaxed.put(address, path.read_bytes())
        assert stored.status_code in (200, 201), (path.name, stored.text)
        as_json = relaxed.get(address, Accept=JSON)
        as_xml = relaxed.get(address, Accept=XML)
        assert as_json.content_type.startswith(JSON)
        assert as_xml.content_type.startswith(XML)
        if text(json.decode(as_json.data, max_depth=256)) != text(document):
            different.append(f"{path.name} as JSON")
        if text(xml.decode(as_xml.data, max_depth=256)) != text(document):
            different.append(f"{path.name} as XML")
    assert different == []


def test_official_examples_are_stored_from_xml_equal_in_every_digit(relaxed: Fhir) -> None:
    different = []
    for path in ACCEPTED:
        document = example(path.name)
        address = f"/{document['resourceType']}/{document['id']}"
        stored = relaxed.put(address, xml.encode(document), Content_Type=XML)
        assert stored.status_code in (200, 201), (path.name, stored.text)
        if text(json.decode(relaxed.get(address, Accept=JSON).data, max_depth=256)) != text(document):
            different.append(path.name)
    assert different == []
