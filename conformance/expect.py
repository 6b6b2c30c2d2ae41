"""What a check may expect of an answer; each function raises Failed with a sentence when it is otherwise.

https://hl7.org/fhir/R4/http.html#Status-Codes
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

from conformance.check import Failed
from conformance.exchange import Response
from conformance.json_content import NotJson, decode
from conformance.r4 import ISSUE_CODES, ISSUE_SEVERITIES

Resource = dict[str, Any]


def status(response: Response, *allowed: int) -> None:
    """The status is one of those."""
    if response.status not in allowed:
        fail(f"{response}, expected {' or '.join(map(str, allowed))}{_said(response)}")


def success(response: Response) -> None:
    """The status is 2xx."""
    if not 200 <= response.status < 300:
        fail(f"{response}, expected success{_said(response)}")


def refused(response: Response) -> None:
    """The status is 4xx: the client is told that its request is at fault."""
    if not 400 <= response.status < 500:
        fail(f"{response}, expected a 4xx status")


def resource(response: Response, *types: str) -> Resource:
    """The answer is 200 or 201 with a resource of one of these types, in JSON; returns it decoded."""
    status(response, 200, 201)
    body = json(response)
    if not isinstance(body, dict) or body.get("resourceType") not in types:
        found = body.get("resourceType") if isinstance(body, dict) else type(body).__name__
        fail(f"{response} with {found}, expected {' or '.join(types)}")
    return body


def json(response: Response) -> Any:
    """The body is JSON."""
    try:
        return decode(response.body)
    except NotJson as error:
        raise Failed(f"{response} with a body that is not JSON: {error}") from error


def bundle(response: Response, kind: str) -> Resource:
    """The answer is a Bundle of that type."""
    found = resource(response, "Bundle")
    if found.get("type") != kind:
        fail(f"{response} with a Bundle of type {found.get('type')!r}, expected {kind!r}")
    return found


def entries(found: Resource) -> list[Resource]:
    """The entries of a Bundle, each an object."""
    items = found.get("entry", [])
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        fail("Bundle.entry is not a list of objects")
    return items


def matches(found: Resource) -> list[Resource]:
    """The entries of a searchset that are matches: not included, and no outcome; each has a resource."""
    kept = []
    for entry in entries(found):
        search = entry.get("search")
        mode = search.get("mode") if isinstance(search, dict) else None
        body = entry.get("resource")
        if not isinstance(body, dict):
            fail("an entry of the searchset has no resource")
        if mode in (None, "match") and not (mode is None and body.get("resourceType") == "OperationOutcome"):
            kept.append(entry)
    return kept


def link(found: Resource, relation: str) -> str | None:
    """The URL of a Bundle link, or None."""
    links = found.get("link", [])
    for item in links if isinstance(links, list) else []:
        if isinstance(item, dict) and item.get("relation") == relation:
            url = item.get("url")
            return url if isinstance(url, str) else fail(f"the link {relation!r} has no url")
    return None


def outcome(response: Response) -> Resource:
    """The body is an OperationOutcome with issues that have a severity and a code of the required value sets."""
    body = json(response)
    if not isinstance(body, dict) or body.get("resourceType") != "OperationOutcome":
        fail(f"{response} without an OperationOutcome")
    issues = body.get("issue")
    if not isinstance(issues, list) or not issues:
        fail(f"{response} with an OperationOutcome that has no issue")
    for issue in issues:
        if not isinstance(issue, dict) or issue.get("severity") not in ISSUE_SEVERITIES:
            fail(f"{response} with an issue whose severity is not of the required value set")
        if issue.get("code") not in ISSUE_CODES:
            fail(f"{response} with the issue code {issue.get('code')!r}, which is not of the required value set")
    return body


def has_errors(found: Resource) -> bool:
    """Whether an OperationOutcome holds an issue of severity error or fatal."""
    return any(issue.get("severity") in ("error", "fatal") for issue in found.get("issue", []))


def header(response: Response, name: str) -> str:
    """The header is there; returns its value."""
    value = response.header(name)
    return value if value else fail(f"{response} without the header {name}")


def meta(found: Resource, name: str) -> str:
    """`Resource.meta` has a string of that name; returns it."""
    holder = found.get("meta")
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, str) else fail(f"{found.get('resourceType')}.meta.{name} is missing")


def etag_of(response: Response) -> str | None:
    """The version id in the ETag, or None when there is no ETag."""
    value = response.header("ETag")
    return value.removeprefix("W/").strip('"') if value else None


def http_date(response: Response, name: str) -> float | None:
    """A date header as seconds since 1970, or None when it is absent."""
    value = response.header(name)
    if not value:
        return None
    try:
        return parsedate_to_datetime(value).timestamp()
    except ValueError:
        fail(f"{response}: {name} {value!r} is not an HTTP date")


def fail(text: str) -> NoReturn:
    """Raise Failed."""
    raise Failed(text)


def _said(response: Response) -> str:
    """What an OperationOutcome in the answer says, to spare the reader a search."""
    try:
        body = decode(response.body) if response.body else None
    except NotJson:
        return ""
    issues = body.get("issue") if isinstance(body, dict) else None
    if not isinstance(issues, list) or not issues or not isinstance(issues[0], dict):
        return ""
    details = issues[0].get("details")
    said = issues[0].get("diagnostics") or (details.get("text") if isinstance(details, dict) else None)
    return f': "{str(said)[:300]}"' if said else ""
