"""Search parameters that are added while the server runs: complete or refused, on every path and in every process."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from fhir_server.errors import Invalid, Unavailable, UnsupportedParameter
from fhir_server.storage.custom import builder as building
from fhir_server.storage.model import SearchRequest
from fhir_server.storage.repository import Store
from tests.stores import EVERYONE, delete, open_store, put


@pytest.fixture(autouse=True)
def _no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "_GRACE", 0.0)


def parameter(code: str = "nick", **changed: Any) -> dict[str, Any]:
    """A SearchParameter over the nicknames of patients."""
    return {
        "resourceType": "SearchParameter",
        "id": f"patient-{code}",
        "url": f"http://clinic.example/SearchParameter/{code}",
        "name": code,
        "status": "active",
        "description": "A parameter of our own",
        "code": code,
        "base": ["Patient"],
        "type": "string",
        "expression": "Patient.name.where(use = 'nickname').given",
    } | changed


def patient(number: int, nick: str = "Bee") -> dict[str, Any]:
    name = {"use": "nickname", "given": [f"{nick}{number}"]}
    return {"resourceType": "Patient", "id": f"p{number}", "name": [name]}


def found(store: Store, type_: str, *parameters: tuple[str, str], **more: Any) -> list[str]:
    return sorted(row.id for row in store.search(EVERYONE, SearchRequest(type_, parameters, **more)).rows)


def build(store: Store) -> None:
    store.builder().run()


def test_a_parameter_is_refused_until_it_is_built_and_then_finds_what_was_there_before(store: Store) -> None:
    put(store, *(patient(n) for n in range(7)))
    delete(store, "Patient", "p3")
    with pytest.raises(UnsupportedParameter):
        found(store, "Patient", ("nick", "bee"))
    put(store, parameter())
    with pytest.raises(Unavailable, match="nick of Patient is being built") as refused:
        found(store, "Patient", ("nick", "bee"))
    assert refused.value.headers["Retry-After"]
    build(store)
    assert found(store, "Patient", ("nick", "bee")) == ["p0", "p1", "p2", "p4", "p5", "p6"]
    assert found(store, "Patient", ("nick:exact", "Bee4")) == ["p4"]
    put(store, patient(1, "Zed"), patient(8))
    delete(store, "Patient", "p2")
    assert found(store, "Patient", ("nick", "bee")) == ["p0", "p4", "p5", "p6", "p8"]
    assert found(store, "Patient", ("nick", "zed")) == ["p1"]
    assert found(store, "Patient", ("nick:missing", "false")) == ["p0", "p1", "p4", "p5", "p6", "p8"]
    assert store.check() == []
