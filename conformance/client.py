"""HTTP with full control of headers and bodies: one connection, time limits, bounded retries, evidence kept.

https://hl7.org/fhir/R4/http.html#root
"""

from __future__ import annotations

import http.client
import time
import urllib.parse
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from conformance.exchange import Exchange, Headers, Mask, Response

_BODY_LIMIT = 64 * 1024 * 1024  # bytes read of one answer
_RETRIES = 2
_LONGEST_WAIT = 10.0  # seconds that a Retry-After is obeyed
_PORTS = {"http": 80, "https": 443}
_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})


class NoAnswer(Exception):
    """The target did not answer a request: refused, reset, timed out, or not HTTP."""


class Elsewhere(Exception):
    """A link leads to another server; it is not followed, so that no token goes there."""


class OutOfTime(Exception):
    """The time that the whole run may take is used up."""


class BadUrl(ValueError):
    """The base URL cannot be used."""


@dataclass(frozen=True, slots=True)
class Base:
    """A FHIR service base URL, taken apart."""

    scheme: str
    host: str
    port: int
    path: str  # "" or "/fhir", never with a slash at the end

    @classmethod
    def parse(cls, url: str) -> Base:
        """Take a base URL apart.

        Raises BadUrl when it is not http(s), or carries a user, a query or a fragment.
        """
        parts = urllib.parse.urlsplit(url.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadUrl(f"{url!r} is not an http or https URL")
        if parts.query or parts.fragment or parts.username is not None:
            raise BadUrl("a base URL has no user, no query and no fragment")
        return cls(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme], parts.path.rstrip("/"))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"

    def path_of(self, target: str) -> str:
        """Return the request path for a URL relative to the base, or for an absolute one of the same server.

        Raises Elsewhere for another server.
        """
        parts = urllib.parse.urlsplit(target)
        if not parts.scheme:
            path = self.path if not target or target.startswith("?") else f"{self.path}/{target.lstrip('/')}"
            return (path if path.startswith("/") else f"/{path.lstrip('/')}") + (
                target if target.startswith("?") else ""
            )
        if (parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)) != (
            self.scheme,
            self.host,
            self.port,
        ):
            raise Elsewhere(f"the link {target} leads to another server than {self}")
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


class Client:
    """Sends requests to one server, one at a time, and keeps an Exchange of each in `exchanges`.

    base      the service base URL
    token     bearer token, or None; it never appears in an Exchange
    timeout   seconds without a byte from the server
    deadline  `time.monotonic()` after which nothing is sent; None for no limit
    """

    def __init__(self, base: Base, token: str | None, *, timeout: float, deadline: float | None = None) -> None:
        self.base = base
        self.deadline = deadline
        self.exchanges: list[Exchange] = []
        self._origin = str(Base(base.scheme, base.host, base.port, ""))
        self._token = token
        self._timeout = timeout
        self._mask = Mask([token] if token else [])
        self._connection: http.client.HTTPConnection | None = None

    @property
    def has_token(self) -> bool:
        """Whether requests carry a bearer token."""
        return self._token is not None

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def send(
        self, method: str, target: str, headers: Headers = (), body: bytes | None = None, *, anonymous: bool = False
    ) -> Response:
        """Send one request and return the answer.

        target     URL relative to the base ("Patient/1", "?_id=1", "", "/") or an absolute one of the same server
        anonymous  leave the token out

        Raises NoAnswer, Elsewhere, OutOfTime.
        """
        path = self.base.path_of(target)
        sent = [*headers]
        if self._token and not anonymous and not any(name.lower() == "authorization" for name, _ in headers):
            sent.append(("Authorization", f"Bearer {self._token}"))
        for attempt in range(_RETRIES + 1):
            started = time.monotonic()
            reused = self._connection is not None
            try:
                response = self._once(method, path, sent, body)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                self._keep(method, path, sent, body, None, started, f"{type(error).__name__}: {error}")
                stale = reused and isinstance(error, ConnectionError)
                if attempt < _RETRIES and not isinstance(error, TimeoutError) and (stale or method in _IDEMPOTENT):
                    self._pause(0.0 if stale else 0.25 * (attempt + 1))
                    continue
                raise NoAnswer(f"{method} {path} had no answer ({type(error).__name__}: {error})") from error
            self._keep(method, path, sent, body, response, started)
            wait = _wait_asked(response)
            if wait is None or attempt == _RETRIES:
                return response
            self._pause(wait)
        raise NoAnswer(f"{method} {path} had no answer")  # not reached: the last attempt returns or raises

    def _once(self, method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes | None) -> Response:
        timeout = min(self._timeout, self._remaining())
        if self._connection is None:
            kind = http.client.HTTPSConnection if self.base.scheme == "https" else http.client.HTTPConnection
            self._connection = kind(self.base.host, self.base.port, timeout=timeout)
        connection = self._connection
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        if body is not None or method in ("POST", "PUT", "PATCH"):
            connection.putheader("Content-Length", str(len(body or b"")))
        connection.endheaders(body)
        answer = connection.getresponse()
        raw = self._read(answer)
        if answer.will_close:
            self.close()
        return Response(method, self._origin + path, answer.status, tuple(answer.getheaders()), raw)

    def _read(self, answer: http.client.HTTPResponse) -> bytes:
        chunks: list[bytes] = []
        size = 0
        stop = time.monotonic() + min(4 * self._timeout, self._remaining())
        while answer.length != 0 and (ready := answer.peek(65536)):  # peek waits for one packet, read for all of them
            chunk = answer.read(len(ready))
            chunks.append(chunk)
            size += len(chunk)
            if size > _BODY_LIMIT:
                raise http.client.HTTPException(f"the answer is longer than {_BODY_LIMIT} bytes")
            if time.monotonic() > stop:
                raise TimeoutError("the answer takes too long to arrive")
        answer.read()  # nothing is left; this frees the connection for the next request
        return _decoded(b"".join(chunks), answer.getheader("Content-Encoding"))

    def _remaining(self) -> float:
        if self.deadline is None:
            return self._timeout
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise OutOfTime
        return left

    def _pause(self, seconds: float) -> None:
        time.sleep(min(seconds, self._remaining()))

    def _keep(
        self,
        method: str,
        path: str,
        headers: Headers,
        body: bytes | None,
        response: Response | None,
        started: float,
        failure: str = "",
    ) -> None:
        mask = self._mask
        self.exchanges.append(
            Exchange(
                method,
                mask.text(self._origin + path),
                mask.headers(headers),
                mask.body(body),
                response.status if response else None,
                mask.headers(response.headers) if response else (),
                mask.body(response.body) if response else "",
                time.monotonic() - started,
                mask.text(failure),
            )
        )


def _wait_asked(response: Response) -> float | None:
    """Return the seconds that a busy server asks to wait, or None when the answer is to be taken as it is."""
    if response.status not in (429, 503):
        return None
    asked = response.header("Retry-After") or ""
    return float(asked) if asked.isascii() and asked.isdigit() and float(asked) <= _LONGEST_WAIT else None


def _decoded(body: bytes, encoding: str | None) -> bytes:
    if not body or (encoding or "identity").lower() == "identity":
        return body
    if (encoding or "").lower() not in ("gzip", "x-gzip"):
        raise http.client.HTTPException(f"the answer has the Content-Encoding {encoding}, which was not asked for")
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        unpacked = unpacker.decompress(body, _BODY_LIMIT)
    except zlib.error as error:
        raise http.client.HTTPException("the answer is not valid gzip") from error
    if unpacker.unconsumed_tail:
        raise http.client.HTTPException(f"the answer unpacks to more than {_BODY_LIMIT} bytes")
    return unpacked
