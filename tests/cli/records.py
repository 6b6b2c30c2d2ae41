"""Made-up records and files for the loader's tests, and a look into the database they went to."""

from __future__ import annotations

import bz2
import gzip
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from fhir_server.cli import main
from fhir_server.storage.model import SearchRequest
from tests.stores import EVERYONE, open_store

NPI = "http://hl7.org/fhir/sid/us-npi"


def load(url: str, *arguments: object) -> Result:
    """Run `fhir-server load` in this process with one worker."""
    return CliRunner().invoke(main, ["load", "--database", url, "--workers", "1", *map(str, arguments)])


def stored(url: str, *types: str) -> Counter[str]:
    """Return how many resources of `types` the database has."""
    store = open_store(url)
    try:
        pages = {name: store.search(EVERYONE, SearchRequest(name, count=0, total=True)) for name in types}
        return Counter({name: page.total or 0 for name, page in pages.items()})
    finally:
        store.database.close()


def read(url: str, type_: str, id_: str) -> tuple[int, dict[str, Any]]:
    """Return version and content of a resource."""
    store = open_store(url)
    try:
        version = store.read(EVERYONE, type_, id_)
        assert version is not None
        return version.version, json.loads(version.content)
    finally:
        store.database.close()


def write(path: Path, content: Any) -> Path:
    """Write a JSON document, or a list as NDJSON, compressed as the name says."""
    if isinstance(content, list):
        text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in content)
    else:
        text = json.dumps(content)
    pack = {".gz": gzip.compress, ".bz2": bz2.compress}.get(path.suffix, bytes)
    path.write_bytes(pack(text.encode()))
    return path


def report(path: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the refusals and the summary of a report file."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    *refusals, summary = lines
    assert summary["kind"] == "summary"
    assert all(line["kind"] == "refused" for line in refusals)
    return refusals, summary


def patient(**fields: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **fields}


def observation(subject: str, **fields: Any) -> dict[str, Any]:
    code = {"text": "Body height"}
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": code,
        "subject": {"reference": subject},
        **fields,
    }


def bundle(kind: str, *entries: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def create(resource: dict[str, Any], full_url: str = "", condition: str = "") -> dict[str, Any]:
    """Return the entry that creates `resource`."""
    entry: dict[str, Any] = {"fullUrl": full_url} if full_url else {}
    entry["resource"] = resource
    entry["request"] = {"method": "POST", "url": resource["resourceType"]}
    if condition:
        entry["request"]["ifNoneExist"] = condition
    return entry


def practitioner(npi: str) -> dict[str, Any]:
    """Return the entry that creates a practitioner unless there is one with this number."""
    resource = {"resourceType": "Practitioner", "identifier": [{"system": NPI, "value": npi}]}
    return create(resource, condition=f"identifier={NPI}|{npi}")


def chart(number: int, observations: int, npi: str = "") -> dict[str, Any]:
    """Return the transaction of one patient: the patient, and observations by a practitioner found by number."""
    url = f"urn:uuid:00000000-0000-4000-9000-{number:012d}"
    fields = {"performer": [{"reference": f"Practitioner?identifier={NPI}|{npi}"}]} if npi else {}
    observed: Iterable[Any] = (create(observation(url, **fields)) for _ in range(observations))
    return bundle("transaction", create(patient(identifier=[{"value": str(number)}]), url), *observed)
