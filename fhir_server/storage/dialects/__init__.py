"""The fixed statements of the store, in the words of each database.

https://www.postgresql.org/docs/current/explicit-locking.html and https://www.sqlite.org/lang.html
"""

from fhir_server.storage.dialects.commands import Commands, Lock, State
from fhir_server.storage.dialects.postgresql import PostgresCommands
from fhir_server.storage.dialects.sqlite import SqliteCommands

__all__ = ["Commands", "Lock", "State", "commands_for"]


def commands_for(dialect: str) -> Commands:
    """Return the commands of "postgresql" or "sqlite"."""
    return PostgresCommands() if dialect == "postgresql" else SqliteCommands()
