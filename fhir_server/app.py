"""Wires every part of the server: the one place where they meet.

https://flask.palletsprojects.com/en/stable/patterns/appfactories/
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fhir_server.definitions import load
from fhir_server.mappings import mappings_for
from fhir_server.rest.endpoint import Endpoint
from fhir_server.settings import Settings
from fhir_server.storage.access import Access
from fhir_server.storage.database import Database, open_database
from fhir_server.storage.migrations import require_current
from fhir_server.storage.projection import Projector
from fhir_server.storage.repository import Store
from fhir_server.storage.schema import Schema, build_schema
from fhir_server.validation import Policy, Validator

if TYPE_CHECKING:
    from flask import Flask


def utc_now() -> datetime:
    """Return the time, aware, in UTC."""
    return datetime.now(UTC)


def ordered_id() -> str:
    """Return a new logical id: a UUID that begins with the time (version 7), and has 74 random bits.

    https://www.rfc-editor.org/rfc/rfc9562#section-5.7

    Neighbours in time are neighbours in the index on ids. With ids that are random throughout, every new resource
    changes a page of that index of its own: a sixth of all that a load writes into a large SQLite file.
    """
    moment = time.time_ns() // 1_000_000
    return str(uuid.UUID(int=moment << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)))


@dataclass(frozen=True, slots=True)
class Server:
    """The parts of a wired server.

    endpoint  the FHIR interface without HTTP: what the loader and operations at the command line use
    database  its database; to be closed by who opened it
    schema    the tables that the program expects
    """

    endpoint: Endpoint
    database: Database
    schema: Schema

    def ready(self) -> None:
        """Return when the database answers and has the right tables. Raises Unavailable with the reason."""
        self.database.ping()
        require_current(self.database, self.schema)


def create_server(
    settings: Settings, *, clock: Callable[[], datetime] = utc_now, new_id: Callable[[], str] = ordered_id
) -> Server:
    """Return the server without HTTP; nothing is connected yet.

    settings  all settings
    clock     gives aware UTC times
    new_id    gives logical ids
    """
    definitions = load()
    mappings = mappings_for(definitions)
    database = open_database(
        settings.database,
        statement_timeout=settings.statement_timeout_ms / 1000,
        lock_timeout=settings.lock_timeout_ms / 1000,
    )
    schema = build_schema(mappings, database.dialect)
    store = Store(
        database,
        schema,
        Projector(schema, settings.base_url),
        definitions,
        clock,
        new_id,
        referential_integrity=settings.referential_integrity,
        base_url=settings.base_url,
        text_backlog=settings.text_backlog,
    )
    policy = Policy(unknown_extensions=settings.unknown_extensions == "accept")
    endpoint = Endpoint(
        settings,
        definitions,
        store,
        Validator(definitions, policy),
        Validator(definitions, replace(policy, warnings=True)),
        mappings,
        clock=clock,
        new_id=new_id,
        page_key=settings.link_secret.encode() or secrets.token_bytes(32),
    )
    return Server(endpoint, database, schema)


def create_app(settings: Settings, **parts: Any) -> Flask:
    """Return the WSGI application: the FHIR interface, the pages / and /docs, /openapi.json, /livez, /readyz.

    parts  given to `create_server`: another clock, another source of ids
    """
    # Not at the top: whoever wants the server without HTTP, as the loader's processes do, is spared 10 MB of Flask.
    from fhir_server.rest.gateway import Gateway
    from fhir_server.rest.http import build
    from fhir_server.rest.openapi import register as register_openapi
    from fhir_server.rest.site import register as register_pages

    server = create_server(settings, **parts)
    everyone = Access.unrestricted()  # FHIR_AUTH=none: the command line serves loopback alone then
    gateway = Gateway(server.endpoint, lambda _environ: everyone)
    app = build(gateway, server.ready)
    register_openapi(app, server.endpoint)
    register_pages(app, server.endpoint)
    app.wsgi_app = gateway.before(app.wsgi_app)  # type: ignore[method-assign, assignment]
    app.extensions["fhir_server"] = server
    return app
