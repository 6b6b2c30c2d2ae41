"""A small closed-loop HTTP/1.1 load generator for loopback: keep-alive sockets, one request in flight on each.

https://www.rfc-editor.org/rfc/rfc9112

It runs in processes of its own, so that its work is not the server's. Requests are prepared bytes; an answer is read
up to its Content-Length.
"""

from __future__ import annotations

import multiprocessing
import random
import selectors
import socket
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection


@dataclass(frozen=True)
class Result:
    """What one run saw: answers, seconds, status codes other than 200, and the sorted latencies in seconds."""

    answers: int
    seconds: float
    errors: int
    latencies: tuple[float, ...]

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds

    def percentile(self, share: float) -> float:
        """Latency in milliseconds that `share` (0..1) of the answers stayed under."""
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * share))] * 1000


def _complete(buffer: bytearray) -> bool:
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = bytes(buffer[:end]).lower()
    start = head.find(b"content-length:")
    length = int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
    return len(buffer) >= end + 4 + length


def _drive(port: int, requests: list[bytes], connections: int, seconds: float, seed: int, out: Connection) -> None:
    choose = random.Random(seed).choice
    selector = selectors.DefaultSelector()
    started: dict[socket.socket, float] = {}
    buffers: dict[socket.socket, bytearray] = {}

    def send(sock: socket.socket) -> None:
        buffers[sock] = bytearray()
        started[sock] = time.perf_counter()
        sock.sendall(choose(requests))

    for _ in range(connections):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(sock, selectors.EVENT_READ)
        send(sock)
    latencies: list[float] = []
    errors = 0
    begin = time.perf_counter()
    end = begin + seconds
    while (now := time.perf_counter()) < end:
        for key, _ in selector.select(timeout=end - now):
            sock = key.fileobj  # type: ignore[assignment]
            data = sock.recv(262144)
            if not data:
                raise ConnectionError("the server closed a connection")
            buffer = buffers[sock]
            buffer += data
            if _complete(buffer):
                latencies.append(time.perf_counter() - started[sock])
                errors += not buffer.startswith(b"HTTP/1.1 200")
                send(sock)
    out.send((latencies, errors, time.perf_counter() - begin))


def drive(port: int, requests: list[bytes], *, connections: int = 8, seconds: float = 3.0, seed: int = 1) -> Result:
    """Send random ones of `requests` to 127.0.0.1:`port` over `connections` sockets for `seconds`."""
    context = multiprocessing.get_context("spawn")
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=_drive, args=(port, requests, connections, seconds, seed, send))
    process.start()
    latencies, errors, elapsed = receive.recv()
    process.join()
    return Result(len(latencies), elapsed, errors, tuple(sorted(latencies)))


def get(path: str, port: int, *headers: str) -> bytes:
    """Return the bytes of a GET request for `path`."""
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
