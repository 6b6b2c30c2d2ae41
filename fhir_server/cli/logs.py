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
_PAGES = frozenset({"/livez", "/readyz", "/openapi.json", "/"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
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
        self._types = frozenset(resource_types)
        self._operations = frozenset(operations)

    def of(self, path: str) -> str:
        """Return the template of `path`."""
        if path in _PAGES:
            return path
        if path != self._base and not path.startswith(self._base + "/"):
            return "{other}"
        parts = [part for part in path[len(self._base) :].split("/") if part]
        return self._base + "".join(f"/{self._part(parts, place)}" for place in range(min(len(parts), 6)))

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
        seen = {"status": 500, "request_id": ""}

        def started(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:
            seen["status"] = int(status[:3])
            seen["request_id"] = next((value for name, value in headers if name.lower() == "x-request-id"), "")
            return start_response(status, headers, *rest)

        try:
            return self._application(environ, started)
        finally:
            method = environ.get("REQUEST_METHOD", "")
            line = {
                "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "event": "request",
                "request_id": seen["request_id"] if _REQUEST_ID.fullmatch(str(seen["request_id"])) else "",
                "method": method if method in _METHODS else "{other}",
                "path": self._template.of(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")),
                "status": seen["status"],
                "ms": round((time.perf_counter() - began) * 1000, 2),
            }
            self._write(_encode(line) + b"\n")
