"""The Flask adapter: routes outside the FHIR interface, and FHIR answers to whatever Flask itself refuses.

https://flask.palletsprojects.com/en/stable/errorhandling/
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import flask
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from fhir_server.errors import FhirError, Issue
from fhir_server.rest.gateway import SECURITY_HEADERS, Gateway
from fhir_server.rest.intake import request_id
from fhir_server.rest.message import Response
from fhir_server.rest.outcome import error_response, fault_response, outcome_text

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_CODES: Final = {404: "not-found", 405: "not-supported", 413: "too-long", 414: "too-long", 415: "not-supported"}
# Probes come from machines that know an address, not a name.
_PROBES: Final = frozenset(("/livez", "/readyz"))


def build(gateway: Gateway, ready: Callable[[], None]) -> flask.Flask:
    """Return the Flask application around a FHIR endpoint.

    ready  returns when requests can be served; raises FhirError with the reason when they cannot
    """
    app = flask.Flask("fhir_server", static_folder=None)
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    # Bodies are bounded where they are read; this bounds what Flask would read by itself.
    app.config["MAX_CONTENT_LENGTH"] = gateway.bounds.settings.max_body_bytes

    def fhir(below: str = "") -> flask.Response:  # noqa: ARG001 - the gateway reads the path itself
        return _flask(*gateway.serve(flask.request.environ))

    for number, rule in enumerate((gateway.prefix or "/", f"{gateway.prefix}/", f"{gateway.prefix}/<path:below>")):
        app.add_url_rule(rule, f"fhir{number}", fhir, methods=_METHODS, provide_automatic_options=False)
    app.add_url_rule("/livez", "livez", lambda: _plain("ok"))
    app.add_url_rule("/readyz", "readyz", lambda: _readiness(ready))
    _guard(app, gateway)
    return app


def _guard(app: flask.Flask, gateway: Gateway) -> None:
    """Put the bounds before, the headers behind and FHIR's errors around everything Flask serves by itself."""

    def check() -> None:
        if flask.request.endpoint and flask.request.endpoint.startswith("fhir"):
            return  # the gateway has its own check
        if flask.request.path not in _PROBES:
            gateway.bounds.check(flask.request.environ)

    def headers(response: flask.Response) -> flask.Response:
        for name, value in SECURITY_HEADERS:
            response.headers.setdefault(name, value)
        response.headers.setdefault("X-Request-Id", request_id(flask.request.environ))
        return response

    def refused(error: HTTPException) -> flask.Response:
        return _answer(gateway, _of_flask(error, gateway.bounds.settings.base_url))

    def wrong(error: FhirError) -> flask.Response:
        return _answer(gateway, error_response(error))

    def failed(error: Exception) -> flask.Response:
        return _answer(gateway, fault_response(error, request_id(flask.request.environ)))

    app.before_request(check)
    app.after_request(headers)
    app.register_error_handler(HTTPException, refused)
    app.register_error_handler(FhirError, wrong)
    app.register_error_handler(Exception, failed)


def _of_flask(error: HTTPException, base_url: str) -> Response:
    """Return the FHIR answer for an error that Flask raised: an unknown address, a method it does not know."""
    status = error.code or 500
    text = {
        404: f"There is nothing at this address. The FHIR interface is at {base_url}.",
        405: "This address does not answer this method.",
    }
    issue = Issue("error", _CODES.get(status, "processing"), text.get(status, error.name + "."))
    headers = {}
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return Response(status, headers, outcome_text([issue]), outcome=True)


def _answer(gateway: Gateway, response: Response) -> flask.Response:
    environ = flask.request.environ
    form = gateway.form_of_errors(environ)
    return _flask(*gateway.finish(response, form, request_id(environ), head=flask.request.method == "HEAD"))


def _flask(status: str, headers: list[tuple[str, str]], body: bytes) -> flask.Response:
    response = flask.Response(body, status=status)
    del response.headers["Content-Type"], response.headers["Content-Length"]
    response.headers.extend(headers)
    return response


def _plain(text: str, status: int = 200) -> flask.Response:
    return flask.Response(text + "\n", status=status, mimetype="text/plain")


def _readiness(ready: Callable[[], None]) -> flask.Response:
    try:
        ready()
    except FhirError as error:
        return _plain(error.diagnostics, 503)
    return _plain("ok")
