"""Serves a SmallServer on a free loopback port."""

from __future__ import annotations

import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from conformance.json_content import encode
from tests.conformance.small_server import Answer, Call, SmallServer


@contextmanager
def serving(server: SmallServer) -> Iterator[str]:
    """Serve in a thread; yield the base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_one_request(self) -> None:
            self.close_connection = True
            self.raw_requestline = self.rfile.readline(65537)
            if self.raw_requestline and self.parse_request():
                self.answer()

        def answer(self) -> None:
            parts = urllib.parse.urlsplit(self.path)
            path = parts.path.removeprefix("/fhir").strip("/")
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            query = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
            answer = server.handle(Call(self.command, path, query, headers, self.rfile.read(length)))
            self.write(answer)

        def write(self, answer: Answer) -> None:
            raw = answer.body if isinstance(answer.body, bytes) else b"" if answer.body is None else encode(answer.body)
            self.send_response_only(answer.status)
            if "Date" not in answer.headers:
                self.send_header("Date", self.date_time_string())
            for name, value in answer.headers.items():
                if not value:
                    continue
                self.send_header(name, value)
            if answer.status not in (204, 304):
                self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            if answer.status not in (204, 304):
                self.wfile.write(raw)
            self.wfile.flush()

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        server.base = f"http://127.0.0.1:{http.server_address[1]}/fhir"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server.base
        finally:
            http.shutdown()
            thread.join()
