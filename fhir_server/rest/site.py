"""Pages for people: the landing page at / and the page that shows the interface, both served without anything external.

https://www.w3.org/TR/CSP3/ and https://www.w3.org/TR/WCAG22/
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from importlib.resources import files
from typing import Final
from urllib.parse import urlsplit

import flask

from fhir_server.rest import pages
from fhir_server.rest.capabilities import FHIR_VERSION
from fhir_server.rest.endpoint import Endpoint

_FILES: Final = {
    "/docs": ("docs.html", "text/html"),
    "/docs/docs.js": ("docs.js", "text/javascript"),
    "/docs/docs.css": ("docs.css", "text/css"),
    "/docs/page.css": ("page.css", "text/css"),
    "/docs/icon.svg": ("icon.svg", "image/svg+xml"),
}
_EXAMPLES: Final = (
    ("Patients", "Patient?_count=10"),
    ("A patient by name", "Patient?name=alma"),
    ("Booked appointments", "Appointment?status=booked"),
    ("What is free in the calendar", "Slot?status=free&_count=10"),
    ("How many resources there are", "?_summary=count"),
)
# A browser asks for no format that FHIR has, so the examples say it.
_SHOWN: Final = "&_format=json&_pretty=true"


def register(app: flask.Flask, endpoint: Endpoint) -> None:
    """Serve the landing page, /docs and their files from `app`.

    A base URL without a path needs the address / for itself; there is no landing page then.
    """
    policy = _policy(endpoint.base_url)
    for path, (file, kind) in _FILES.items():
        _serve(app, path, policy, kind, files(pages).joinpath(file).read_bytes)
    if urlsplit(endpoint.base_url).path:
        text = _home(app, endpoint).encode()
        _serve(app, "/", policy, "text/html", lambda: text)


def _serve(app: flask.Flask, path: str, policy: str, kind: str, content: Callable[[], bytes]) -> None:
    def page() -> flask.Response:
        response = flask.Response(content(), mimetype=kind)
        response.headers["Content-Security-Policy"] = policy
        return response

    app.add_url_rule(path, f"page {path}", page, provide_automatic_options=False)


def _home(app: flask.Flask, endpoint: Endpoint) -> str:
    """Return the landing page; it says nothing that changes while the server runs."""
    template = app.jinja_env.from_string(files(pages).joinpath("home.html").read_text(encoding="utf-8"))
    return template.render(
        base=endpoint.base_url,
        prefix=urlsplit(endpoint.base_url).path,
        examples=_EXAMPLES,
        shown=_SHOWN,
        open_door=endpoint.settings.auth == "none",
        fhir_version=FHIR_VERSION,
        version=version("fhir-server"),
    )


def _policy(base_url: str) -> str:
    """Return the policy of the pages: our own script and style, requests to us and to the public base URL."""
    parts = urlsplit(base_url)
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; "
        f"form-action 'none'; frame-ancestors 'none'; connect-src 'self' {parts.scheme}://{parts.netloc}"
    )
