"""https://hl7.org/fhir/R4/search.html#uri"""

from __future__ import annotations

from typing import Any

import pytest

from fhir_server.errors import BadRequest, UnsupportedParameter
from fhir_server.storage.model import SearchRequest
from fhir_server.storage.repository import Store
from tests.stores import EVERYONE, put

LONG = "http://acme.org/" + "x" * 300


def value_set(id_: str, url: str, version: str = "") -> dict[str, Any]:
    more = {"version": version} if version else {}
    return {"resourceType": "ValueSet", "id": id_, "status": "active", "url": url, **more}


STORED = (
    value_set("root", "http://acme.org/"),
    value_set("fhir", "http://acme.org/fhir"),
    value_set("sets", "http://acme.org/fhir/ValueSet"),
    value_set("123", "http://acme.org/fhir/ValueSet/123", "1.0"),
    value_set("123b", "http://acme.org/fhir/ValueSet/123", "2.0"),
    value_set("beside", "http://acme.org/fhirplace/ValueSet/123"),
    value_set("upper", "http://acme.org/FHIR"),
    value_set("oid", "urn:oid:1.2.3"),
    value_set("bar", "http://acme.org/a|b"),
    value_set("long", f"{LONG}/a"),
    value_set("longer", f"{LONG}/a/b"),
    value_set("long-beside", f"{LONG}b/a"),
)


def found(store: Store, type_: str | None, name: str, text: str) -> set[str]:
    return {row.id for row in store.search(EVERYONE, SearchRequest(type_, ((name, text),))).rows}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("url", "http://acme.org/fhir", {"fhir"}),
        ("url", "http://acme.org/fhir/", set()),
        ("url", "HTTP://acme.org/fhir", set()),
        ("url", "urn:oid:1.2.3,http://acme.org/", {"oid", "root"}),
        ("url", "http://acme.org/fhir/ValueSet/123", {"123", "123b"}),
        ("url", "http://acme.org/fhir/ValueSet/123|1.0", {"123"}),
        ("url", "http://acme.org/fhir/ValueSet/123|3.0", set()),
        ("url", "http://acme.org/fhir/ValueSet/123|", {"123", "123b"}),
        ("url", f"{LONG}/a", {"long"}),
        ("url:below", "http://acme.org/fhir", {"fhir", "sets", "123", "123b"}),
        ("url:below", "http://acme.org/fhir/", {"sets", "123", "123b"}),
        ("url:below", "http://acme.org/fhir/ValueSet/123|2.0", {"123b"}),
        ("url:below", "http://acme.org/fhir/ValueSet/1", set()),
        ("url:below", LONG, {"long", "longer"}),
        ("url:below", f"{LONG}/a", {"long", "longer"}),
        ("url:above", "http://acme.org/fhir/ValueSet/123/_history/5", {"root", "fhir", "sets", "123", "123b"}),
        ("url:above", "http://acme.org/fhir/ValueSet/123|1.0", {"123"}),
        ("url:above", "http://acme.org/fhir", {"root", "fhir"}),
        ("url:above", f"{LONG}/a/b", {"root", "long", "longer"}),
        ("url:above", "http://acme.org/fhir?x=y#z", {"root", "fhir"}),
    ],
)
def test_uris(store: Store, name: str, text: str, expected: set[str]) -> None:
    put(store, *STORED)
    assert found(store, "ValueSet", name, text) == expected


@pytest.mark.parametrize("name", ["url:above", "url:below"])
@pytest.mark.parametrize("text", ["urn:oid:1.2.3", "fhir", "http:/x", "http://x" + "/y" * 200 + "/z" * 1000])
def test_above_and_below_are_for_urls(store: Store, name: str, text: str) -> None:
    with pytest.raises(BadRequest) as error:
        found(store, "ValueSet", name, text)
    assert error.value.all_issues()[0].code == "value"


def test_other_modifiers_are_refused(store: Store) -> None:
    with pytest.raises(UnsupportedParameter):
        found(store, "ValueSet", "url:contains", "http://x")


def test_profiles_are_canonicals_of_every_type(store: Store) -> None:
    put(
        store,
        {"resourceType": "Patient", "id": "p", "meta": {"profile": ["http://x/sd/p|1.0"], "source": "http://y/a/b#c"}},
        {"resourceType": "Basic", "id": "b", "code": {"text": "x"}, "meta": {"profile": ["http://x/sd/b"]}},
    )
    assert found(store, None, "_profile", "http://x/sd/p") == {"p"}
    assert found(store, None, "_profile", "http://x/sd/p|1.0") == {"p"}
    assert found(store, None, "_profile", "http://x/sd/p|2.0") == set()
    assert found(store, None, "_profile:below", "http://x/sd") == {"p", "b"}
    assert found(store, "Patient", "_profile:above", "http://x/sd/p/more") == {"p"}
    assert found(store, "Patient", "_profile:below", "http://x/sd|1.0") == {"p"}
    assert found(store, "Patient", "_source:below", "http://y/a") == {"p"}
    assert found(store, "Patient", "_source", "http://y/a/b#c") == {"p"}
