"""The log: one JSON object a line on stderr, and one line per request on stdout, without any value of a record.

https://www.rfc-editor.org/rfc/rfc8259 and https://hl7.org/fhir/R4/security.html#audit
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_WORDS = frozenset({"metadata", "_history", "_search"})
_PAGES = frozenset({"/", "/livez", "/readyz", "/openapi.json", "/docs", "/docs/docs.js", "/docs/docs.css"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_ODD = re.compile(r"[/$_]")
_encode = msgspec.json.Encoder().encode


class JsonLines(logging.Formatter):
    """Formats a log record as a JSON object: time, level, logger, event."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__name__  # its text could carry values of a record
        return _encode(line).decode()


def configure(level: str) -> None:
    """Send the log of this process to stderr as JSON lines, from `level` ("info") upwards."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class PathTemplate:
    """Turns request paths into templates that hold no value of a request: /fhir/Patient/{id}/_history/{vid}.

    base            path of the FHIR endpoint, "/fhir"
    resource_types  names that are kept
    operations      names of operations, without "$", that are kept
    """

    def __init__(self, base: str, resource_types: Collection[str], operations: Collection[str]) -> None:
        self._base = base.rstrip("/")
        self._below = self._base + "/"
        self._types = frozenset(resource_types)
        self._operations = frozenset(operations)

    def of(self, path: str) -> str:
        """Return the template of `path`."""
        if path in _PAGES:
            return path
        base, types = self._base, self._types
        head, _, tail = path[len(self._below) :].partition("/")
        if head in types and tail and path.startswith(self._below) and not _ODD.search(tail):
            return f"{base}/{head}/{{id}}"  # a read: the common case, kept short
        if path != base and not path.startswith(self._below):
            return "{other}"
        parts = [part for part in path[len(base) :].split("/") if part]
        return base + "".join(f"/{self._part(parts, place)}" for place in range(min(len(parts), 6)))

    def _part(self, parts: list[str], place: int) -> str:
        part = parts[place]
        if part in self._types or part in _WORDS:
            return part
        if part.startswith("$"):
            return part if part[1:] in self._operations else "{operation}"
        if place and parts[place - 1] == "_history":
            return "{vid}"
        return "{id}" if place and parts[place - 1] in self._types else "{other}"


class AccessLog:
    """A WSGI application around `application` that writes a line for each request.

    write   takes a finished line, with its newline
    """

    def __init__(self, application: WSGIApplication, template: PathTemplate, write: Callable[[bytes], Any]) -> None:
        self._application, self._template, self._write = application, template, write

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = time.perf_counter()
        status, request_id = 500, ""

        def started(line: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:
            nonlocal status, request_id
            status = int(line[:3])
            for name, value in headers:
                if name == "X-Request-Id" and _REQUEST_ID.fullmatch(value):
                    request_id = value
            return start_response(line, headers, *rest)

        try:
            return self._application(environ, started)
        finally:
            method = environ.get("REQUEST_METHOD", "")
            path = self._template.of(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""))
            # Nothing in here needs escaping: all of it is out of fixed vocabularies.
            self._write(
                (
                    f'{{"time":"{datetime.now(UTC).isoformat(timespec="milliseconds")}","event":"request",'
                    f'"request_id":"{request_id}","method":"{method if method in _METHODS else "{other}"}",'
                    f'"path":"{path}","status":{status},"ms":{(time.perf_counter() - began) * 1000:.2f}}}\n'
                ).encode()
            )
