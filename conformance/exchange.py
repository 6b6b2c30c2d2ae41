"""One HTTP exchange: the answer as checks read it, and the evidence as reports show it.

https://www.rfc-editor.org/rfc/rfc9110
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Headers = Sequence[tuple[str, str]]

_BODY_LIMIT = 6_000  # characters of a body that a report keeps


@dataclass(frozen=True, slots=True)
class Response:
    """The answer to one request.

    method, url  the request that was answered; `url` is absolute
    status       HTTP status
    headers      as received, in order
    body         decoded from its Content-Encoding
    """

    method: str
    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the first header of that name (case does not matter), or None."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    @property
    def media_type(self) -> str:
        """The Content-Type without its parameters, in lower case; "" when absent."""
        return (self.header("Content-Type") or "").partition(";")[0].strip().lower()

    @property
    def text(self) -> str:
        """The body as text; bytes that are no UTF-8 become replacement characters."""
        return self.body.decode("utf-8", errors="replace")

    def __str__(self) -> str:
        return f"{self.method} {self.url} answered {self.status}"


@dataclass(frozen=True, slots=True)
class Exchange:
    """The evidence of one exchange, with secrets masked and bodies shortened.

    status   None when there was no answer; `failure` then says why
    seconds  from sending to the last byte
    """

    method: str
    url: str
    request_headers: tuple[tuple[str, str], ...]
    request_body: str
    status: int | None
    response_headers: tuple[tuple[str, str], ...]
    response_body: str
    seconds: float
    failure: str = ""

    def __str__(self) -> str:
        lines = [f"{self.method} {self.url}", *(f"{name}: {value}" for name, value in self.request_headers)]
        if self.request_body:
            lines += ["", self.request_body]
        lines += ["", "-" * 8, ""]
        if self.status is None:
            return "\n".join([*lines, f"no answer: {self.failure}"])
        lines += [f"{self.status}  ({self.seconds * 1000:.0f} ms)"]
        lines += [f"{name}: {value}" for name, value in self.response_headers]
        if self.response_body:
            lines += ["", self.response_body]
        return "\n".join(lines)


class Mask:
    """Removes secrets from what reports show."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = tuple(secret for secret in secrets if secret)

    def text(self, value: str) -> str:
        """Return the text with every secret replaced."""
        for secret in self._secrets:
            value = value.replace(secret, "***")
        return value

    def headers(self, headers: Headers) -> tuple[tuple[str, str], ...]:
        """Return the headers with secrets replaced, and Authorization always."""
        return tuple(
            (name, "***" if name.lower() in ("authorization", "cookie", "set-cookie") else self.text(value))
            for name, value in headers
        )

    def body(self, raw: bytes | None) -> str:
        """Return a body as shortened text."""
        if not raw:
            return ""
        text = self.text(raw[: _BODY_LIMIT * 4].decode("utf-8", errors="replace"))
        return text if len(text) <= _BODY_LIMIT else f"{text[:_BODY_LIMIT]}\n... ({len(raw)} bytes)"
