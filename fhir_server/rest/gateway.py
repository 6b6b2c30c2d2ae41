"""WSGI to the FHIR endpoint and back: one function for every request, so errors and headers are the same everywhere.

https://peps.python.org/pep-3333/ and https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from fhir_server.errors import BadRequest, FhirError
from fhir_server.rest.binary import wants_content
from fhir_server.rest.cors import Origins
from fhir_server.rest.endpoint import Endpoint
from fhir_server.rest.intake import Bounds, Headers, request_id
from fhir_server.rest.message import Request, Response
from fhir_server.rest.outcome import error_response, fault_response
from fhir_server.rest.representation import CONTENT, PLAIN, Representation, negotiate, render
from fhir_server.rest.search_request import posted
from fhir_server.rest.url import Query, query_of
from fhir_server.storage.access import Access

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HeaderList = list[tuple[str, str]]

# On every answer. Records must not stay in caches, and nothing here is ever a page that may run something.
SECURITY_HEADERS: Final = (
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
_STATUS: Final = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
_WITH_BODY: Final = frozenset(("POST", "PUT", "PATCH"))
_READING: Final = frozenset(("GET", "HEAD"))
_BODILESS: Final = frozenset((204, 304))


class Gateway:
    """Serves one FHIR endpoint below the path of its base URL.

    access_of  tells what the caller of a request may do. Raises FhirError for callers who may do nothing
    """

    def __init__(self, endpoint: Endpoint, access_of: Callable[[WSGIEnvironment], Access]) -> None:
        self._endpoint = endpoint
        self._access_of = access_of
        self._origins = Origins(endpoint.settings.cors_origins)
        self.bounds = Bounds(endpoint.settings)
        self.prefix = urlsplit(endpoint.base_url).path.rstrip("/")

    def serve(self, environ: WSGIEnvironment) -> tuple[str, HeaderList, bytes]:
        """Return status line, headers and body for a request below the base URL; nothing is raised."""
        identity = request_id(environ)
        form = PLAIN
        methods: Sequence[str] = ()
        try:
            self.bounds.check(environ)
            request = self._request(environ, identity)
            form = request.form
            if request.method == "OPTIONS":
                methods = ["OPTIONS", *self._endpoint.router.methods(request.path)]
                response = Response(204, {"Allow": ", ".join(methods)})
            else:
                response = self._endpoint.handle(request)
        except FhirError as error:
            form = self.form_of_errors(environ)
            response = error_response(error)
        except Exception as error:  # noqa: BLE001 - the client gets an OperationOutcome, the log the place
            response = fault_response(error, identity)
        status, headers, body = self.finish(response, form, identity, head=environ["REQUEST_METHOD"] == "HEAD")
        headers += self._origins.headers(environ, methods)
        return status, headers, body

    def _request(self, environ: WSGIEnvironment, identity: str) -> Request:
        method = environ["REQUEST_METHOD"]
        query_text = environ.get("QUERY_STRING", "")
        limit = self._endpoint.settings.max_query_parameters
        query = query_of(query_text, limit) if query_text else []
        headers = Headers(environ)
        path = self._path(environ)
        body = self.bounds.body(environ) if method in _WITH_BODY else b""
        if body and method == "POST" and path.endswith("_search"):
            # From here on a search by POST is one by GET: _format and _summary stand in the form too.
            query, body = [*query, *posted(body, headers.get("content-type"), limit)], b""
        return Request(
            method,
            path,
            query,
            self._access_of(environ),
            headers,
            _form(method, path, query, headers),
            body,
            request_id=identity,
        )

    def _path(self, environ: WSGIEnvironment) -> str:
        """Return the path below the base URL. WSGI decodes escapes and hands over bytes as Latin-1."""
        path: str = (environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""))[len(self.prefix) :]
        if not path.isascii():
            try:
                path = path.encode("latin-1").decode()
            except UnicodeError:
                raise BadRequest("The address is not UTF-8 after percent-decoding.", code="value") from None
        return path.removeprefix("/").removesuffix("/")

    def form_of_errors(self, environ: WSGIEnvironment) -> Representation:
        """Return the form of an answer to a request that may be wrong in every way: JSON where in doubt."""
        try:
            text = environ.get("QUERY_STRING", "")
            query = query_of(text, 1_000) if len(text) < 100_000 else []
            found = negotiate([pair for pair in query if pair[0] == "_format"], Headers(environ))
        except FhirError:
            return PLAIN
        return Representation(found.format)

    def finish(
        self, response: Response, form: Representation, identity: str, *, head: bool
    ) -> tuple[str, HeaderList, bytes]:
        """Return status line, headers and body of a finished answer."""
        body = _rendered(response, form) if response.text else response.raw or b""
        headers = [*SECURITY_HEADERS, ("X-Request-Id", identity), *response.headers.items()]
        if response.text:
            headers.append(("Content-Type", form.mime + "; charset=utf-8"))
        if response.status not in _BODILESS:
            headers.append(("Content-Length", str(len(body))))
        return _STATUS[response.status], headers, b"" if head or response.status in _BODILESS else body

    def before(self, application: WSGIApplication) -> WSGIApplication:
        """Return `application` with a short path in front of it: a GET below the base URL needs none of Flask's work.

        A read costs less than Flask's dispatch; a write costs so much more that it does not matter there.
        """
        start, base = self.prefix + "/", self.prefix

        def wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            path = environ.get("PATH_INFO", "")
            if environ["REQUEST_METHOD"] == "GET" and (path.startswith(start) or path == base):
                status, headers, body = self.serve(environ)
                start_response(status, headers)
                return (body,)
            return application(environ, start_response)

        return wsgi


def _form(method: str, path: str, query: Query, headers: Headers) -> Representation:
    """Return how the answer is to look. Raises NotAcceptable, BadRequest."""
    if path.startswith("Binary/") and method in _READING:
        named = next((value for name, value in query if name == "_format"), None)
        if wants_content(path, headers.get("accept"), named):
            return CONTENT
    return negotiate(query, headers)


def _rendered(response: Response, form: Representation) -> bytes:
    kept = response.rendered
    if kept is None:
        return render(response.text, form)
    body = kept.get(form)
    if body is None:
        body = kept[form] = render(response.text, form)
    return body
