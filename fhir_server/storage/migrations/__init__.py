"""Brings the tables of a database up to what this program expects, forward only.

https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

from fhir_server.storage.migrations.runner import is_empty, migrate, require_current

__all__ = ["is_empty", "migrate", "require_current"]
