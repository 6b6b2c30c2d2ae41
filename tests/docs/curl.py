"""Runs the curl commands of a document against an application, without curl and without a socket.

https://curl.se/docs/manpage.html
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import flask
from werkzeug.test import TestResponse

_STEP = re.compile(r"```sh\n(?P<code>curl .*?)\n```\n<!-- expect (?P<status>\d{3}) (?P<text>.*?) -->", re.DOTALL)


@dataclass
class Step:
    """One command of a document and what its answer must be and hold."""

    command: str
    status: int
    text: str


@dataclass
class Call:
    """A curl command taken apart."""

    method: str = "GET"
    url: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | None = None


def steps(document: Path) -> Iterator[Step]:
    """Yield the steps of a document in order."""
    for found in _STEP.finditer(document.read_text(encoding="utf-8")):
        yield Step(found["code"], int(found["status"]), found["text"])


def parse(command: str) -> Call:
    """Take a curl command apart; an option that is not known here raises ValueError."""
    words = iter(shlex.split(command.replace("\\\n", " ")))
    call = Call()
    next(words)
    for word in words:
        if word in ("-s", "-i"):
            continue
        if word == "-X":
            call.method = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(":")
            call.headers.append((name, value.strip()))
        elif word == "-d":
            call.body = next(words).encode()
        elif word.startswith("-"):
            raise ValueError(f"this test does not know curl's option {word}")
        else:
            call.url = word
    return call


def run(app: flask.Flask, command: str) -> TestResponse:
    """Run one command against an application."""
    call = parse(command)
    parts = urlsplit(call.url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    return app.test_client().open(target, method=call.method, headers=call.headers, data=call.body)
