"""A raw HTTP client for tests: nothing is corrected, quoted or retried on the way out.

https://www.rfc-editor.org/rfc/rfc9112
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field
from typing import Any

FHIR_JSON = "application/fhir+json"


@dataclass
class Answer:
    """One HTTP answer: status, headers (lower-case names), body."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        return json.loads(self.body)

    def codes(self) -> set[str]:
        """The issue codes of the OperationOutcome."""
        return {issue["code"] for issue in self.json()["issue"]}


class Wire:
    """Talks to one server: `base` is the path of the FHIR endpoint ("/fhir")."""

    def __init__(self, port: int, base: str = "/fhir") -> None:
        self.port = port
        self.base = base

    def raw(self, data: bytes, *, timeout: float = 20.0, half_close: bool = False) -> Answer:
        """Send exactly `data`; read until the server closes or the answer is complete."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as sock:
            try:
                sock.sendall(data)
                if half_close:
                    sock.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the server may answer and close before it has read everything
            return _read(sock)

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> Answer:
        """Send a request whose path is written to the wire as it is; `path` is relative to the base."""
        sent = {"Host": f"127.0.0.1:{self.port}", "Connection": "close", "X-Request-Id": "hostile-1"}
        if body is not None:
            sent |= {"Content-Type": FHIR_JSON, "Content-Length": str(len(body))}
        sent |= headers or {}
        lines = [f"{method} {self.base}{path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items() if value)]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        return self.raw(head + (body or b""), **options)

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, resource: Any, **headers: str) -> Answer:
        return self._with_body("POST", path, resource, headers)

    def put(self, path: str, resource: Any, **headers: str) -> Answer:
        return self._with_body("PUT", path, resource, headers)

    def _with_body(self, method: str, path: str, resource: Any, headers: dict[str, str]) -> Answer:
        body = resource if isinstance(resource, bytes) else json.dumps(resource).encode()
        return self.send(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})

    def newest(self) -> list[str]:
        """Identify the newest version in the whole system, to prove that a refused request changed nothing."""
        bundle = self.get("/_history?_count=1").json()
        return [entry.get("fullUrl", "") + entry["response"]["etag"] for entry in bundle.get("entry", [])]


def _read(sock: socket.socket) -> Answer:
    data = bytearray()
    try:
        while chunk := sock.recv(65536):
            data += chunk
            if _complete(data):
                break
    except ConnectionResetError:
        pass
    if not data:
        return Answer(0)
    head, _, body = bytes(data).partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = _unchunk(body)
    return Answer(int(lines[0].split()[1]), headers, body)


def _complete(data: bytearray) -> bool:
    head, mark, body = bytes(data).partition(b"\r\n\r\n")
    if not mark:
        return False
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.partition(b":")[2])
    return b"transfer-encoding" in head.lower() and body.endswith(b"0\r\n\r\n")


def _unchunk(body: bytes) -> bytes:
    out = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        out, body = out + rest[:length], rest[length + 2 :]
        if length == 0:
            break
    return out
