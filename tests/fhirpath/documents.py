"""Resources the tests run expressions on."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from fhir_server.formats.json import decode
from tests.paths import R4_PACKAGE


def read(path: Path) -> dict[str, Any]:
    document = decode(path.read_bytes())
    assert isinstance(document, dict)
    return document


@cache
def examples() -> tuple[dict[str, Any], ...]:
    """Every official R4 example of less than 200 kB."""
    paths = sorted(path for path in R4_PACKAGE.glob("*-*.json") if path.stat().st_size < 200_000)
    documents = (read(path) for path in paths if not path.name.startswith(("ValueSet-", "CodeSystem-", "Structure")))
    return tuple(document for document in documents if "resourceType" in document)


PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "contained": [{"resourceType": "Organization", "id": "o1", "name": "Ward"}],
    "identifier": [{"system": "urn:a", "value": "1", "period": {"start": "2020-01-01", "end": "2020-02-01"}}],
    "active": True,
    "name": [
        {
            "use": "official",
            "family": "Kowalska",
            "given": ["Anna", None, "Maria"],
            "_given": [None, {"extension": [{"url": "urn:absent", "valueCode": "unknown"}]}, None],
        },
        {"use": "nickname", "given": ["Ania"]},
    ],
    "birthDate": "1980-03-05",
    "_birthDate": {"extension": [{"url": "urn:time", "valueDateTime": "1980-03-05T10:00:00+01:00"}]},
    "multipleBirthInteger": 2,
    "managingOrganization": {"reference": "#o1"},
}
