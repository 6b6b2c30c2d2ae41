"""Bundles the server makes: stored texts are spliced in as they are, nothing is decoded.

https://hl7.org/fhir/R4/bundle.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from fhir_server.formats import json
from fhir_server.rest.headers import etag
from fhir_server.rest.message import Response
from fhir_server.storage.model import Contained, Version

Links = Sequence[tuple[str, str]]

_METHOD = {"create": "POST", "update": "PUT", "patch": "PATCH", "delete": "DELETE"}
# Status lines as Bundle.entry.response.status carries them.
_REASON = {
    200: "200 OK",
    201: "201 Created",
    204: "204 No Content",
    304: "304 Not Modified",
    400: "400 Bad Request",
    403: "403 Forbidden",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    406: "406 Not Acceptable",
    409: "409 Conflict",
    410: "410 Gone",
    412: "412 Precondition Failed",
    413: "413 Content Too Large",
    415: "415 Unsupported Media Type",
    422: "422 Unprocessable Content",
    500: "500 Internal Server Error",
    503: "503 Service Unavailable",
}


def quoted(value: Any) -> str:
    """Return `value` as JSON text."""
    return json.encode(value).decode()


def instant(moment: datetime) -> str:
    """Return a UTC time as a FHIR instant, as precise as meta.lastUpdated is."""
    return moment.replace(tzinfo=None).isoformat("T", "microseconds") + "Z"


def bundle(kind: str, timestamp: datetime, links: Links, total: int | None, entries: Iterable[str]) -> str:
    """Return the JSON text of a Bundle.

    kind     Bundle.type
    links    (relation, url) pairs
    total    exact number of matches; None leaves it out
    entries  JSON texts of the entries
    """
    head = f'{{"resourceType":"Bundle","type":"{kind}","timestamp":"{instant(timestamp)}"'
    if total is not None:
        head += f',"total":{total}'
    if links:
        head += f',"link":{quoted([{"relation": relation, "url": url} for relation, url in links])}'
    inner = ",".join(entries)
    return f'{head},"entry":[{inner}]}}' if inner else head + "}"


def match_entry(base_url: str, version: Version, content: str, mode: str = "match") -> str:
    """Return the entry of a searchset; `content` is the text to show, whole or a part of the resource."""
    url = quoted(f"{base_url}/{version.type}/{version.id}")
    return f'{{"fullUrl":{url},"resource":{content},"search":{{"mode":"{mode}"}}}}'


def contained_entry(base_url: str, found: Contained, content: str) -> str:
    """Return the entry of a searchset for a contained resource; its fullUrl names the container first."""
    url = quoted(f"{base_url}/{found.container.type}/{found.container.id}#{found.id}")
    return f'{{"fullUrl":{url},"resource":{content},"search":{{"mode":"match"}}}}'


def outcome_entry(outcome_text: str) -> str:
    """Return the searchset entry that carries remarks about the search."""
    return f'{{"resource":{outcome_text},"search":{{"mode":"outcome"}}}}'


def history_entry(base_url: str, version: Version, content: str, *, created: bool) -> str:
    """Return the entry of a history: what was done, and the resulting version.

    content  the text to show
    created  the interaction made the resource, be it anew after a deletion
    """
    path = version.type if version.method == "create" else f"{version.type}/{version.id}"
    status = 204 if version.deleted else 201 if created else 200
    request = f'{{"method":"{_METHOD[version.method]}","url":{quoted(path)}}}'
    response = (
        f'{{"status":"{_REASON[status]}","etag":{quoted(etag(version.version))},'
        f'"lastModified":"{instant(version.last_updated)}"}}'
    )
    resource = "" if version.deleted else f'"resource":{content},'
    url = quoted(f"{base_url}/{version.type}/{version.id}")
    return f'{{"fullUrl":{url},{resource}"request":{request},"response":{response}}}'


def response_entry(response: Response) -> str:
    """Return the entry of a batch-response or transaction-response for one answer."""
    fields = [f'"status":"{status_line(response.status)}"']
    location, tag = response.headers.get("Location"), response.headers.get("ETag")
    if location:
        fields.append(f'"location":{quoted(location)}')
    if tag:
        fields.append(f'"etag":{quoted(tag)}')
    if response.modified:
        fields.append(f'"lastModified":"{instant(response.modified)}"')
    resource = ""
    if response.text:
        # The outcome of the interaction belongs to the response; what was asked for is the entry's resource.
        if response.outcome:
            fields.append(f'"outcome":{response.text}')
        else:
            resource = f'"resource":{response.text},'
    return f'{{{resource}"response":{{{",".join(fields)}}}}}'


def status_line(status: int) -> str:
    """Return "201 Created" for 201."""
    return _REASON.get(status, str(status))


def shown(versions: Iterable[Version], content_of: Callable[[str], str]) -> list[tuple[Version, str]]:
    """Return each version with the text to show for it."""
    return [(version, content_of(version.content) if version.content else "") for version in versions]
