"""HTTP: time limits, retries, keep-alive, and links that lead elsewhere."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from conformance.client import BadUrl, Base, Client, Elsewhere, NoAnswer, OutOfTime

Talk = Callable[[socket.socket, int], None]


@contextmanager
def talking(talk: Talk) -> Iterator[Client]:
    """Serve each connection by a function of the socket and the number of the connection; yield a client."""
    listener = socket.create_server(("127.0.0.1", 0))
    stopped = threading.Event()

    def serve() -> None:
        for number in range(20):
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if stopped.is_set():
                connection.close()
                return
            with connection:
                talk(connection, number)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    port = listener.getsockname()[1]
    client = Client(Base.parse(f"http://127.0.0.1:{port}/fhir/"), None, timeout=0.5)
    try:
        yield client
    finally:
        client.close()
        stopped.set()
        with socket.create_connection(("127.0.0.1", port)):
            pass
        thread.join(5)
        listener.close()


def _answer(connection: socket.socket, text: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") -> None:
    if connection.recv(65536):
        connection.sendall(text)


@pytest.mark.parametrize(
    ("url", "target", "path"),
    [
        ("http://h/fhir/", "Patient/1", "/fhir/Patient/1"),
        ("http://h/fhir", "", "/fhir"),
        ("http://h", "", "/"),
        ("http://h", "?_id=1", "/?_id=1"),
        ("http://h/fhir", "?_id=1", "/fhir?_id=1"),
        ("http://h/fhir", "http://h:80/fhir/Patient?page=2", "/fhir/Patient?page=2"),
        ("https://h:8443/a/b", "https://h:8443/other", "/other"),
    ],
)
def test_requests_go_below_the_base(url: str, target: str, path: str) -> None:
    assert Base.parse(url).path_of(target) == path


@pytest.mark.parametrize(
    "url", ["ftp://h", "h/fhir", "", "http://", "http://u:p@h/fhir", "http://h/fhir?x=1", "http://h/#a"]
)
def test_unusable_base_urls_are_refused(url: str) -> None:
    with pytest.raises(BadUrl):
        Base.parse(url)


@pytest.mark.parametrize("target", ["http://other/fhir/Patient", "https://h/fhir", "http://h:81/fhir"])
def test_links_to_another_server_are_not_followed(target: str) -> None:
    with pytest.raises(Elsewhere):
        Base.parse("http://h/fhir").path_of(target)


def test_a_server_that_is_not_there_gives_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = Client(Base.parse(f"http://127.0.0.1:{port}"), None, timeout=0.5)
    with pytest.raises(NoAnswer):
        client.send("POST", "Patient", (), b"{}")
    assert client.exchanges[-1].status is None
    assert "refused" in client.exchanges[-1].failure


def test_a_silent_server_gives_no_answer_in_time() -> None:
    with talking(lambda connection, _: (connection.recv(65536), time.sleep(1.0))[1]) as client:
        started = time.monotonic()
        with pytest.raises(NoAnswer, match=r"Timeout|timed out"):
            client.send("GET", "metadata")
        assert time.monotonic() - started < 0.9


def test_a_server_that_dribbles_gives_no_answer_in_time() -> None:
    def dribble(connection: socket.socket, _: int) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(50):
            time.sleep(0.1)
            try:
                connection.sendall(b"x")
            except OSError:
                return

    with talking(dribble) as client:
        started = time.monotonic()
        with pytest.raises(NoAnswer):
            client.send("GET", "metadata")
        assert time.monotonic() - started < 4


def test_a_connection_that_was_closed_while_idle_is_opened_again_even_for_a_post() -> None:
    with talking(lambda connection, _: _answer(connection)) as client:
        assert client.send("GET", "metadata").body == b"ok"
        time.sleep(0.05)
        assert client.send("POST", "Patient", (), b"{}").status == 200
    assert [exchange.status for exchange in client.exchanges] == [200, None, 200]


def test_a_post_on_a_new_connection_is_not_sent_twice() -> None:
    numbers: list[int] = []

    def drop(connection: socket.socket, number: int) -> None:
        numbers.append(number)
        connection.recv(65536)

    with talking(drop) as client:
        with pytest.raises(NoAnswer):
            client.send("POST", "Patient", (), b"{}")
        assert numbers == [0]


def test_a_busy_server_is_asked_again_when_it_says_when() -> None:
    busy = b"HTTP/1.1 429 Too Many\r\nRetry-After: 0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    def first_busy(connection: socket.socket, number: int) -> None:
        _answer(connection, busy) if number == 0 else _answer(connection)

    with talking(first_busy) as client:
        assert client.send("POST", "Patient", (), b"{}").status == 200
    assert [exchange.status for exchange in client.exchanges] == [429, 200]


def test_what_is_not_http_is_no_answer() -> None:
    with talking(lambda connection, _: _answer(connection, b"hello\r\n\r\n")) as client, pytest.raises(NoAnswer):
        client.send("POST", "Patient", (), b"{}")


def test_gzip_is_unpacked_and_a_bomb_is_not() -> None:
    def packed(raw: bytes) -> bytes:
        body = gzip.compress(raw)
        return b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    with talking(lambda connection, _: _answer(connection, packed(b"text"))) as client:
        assert client.send("GET", "metadata").body == b"text"
    bomb = packed(bytes(80 * 1024 * 1024))
    with talking(lambda connection, _: _answer(connection, bomb)) as client, pytest.raises(NoAnswer, match="more than"):
        client.send("POST", "metadata")


def test_nothing_is_sent_after_the_deadline() -> None:
    client = Client(Base.parse("http://127.0.0.1:9/"), None, timeout=1.0, deadline=time.monotonic() - 1)
    with pytest.raises(OutOfTime):
        client.send("GET", "metadata")
    assert client.exchanges == []


def test_an_answer_in_chunks_is_read_and_the_connection_kept() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    connections: list[int] = []

    def twice(connection: socket.socket, number: int) -> None:
        connections.append(number)
        _answer(connection, chunked)
        _answer(connection)

    with talking(twice) as client:
        assert client.send("GET", "metadata").body == b"abcde"
        assert client.send("GET", "metadata").body == b"ok"
    assert connections == [0]
