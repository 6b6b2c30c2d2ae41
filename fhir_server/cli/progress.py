"""A progress line on a terminal; a plain line now and then where the output goes to a file.

https://clig.dev/#output
"""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TextIO

_BAR = 24


class Counting:
    """Shows on a terminal how far a walk over all resources is; elsewhere it is silent."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._shown = 0.0

    def __enter__(self) -> Counting:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._terminal:
            self._stream.write("\r\x1b[K")

    def show(self, resource_type: str, done: int, total: int) -> None:
        """Show that `done` of `total` resources of a type are done."""
        now = time.monotonic()
        if self._terminal and now - self._shown > 0.1:
            self._shown = now
            self._stream.write(f"\r{resource_type}: {done:,} of {total:,}\x1b[K")
            self._stream.flush()


class Progress:
    """Shows how much of `total` bytes is done and how many resources that gave, on stderr.

    total  bytes to read; 0 when unknown
    """

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        self._total, self._stream = total, stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._interval = 0.1 if self._terminal else 10.0
        self._began = self._shown = time.monotonic()

    def show(self, done: int, resources: int, *, last: bool = False) -> None:
        """Show the state when the last time is long enough ago, or when it is the `last`."""
        now = time.monotonic()
        if now - self._shown < self._interval and not (last and self._terminal):
            return
        self._shown = now
        share = min(1.0, done / self._total) if self._total else 0.0
        seconds = now - self._began
        left = f", {seconds / share - seconds:,.0f} s left" if 0.02 < share < 1 else ""
        text = f"{share:4.0%}  {resources:,} resources, {resources / max(seconds, 0.001):,.0f}/s{left}"
        if self._terminal:
            bar = "#" * round(share * _BAR)
            self._stream.write(f"\r[{bar:<{_BAR}}] {text}\x1b[K" + ("\n" if last else ""))
        else:
            self._stream.write(text + "\n")
        self._stream.flush()
