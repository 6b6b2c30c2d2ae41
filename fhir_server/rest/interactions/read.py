"""Read and conditional read.

https://hl7.org/fhir/R4/http.html#read
https://hl7.org/fhir/R4/http.html#cread
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from fhir_server.errors import Gone, NotFound
from fhir_server.rest.answer import version_headers
from fhir_server.rest.binary import BINARY, content
from fhir_server.rest.headers import entity_tags, modified_since
from fhir_server.rest.interaction import Interaction
from fhir_server.rest.message import Request, Response
from fhir_server.rest.representation import part
from fhir_server.rest.router import Route
from fhir_server.storage.model import Version

if TYPE_CHECKING:
    from fhir_server.rest.endpoint import Endpoint

_SECOND = timedelta(seconds=1)


def read(endpoint: Endpoint, request: Request, route: Route[Interaction]) -> Response:
    """Return the current version of a resource. Raises NotFound, Gone."""
    version = endpoint.store.read(request.access, route.type, route.id)
    if version is None:
        raise NotFound("There is no resource with this type and id.")
    return found(request, version)


def found(request: Request, version: Version) -> Response:
    """Return the answer to a read of `version`: 200, or 304 where the client has it. Raises Gone."""
    if version.deleted:
        raise Gone("The resource was deleted.", headers=version_headers(version))
    headers = version_headers(version)
    if _known(request, version):
        return Response(304, headers, modified=version.last_updated)
    if request.form.content and version.type == BINARY:
        return replace(content(version.content, request.headers.get("accept"), headers), modified=version.last_updated)
    whole = version.content
    text = whole if request.form.whole else part(whole, request.form)
    return Response(200, headers, text, modified=version.last_updated)


def _known(request: Request, version: Version) -> bool:
    """Tell whether the client says that it has this version; If-None-Match overrules If-Modified-Since."""
    none_match = request.headers.get("if-none-match")
    if none_match is not None:
        return entity_tags(none_match, "If-None-Match").match(version.version)
    since = request.headers.get("if-modified-since")
    if since is None:
        return False
    moment = modified_since(since)
    # The header counts whole seconds, so a version of the same second passes for known.
    return moment is not None and version.last_updated - _SECOND < moment


READ = Interaction("read", "instance", "GET", "[type]/[id]", "Read the current version", run=read)
