"""The wiring of the server: https://www.rfc-editor.org/rfc/rfc9562#section-5.7"""

from __future__ import annotations

import subprocess
import sys
import time
import uuid

from fhir_server.app import ordered_id


def test_a_new_logical_id_is_a_uuid_that_begins_with_the_time_in_milliseconds() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(ordered_id())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000


def test_logical_ids_of_the_same_moment_differ() -> None:
    assert len({ordered_id() for _ in range(10_000)}) == 10_000


def test_a_process_of_the_loader_does_without_flask() -> None:
    program = "import sys, fhir_server.cli.loading.local; sys.exit('flask' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
