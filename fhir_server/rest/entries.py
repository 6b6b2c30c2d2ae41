"""The entries of a batch or transaction as requests for the same router that serves HTTP.

https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fhir_server.errors import BadRequest, FhirError, Issue, MalformedContent, TooLarge
from fhir_server.rest.headers import http_date
from fhir_server.rest.interaction import Interaction
from fhir_server.rest.message import NO_HEADERS, Request, Response
from fhir_server.rest.outcome import at, refuse
from fhir_server.rest.representation import PLAIN, HeaderFields, negotiate
from fhir_server.rest.router import Route
from fhir_server.rest.url import path_of, query_of
from fhir_server.storage.intervals import interval

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint

_REQUEST = re.compile(r"Bundle\.entry\[(\d+)\]\.request\b")
# Stands in for a request that makes no sense, where the rest of the Bundle is judged.
_REPLACED: Final = {"request": {"method": "GET", "url": "metadata"}}
_HEADERS = {
    "ifMatch": "if-match",
    "ifNoneMatch": "if-none-match",
    "ifNoneExist": "if-none-exist",
}


@dataclass(slots=True)
class Entry:
    """One entry on its way: what it asks for, where that goes, and the answer once there is one."""

    label: str
    full_url: str
    request: Request
    route: Route[Interaction]
    response: Response | None = None


def entries_of(endpoint: Endpoint, bundle: Mapping[str, Any]) -> list[Any]:
    """Return the raw entries of a transaction after checking the Bundle around them.

    Raises TooLarge above the limit of entries, BadRequest or Invalid where the Bundle itself breaks a rule.
    """
    entries = _bounded(endpoint, bundle)
    missing = _without_request(entries)
    if missing:
        raise _unusable([issue for issues in missing.values() for issue in issues])
    refuse(_judged(endpoint, bundle, entries))
    return entries


def independent_entries_of(endpoint: Endpoint, bundle: Mapping[str, Any]) -> tuple[list[Any], dict[int, FhirError]]:
    """Return the raw entries of a batch, and by its position the error of each entry whose request makes no sense.

    Raises as `entries_of` does for everything but the requests: those are the entries' own affair.
    """
    entries = _bounded(endpoint, bundle)
    faults = _without_request(entries)
    issues = _judged(endpoint, bundle, _mended(entries, faults))
    for issue in issues:
        found = _REQUEST.match(issue.expression)
        if found:
            faults.setdefault(int(found[1]), []).append(issue)
    if issues:
        refuse(_judged(endpoint, bundle, _mended(entries, faults)))
    return entries, {index: _unusable(issues) for index, issues in faults.items()}


def _mended(entries: Sequence[Any], faults: Collection[int]) -> list[Any]:
    return [{**entry, **_REPLACED} if index in faults else entry for index, entry in enumerate(entries)]


def _bounded(endpoint: Endpoint, bundle: Mapping[str, Any]) -> list[Any]:
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise MalformedContent("Bundle.entry must be an array.", "Bundle.entry")
    limit = endpoint.settings.max_bundle_entries
    if len(entries) > limit:
        raise TooLarge(f"The Bundle has more than {limit} entries.", "Bundle.entry", "too-costly")
    _refuse_doubles(entries)
    return entries


def _judged(endpoint: Endpoint, bundle: Mapping[str, Any], entries: Sequence[Any]) -> list[Issue]:
    """Return what is wrong with the Bundle around its resources; those are judged one by one later."""
    envelope = [
        {k: v for k, v in entry.items() if k != "resource"} if isinstance(entry, dict) else entry for entry in entries
    ]
    shell = {**bundle, "entry": envelope} if entries else dict(bundle)
    return endpoint.validator.validate(shell, resource_type="Bundle")


def _without_request(entries: Sequence[Any]) -> dict[int, list[Issue]]:
    """Return an issue for each entry that does not say what is to be done (bdl-3 names the Bundle only)."""
    text = "An entry of a batch or transaction has a request with a method and a url."
    return {
        index: [Issue("error", "required", text, f"Bundle.entry[{index}].request")]
        for index, entry in enumerate(entries)
        if isinstance(entry, dict) and "request" not in entry
    }


def _unusable(issues: Sequence[Issue]) -> FhirError:
    return BadRequest(issues[0].diagnostics, issues[0].expression, issues[0].code, issues=tuple(issues))


def _refuse_doubles(entries: Sequence[Any]) -> None:
    """Refuse two entries with one fullUrl: whatever refers to it would mean both."""
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        url = entry.get("fullUrl") if isinstance(entry, dict) else None
        if isinstance(url, str):
            if url in seen:
                raise BadRequest("Two entries have the same fullUrl.", f"Bundle.entry[{index}].fullUrl", "duplicate")
            seen.add(url)


def entry_of(endpoint: Endpoint, outer: Request, raw: Mapping[str, Any], index: int) -> Entry:
    """Return one entry as a request with its route.

    outer  the request that carries the Bundle: access, request id and Prefer come from it
    Raises a FhirError whose place is the entry's url.
    """
    label = f"Bundle.entry[{index}]"
    given = raw["request"]
    method, url = given.get("method"), given.get("url")
    if method is None or url is None:  # an extension in their place is valid, but nothing to go by
        raise BadRequest("The request of an entry has a method and a url.", f"{label}.request", "required")
    try:
        path, query = _address(endpoint, url)
        route = endpoint.router.route(method, path)
        if route.target.code == "transaction":
            raise BadRequest("A batch or transaction cannot be carried out inside another one.")
        form = negotiate(query, NO_HEADERS) if query else PLAIN
    except FhirError as error:
        raise at(error, f"{label}.request.url") from None
    request = Request(
        method,
        path,
        query,
        outer.access,
        _headers(outer, given),
        form,
        resource=raw.get("resource"),
        request_id=outer.request_id,
        label=label,
    )
    return Entry(label, raw.get("fullUrl", ""), request, route)


def _address(endpoint: Endpoint, url: str) -> tuple[str, list[tuple[str, str]]]:
    base = endpoint.base_url
    if url.startswith(base) and url[len(base) : len(base) + 1] in ("/", "?", ""):
        url = url[len(base) :]
    elif "://" in url:
        raise BadRequest("The url is not below this server's base URL.")
    path, _, query = url.partition("?")
    if not path.strip("/") and not query:
        raise BadRequest("The url of an entry must name something below the base URL.")
    return path_of(path), query_of(query, endpoint.settings.max_query_parameters)


def _headers(outer: Request, given: Mapping[str, Any]) -> HeaderFields:
    prefer = outer.headers.get("prefer")
    if len(given) == 2:
        return {"prefer": prefer} if prefer else {}
    headers = {name: given[key] for key, name in _HEADERS.items() if key in given}
    if "ifModifiedSince" in given:
        headers["if-modified-since"] = http_date(interval(given["ifModifiedSince"])[0])
    if prefer:
        headers["prefer"] = prefer
    return headers
