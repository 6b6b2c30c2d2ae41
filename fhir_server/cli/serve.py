"""`fhir-server serve`: the server on granian, one process for each core, stopped gracefully by SIGTERM or Ctrl-C.

https://github.com/emmett-framework/granian
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from fhir_server.cli import logs
from fhir_server.cli.collector import relieve
from fhir_server.cli.database import prepare
from fhir_server.cli.indexer import indexing
from fhir_server.cli.options import ALL, setting_options, settings_from
from fhir_server.cli.parent import end_with_parent
from fhir_server.settings import Settings, is_loopback, mask_url

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


@click.command("serve")
@click.option("--migrate", is_flag=True, help="Bring the tables of an existing database up to date before starting.")
@setting_options(*ALL)
def command(*, migrate: bool, **options: Any) -> None:
    """Serve the FHIR interface.

    A new SQLite database is made at the first start; any other database must be migrated before, or with --migrate.
    """
    settings = settings_from(options)
    refuse_open_door(settings)
    prepare(settings, upgrade=migrate)
    serve(settings)


def refuse_open_door(settings: Settings) -> None:
    """Raise click.UsageError when everyone on the network could reach a server that asks nobody who they are."""
    if settings.auth == "none" and not is_loopback(settings.host):
        raise click.UsageError(
            f"With --auth none every caller may read and change everything, so the server listens on loopback only; "
            f"FHIR_HOST (option --host) is {settings.host}."
        )


def serve(settings: Settings, examples: Sequence[str] = ()) -> None:
    """Run the server until it is told to stop. Exits the process with 1 when a worker dies at start.

    examples  searches below the base URL, shown to who started it
    """
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server import Server

    import fhir_server.app  # noqa: F401 - workers are forked and share what is loaded now

    address = _free_address(settings)
    if not settings.link_secret:
        settings = replace(settings, link_secret=secrets.token_urlsafe(32))  # the same one for all workers
    logs.configure(settings.log_level)
    server = Server(
        "fhir_server",
        address=address,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.worker_processes,
        blocking_threads=settings.threads,
        respawn_failed_workers=True,
        workers_kill_timeout=settings.shutdown_seconds,
        websockets=False,
        log_level=LogLevels.warning,
        log_dictconfig=_granian_logging(),
    )
    server.on_startup(partial(_announce, settings, examples))
    with indexing(settings):
        server.serve(target_loader=partial(application, settings), wrap_loader=False)
    logging.getLogger(__name__).info("stopped")


def application(settings: Settings) -> WSGIApplication:
    """Return the WSGI application of one worker process."""
    # Until granian installs its own handler, this process has that of its parent, which would swallow an order to stop.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    from fhir_server.app import create_app
    from fhir_server.definitions import load
    from fhir_server.storage.custom.background import Background

    logs.configure(settings.log_level)
    end_with_parent(signal.SIGTERM)
    app = create_app(settings)
    Background(app.extensions["fhir_server"].endpoint.store).start()
    relieve()
    if not settings.access_log:
        return app
    definitions = load()
    template = logs.PathTemplate(
        urlsplit(settings.base_url).path,
        definitions.resource_types,
        [operation.code for operation in definitions.operations],
    )
    return logs.AccessLog(app, template, _writer(sys.stdout.fileno()))


def _writer(descriptor: int) -> Callable[[bytes], Any]:
    """Return a function that writes a line in one piece, so that lines of several processes do not mix."""
    return partial(os.write, descriptor)


def _free_address(settings: Settings) -> str:
    """Return the IP address that FHIR_HOST means, free to listen on.

    Raises click.ClickException when it is none, or when someone listens there already: granian would share the port
    without a word. Raises click.UsageError when a name turns out to be an address others can reach.
    """
    host, port = settings.host, settings.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, _, _, _, address = min(found, key=lambda info: info[0] != socket.AF_INET)
        refuse_open_door(replace(settings, host=str(address[0])))
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise click.ClickException(f"Cannot listen on {host} port {port}: {error.strerror}.") from error
    return str(address[0])


def _announce(settings: Settings, examples: Sequence[str]) -> None:
    base = settings.base_url
    path = urlsplit(base).path
    root = base.removesuffix(path)
    lines = [
        f"FHIR R4 server on {mask_url(settings.database)}",
        *([f"  open this       {root}/"] if path else []),
        f"  FHIR base URL   {base}",
        f"  capabilities    {base}/metadata",
        f"  every request   {root}/docs  {root}/openapi.json",
        f"  health          {root}/livez  {root}/readyz",
        *(f"  {'' if number else 'searches':<15} {base}/{example}" for number, example in enumerate(examples)),
        f"  processes       {settings.worker_processes}, each with {settings.threads} threads; stop with Ctrl-C",
    ]
    if settings.auth == "none":
        lines.append("  no sign-in      everyone on this machine may read and change everything")
    click.echo("\n".join(lines), err=True)


def _granian_logging() -> dict[str, Any]:
    """Return a configuration that leaves the log as `logs.configure` set it up."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "fhir_server.cli.logs.JsonLines"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", "formatter": "json"}},
        "loggers": {"_granian": {"handlers": ["stderr"], "level": "WARNING", "propagate": False}},
    }
