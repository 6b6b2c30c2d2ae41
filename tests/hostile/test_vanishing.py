"""Case 77: a client that vanishes. Its transaction may end later, so no other test shares the server.

https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

import json
import socket

from tests.hostile.test_writes import bundle, patient, post, total
from tests.hostile.wire import Wire


def test_case_77_a_client_that_leaves_mid_transaction_leaves_all_or_nothing(wire: Wire) -> None:
    entries = [post(patient("case-77")) for _ in range(300)]
    body = json.dumps(bundle(*entries)).encode()
    head = (
        f"POST {wire.base}/ HTTP/1.1\r\nHost: 127.0.0.1:{wire.port}\r\nContent-Type: application/fhir+json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    for share in (0.3, 0.9, 1.0):
        with socket.create_connection(("127.0.0.1", wire.port), timeout=20) as sock:
            sock.sendall((head + body)[: int(len(head + body) * share)])
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    answer = wire.post("/", bundle(post(patient("case-77-after"))))
    assert answer.status == 200
    assert total(wire, "identifier=http://example.org/mrn|case-77") in {0, 300}
