"""`fhir-server serve` and `demo`: they answer, they refuse an open door, they stop cleanly."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from tests.cli.running import call, environment, lines, serving, starting


def test_auth_none_refuses_every_address_but_loopback_and_says_why(tmp_path) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.org"):
        done = call("serve", "--auth", "none", "--host", host, "--database", f"sqlite:///{tmp_path / 'a.db'}")
        assert done.returncode == 2
        assert "loopback only" in done.stderr
        assert not (tmp_path / "a.db").exists()


def test_the_first_start_makes_a_new_sqlite_database_and_the_second_one_uses_it(tmp_path) -> None:
    database = f"sqlite:///{tmp_path / 'new.db'}"
    with serving("serve", "--workers", 1, "--database", database) as running:
        assert running.get("/livez") == (200, "ok\n")
        assert running.get("/readyz")[0] == 200
        status, statement = running.get("/fhir/metadata")
        assert (status, statement["resourceType"]) == (200, "CapabilityStatement")
        code, out, err = running.stop()
    assert code == 0
    assert "Migrated: " in err
    assert f"http://127.0.0.1:{running.port}/fhir" in err
    assert f"open this       http://127.0.0.1:{running.port}/\n" in err
    assert "everyone on this machine" in err
    paths = [line["path"] for line in lines(out)]
    assert paths[-1] == "/fhir/metadata"
    with serving("serve", "--workers", 1, "--database", database) as running:
        code, _, err = running.stop()
    assert code == 0
    assert "Migrated" not in err


@pytest.mark.parametrize("host", ["localhost", "::1"])
def test_loopback_has_several_names(tmp_path, host) -> None:
    arguments = ("--workers", 1, "--host", host, "--database", f"sqlite:///{tmp_path / 'a.db'}")
    with starting("serve", *arguments) as running:
        answers = b""
        for _ in range(200):
            time.sleep(0.1)
            try:
                with socket.create_connection((host, running.port), timeout=5) as connection:
                    connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    answers = connection.recv(65_536)
                    break
            except OSError:
                assert running.process.poll() is None
        assert answers.startswith(b"HTTP/1.1 200")


def test_the_access_log_can_be_switched_off_and_holds_no_values(tmp_path) -> None:
    database = f"sqlite:///{tmp_path / 'log.db'}"
    with serving("serve", "--workers", 1, "--database", database) as running:
        running.get("/fhir/Patient/meier-1970?name=Meier", {"X-Request-Id": "r-1"})
        _, out, err = running.stop()
    assert "eier" not in out + err
    (line,) = [line for line in lines(out) if line["request_id"] == "r-1"]
    assert (line["path"], line["status"], line["method"]) == ("/fhir/Patient/{id}", 404, "GET")
    with serving("serve", "--workers", 1, "--database", database, "--no-access-log") as running:
        running.get("/fhir/metadata")
        assert running.stop()[1] == ""


def test_a_port_in_use_is_one_sentence(tmp_path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = call("serve", "--port", port, "--database", f"sqlite:///{tmp_path / 'a.db'}")
    assert done.returncode == 1
    assert f"port {port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_several_processes_share_one_port_and_sign_links_alike(tmp_path) -> None:
    database = f"sqlite:///{tmp_path / 'two.db'}"
    with serving("demo", "--workers", 2, "--database", database) as running:
        status, page = running.get("/fhir/Slot?_count=2")
        for _ in range(12):  # a link made by one process is followed by any
            assert status == 200
            (link,) = [link["url"] for link in page["link"] if link["relation"] == "next"]
            status, page = running.get(link[link.index("/fhir") :])
        assert running.stop()[0] == 0


def test_sigterm_lets_a_running_request_finish_and_ends_with_code_0(tmp_path) -> None:
    database = f"sqlite:///{tmp_path / 'slow.db'}"
    with serving("demo", "--workers", 1, "--database", database) as running:
        answers: list[bytes] = []

        def ask_slowly() -> None:
            body = b'{"resourceType":"Patient"}'
            with socket.create_connection(("127.0.0.1", running.port), timeout=30) as connection:
                head = f"POST /fhir/Patient HTTP/1.1\r\nHost: 127.0.0.1:{running.port}\r\nConnection: close\r\n"
                head += f"Content-Type: application/fhir+json\r\nContent-Length: {len(body)}\r\n\r\n"
                connection.sendall(head.encode() + body[:5])
                time.sleep(1.5)
                connection.sendall(body[5:])
                while received := connection.recv(65_536):
                    answers.append(received)

        client = threading.Thread(target=ask_slowly)
        client.start()
        time.sleep(0.5)
        code, _, err = running.stop()
        client.join()
    assert code == 0
    assert b"".join(answers).startswith(b"HTTP/1.1 201")
    assert lines(err)[-1]["event"] == "stopped"


@pytest.mark.parametrize("seconds", [0.5, 1.0, 1.5, 2.0, 2.5])
def test_sigterm_during_the_start_stops_everything(tmp_path, seconds) -> None:
    with starting("serve", "--workers", 2, "--database", f"sqlite:///{tmp_path / 'start.db'}") as running:
        time.sleep(seconds)
        began = time.monotonic()
        running.stop()
        assert time.monotonic() - began < 10


def test_workers_do_not_outlive_the_process_that_started_them(tmp_path) -> None:
    with serving("serve", "--workers", 2, "--database", f"sqlite:///{tmp_path / 'orphan.db'}") as running:
        running.process.kill()
        running.process.communicate(timeout=20)  # ends when nobody holds the pipes any more


def test_an_idle_connection_does_not_hold_up_the_stop(tmp_path) -> None:
    with (
        serving("serve", "--workers", 1, "--database", f"sqlite:///{tmp_path / 'idle.db'}") as running,
        socket.create_connection(("127.0.0.1", running.port), timeout=30) as connection,
    ):
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        assert running.stop()[0] == 0
        assert time.monotonic() - began < 10


def test_demo_loads_the_clinic_once(tmp_path) -> None:
    database = f"sqlite:///{tmp_path / 'demo.db'}"
    done = call("demo", "--no-serve", "--database", database)
    assert done.returncode == 0, done.stderr
    assert "demo clinic is loaded" in done.stderr
    done = call("demo", "--no-serve", "--database", database)
    assert done.returncode == 0
    assert "demo clinic is loaded" not in done.stderr
    with serving("demo", "--workers", 1, "--database", database) as running:
        assert running.get("/fhir/Patient?_summary=count")[1]["total"] == 6
        _, booked = running.get("/fhir/Appointment?status=booked")
        assert booked["total"] == 3


def test_settings_come_from_the_environment_too(tmp_path) -> None:
    variables = {"FHIR_HOST": "0.0.0.0", "FHIR_DATABASE": f"sqlite:///{tmp_path / 'e.db'}"}
    done = call("serve", **variables)
    assert done.returncode == 2
    assert "FHIR_HOST" in done.stderr
    assert "FHIR_HOST" not in environment()


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_postgresql_that_is_not_there_is_one_sentence_without_the_password(command) -> None:
    done = call(command, "--database", "postgresql+psycopg://fhir:hunter2@127.0.0.1:1/none", "--port", "1")
    assert done.returncode == 1
    assert "cannot be reached" in done.stderr
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr
