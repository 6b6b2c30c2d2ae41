"""A FHIR client over Flask's test client: paths below the base, resources in and out."""

from __future__ import annotations

import uuid
from typing import Any

import flask
from werkzeug.test import TestResponse

JSON = "application/fhir+json"
XML = "application/fhir+xml"
BASE = "http://127.0.0.1:8080/fhir"
Resource = dict[str, Any]


class Fhir:
    """Talks to one application; header names are keyword arguments with underscores."""

    def __init__(self, app: flask.Flask) -> None:
        self.app = app
        self._client = app.test_client()

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        """Send a request; a dict or list is sent as JSON, bytes and text as they are."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        data: Any = body
        if isinstance(body, dict | list):
            data = flask.json.dumps(body)
        if body is not None:
            sent.setdefault("Content-Type", JSON)
        return self._client.open("/fhir" + path, method=method, data=data, headers=sent)

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> TestResponse:
        return self.send("POST", path, body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> TestResponse:
        return self.send("PUT", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> TestResponse:
        return self.send("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> TestResponse:
        return self.send("DELETE", path, **headers)

    def plain(self, method: str, path: str, **headers: str) -> TestResponse:
        """Send a request to an address outside the FHIR interface."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._client.open(path, method=method, headers=sent)

    def create(self, resource: Resource) -> Resource:
        """Create a resource and return it as stored."""
        answer = self.post(f"/{resource['resourceType']}", resource)
        assert answer.status_code == 201, answer.text
        return dict(answer.json)

    def transaction(self, *entries: Resource, kind: str = "transaction", **headers: str) -> TestResponse:
        """Post a Bundle of entries."""
        bundle: Resource = {"resourceType": "Bundle", "type": kind}
        return self.post("", bundle | ({"entry": list(entries)} if entries else {}), **headers)


def patient(value: str = "", **more: Any) -> Resource:
    """Return a Patient, with an identifier where a value is given."""
    found: Resource = {"resourceType": "Patient"}
    if value:
        found["identifier"] = [{"system": "urn:oid:1.2.36.146", "value": value}]
    return found | more


def observation(subject: str = "", **more: Any) -> Resource:
    """Return an Observation about `subject`."""
    found: Resource = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
    if subject:
        found["subject"] = {"reference": subject}
    return found | more


def entry(method: str, url: str, resource: Resource | None = None, full_url: str = "", **request: str) -> Resource:
    """Return an entry of a batch or transaction."""
    found: Resource = {"request": {"method": method, "url": url, **request}}
    if resource is not None:
        found["resource"] = resource
    return found | ({"fullUrl": full_url} if full_url else {})


def urn() -> str:
    """Return a new urn:uuid."""
    return uuid.uuid4().urn


def unique() -> str:
    """Return a text no other test uses."""
    return uuid.uuid4().hex[:12]


def codes(answer: TestResponse) -> list[str]:
    """Return the issue codes of the OperationOutcome in an answer."""
    assert answer.json["resourceType"] == "OperationOutcome", answer.text
    return [issue["code"] for issue in answer.json["issue"]]


def places(answer: TestResponse) -> list[str]:
    """Return where the issues of an answer point."""
    return [place for issue in answer.json["issue"] for place in issue.get("expression", [])]


def statuses(answer: TestResponse) -> list[str]:
    """Return the status codes in the entries of a batch-response or transaction-response."""
    assert answer.status_code == 200, answer.text
    return [found["response"]["status"][:3] for found in answer.json["entry"]]


def local(location: str) -> str:
    """Return "Patient/1" for an absolute URL of a resource or of one of its versions."""
    return location.removeprefix(BASE + "/").partition("/_history")[0]
