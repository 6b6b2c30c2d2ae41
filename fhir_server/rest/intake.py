"""What a WSGI environment may bring in: sizes, hosts, request ids, bodies, compression; everything is bounded.

https://peps.python.org/pep-3333/ and https://www.rfc-editor.org/rfc/rfc9110
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from fhir_server.errors import (
    BadRequest,
    HeadersTooLarge,
    MalformedContent,
    TooLarge,
    UnsupportedMediaType,
    UriTooLong,
)
from fhir_server.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::\d{1,5})?")
_CHUNK: Final = 65_536
_GZIP: Final = 16 + zlib.MAX_WBITS
_GZIP_MAGIC: Final = b"\x1f\x8b"
# A body may unfold to this many times its size; small ones, where the ratio says nothing, may always reach the floor.
_MOST_RATIO: Final = 200
_RATIO_FLOOR: Final = 1_000_000


class Headers:
    """The headers of a WSGI environment by lower-case name, looked up where they are."""

    __slots__ = ("_environ",)

    def __init__(self, environ: WSGIEnvironment) -> None:
        self._environ = environ

    def get(self, name: str, /) -> str | None:
        """Return the value of a header, or None."""
        value: str | None = self._environ.get(_key(name))
        return value


@lru_cache(maxsize=64)
def _key(name: str) -> str:
    return "CONTENT_TYPE" if name == "content-type" else "HTTP_" + name.upper().replace("-", "_")


def request_id(environ: WSGIEnvironment) -> str:
    """Return the client's X-Request-Id where it is short and harmless, else a new one."""
    given: str = environ.get("HTTP_X_REQUEST_ID", "")
    if given and _REQUEST_ID.fullmatch(given):
        return given
    return f"{random.getrandbits(96):024x}"


class Bounds:
    """The limits of one server.

    settings  where they stand
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._hosts = frozenset(host.lower().strip("[]") for host in settings.trusted_hosts)
        self._everyone = "*" in self._hosts
        self._good: dict[str, None] = {}  # Host headers seen and trusted; bounded by hosts x ports

    def check(self, environ: WSGIEnvironment) -> None:
        """Raise BadRequest for a host that is not ours, UriTooLong, HeadersTooLarge."""
        settings = self.settings
        if len(environ.get("PATH_INFO", "")) + len(environ.get("QUERY_STRING", "")) > settings.max_url_bytes:
            raise UriTooLong(f"The URL is longer than {settings.max_url_bytes} bytes; POST a long search to _search.")
        host = environ.get("HTTP_HOST", "")
        if host not in self._good:
            self._trust(host)
        # All texts of the environment are more than the headers: mostly that is within the bounds already.
        size = sum([len(value) for value in environ.values() if value.__class__ is str])
        if size > settings.max_header_bytes or len(environ) > settings.max_headers:
            self._headers(environ)

    def _headers(self, environ: WSGIEnvironment) -> None:
        settings = self.settings
        sizes = [len(name) - len("HTTP_") + len(value) for name, value in environ.items() if name.startswith("HTTP_")]
        if len(sizes) > settings.max_headers or sum(sizes) > settings.max_header_bytes:
            raise HeadersTooLarge(
                f"The request has over {settings.max_headers} headers, or {settings.max_header_bytes} bytes of them."
            )

    def _trust(self, host: str) -> None:
        match = _HOST.fullmatch(host)
        if not self._everyone and (match is None or match.group(1).lower().strip("[]") not in self._hosts):
            raise BadRequest("The Host header names a host that this server does not answer for.")
        if len(self._good) < 1_000:
            self._good[host] = None

    def body(self, environ: WSGIEnvironment) -> bytes:
        """Return the body of a request, unfolded.

        Raises TooLarge as soon as the limit is known to be passed, BadRequest for a length that is not one or not
        kept, UnsupportedMediaType for another Content-Encoding than gzip.
        """
        encoding = environ.get("HTTP_CONTENT_ENCODING", "").strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise UnsupportedMediaType(
                "The Content-Encoding must be gzip or absent.", headers={"Accept-Encoding": "gzip, identity"}
            )
        raw = self._raw(environ)
        return raw if encoding in ("", "identity") else unfolded(raw, self.settings.max_body_bytes)

    def _raw(self, environ: WSGIEnvironment) -> bytes:
        limit = self.settings.max_body_bytes
        length, coding = environ.get("CONTENT_LENGTH") or "", environ.get("HTTP_TRANSFER_ENCODING", "")
        if length and coding:
            raise BadRequest("A request has either a Content-Length or a Transfer-Encoding.", code="structure")
        if length:
            if not (length.isascii() and length.isdigit()):
                raise BadRequest("The Content-Length must be a number.", code="structure")
            if len(length) > 15 or int(length) > limit:
                raise _too_large(limit)
            raw = b"".join(_chunks(environ["wsgi.input"], int(length)))
            if len(raw) < int(length):
                raise BadRequest("The body is shorter than the Content-Length says.", code="structure")
            return raw
        if not coding and not environ.get("wsgi.input_terminated") and environ.get("SERVER_PROTOCOL") != "HTTP/2.0":
            return b""  # HTTP/1.1: neither header, no body
        raw = b"".join(_chunks(environ["wsgi.input"], limit + 1))
        if len(raw) > limit:
            raise _too_large(limit)
        return raw


def _chunks(stream: Any, most: int) -> Iterable[bytes]:
    """Yield what `stream` holds, `most` bytes at most."""
    while most > 0:
        chunk = stream.read(min(_CHUNK, most))
        if not chunk:
            return
        most -= len(chunk)
        yield chunk


def unfolded(raw: bytes, limit: int) -> bytes:
    """Return a gzip body uncompressed, without ever holding more than `limit` bytes of it.

    Raises TooLarge for more than `limit` or an absurd ratio, MalformedContent for what is not one gzip stream.
    """
    most = min(limit, max(_RATIO_FLOOR, len(raw) * _MOST_RATIO))
    stream = zlib.decompressobj(_GZIP)
    try:
        found = stream.decompress(raw, most + 1)
    except zlib.error:
        raise MalformedContent("The body is not gzip, which its Content-Encoding promises.") from None
    if len(found) > most:
        raise _too_large(limit)
    if not stream.eof or stream.unused_data:
        raise MalformedContent("The gzip body is cut off or followed by something else.")
    if found.startswith(_GZIP_MAGIC):
        raise MalformedContent("The body is compressed twice; once is enough.")
    return found


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than {limit} bytes, compressed or after decompression.")
