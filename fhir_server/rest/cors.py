"""Requests from pages of other origins: refused by browsers unless the settings name the origin.

https://fetch.spec.whatwg.org/#http-cors-protocol and https://hl7.org/fhir/R4/http.html#cors

Credentials are never allowed across origins: a token in the Authorization header needs none.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_EVERYONE: Final = "*"
_REQUEST_HEADERS: Final = (
    "Accept, Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Exist, If-None-Match, "
    "If-Unmodified-Since, Prefer, X-Request-Id"
)
_ANSWER_HEADERS: Final = "Content-Location, ETag, Last-Modified, Location, X-Request-Id"
_SECONDS: Final = "600"  # a browser may remember the answer to its question


class Origins:
    """The origins whose pages may call us.

    allowed  as browsers write them: "https://app.example"; "*" stands for all
    """

    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = frozenset(origin.rstrip("/").lower() for origin in allowed)

    def headers(self, environ: WSGIEnvironment, methods: Sequence[str] = ()) -> list[tuple[str, str]]:
        """Return the headers for an answer; none where the settings name no origin.

        methods  for OPTIONS: what the address answers; a browser that asks beforehand is told
        """
        if not self._allowed:
            return []
        everyone = _EVERYONE in self._allowed
        vary = [] if everyone else [("Vary", "Origin")]
        origin = environ.get("HTTP_ORIGIN", "")
        if not origin or not (everyone or origin.lower() in self._allowed):
            return vary
        found = [
            *vary,
            ("Access-Control-Allow-Origin", _EVERYONE if everyone else origin),
            ("Access-Control-Expose-Headers", _ANSWER_HEADERS),
        ]
        if methods and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ:
            found += [
                ("Access-Control-Allow-Methods", ", ".join(methods)),
                ("Access-Control-Allow-Headers", _REQUEST_HEADERS),
                ("Access-Control-Max-Age", _SECONDS),
            ]
        return found
