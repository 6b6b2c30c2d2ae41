"""What the store asks of a database beyond composed searches; each method is one round trip where the database allows.

https://hl7.org/fhir/R4/http.html#concurrency
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple

from fhir_server.storage.session import Row, Session

Ref = tuple[str, str]


class Lock(Enum):
    """How a row of `resource` is locked until the end of the transaction."""

    NONE = ""
    REFER = "FOR KEY SHARE"  # nobody may delete it; many may refer to it, and one may update it
    UPDATE = "FOR NO KEY UPDATE"  # nobody else may change it; others may refer to it
    DELETE = "FOR UPDATE"  # nobody else may change it or begin to refer to it


class State(NamedTuple):
    """A row of `resource`. `version` 0: something refers to the resource, but it has never been here."""

    type: str
    id: str
    key: int
    version: int
    settled: int
    last_updated: datetime
    deleted: bool


class Commands(ABC):
    """The statements; every one works on the session it is given, inside its transaction."""

    # One resource with its current version, and one version of it: type, id (, version) ->
    # key, version, last_updated, method, content.
    read: str
    vread: str

    @abstractmethod
    def moment(self, value: datetime) -> Any:
        """Return an aware UTC time as rows of this database hold it."""

    @abstractmethod
    def allocate(self, session: Session, count: int) -> Sequence[int]:
        """Return `count` new keys in ascending order."""

    @abstractmethod
    def locate(self, session: Session, refs: Iterable[Ref], lock: Lock) -> list[State]:
        """Return the states of those (type, id) that are known, locked in the order of their keys."""

    @abstractmethod
    def contents(self, session: Session, versions: Iterable[tuple[int, int]]) -> dict[int, tuple[str, str]]:
        """Return key -> (method, content) of (key, version) pairs, one version per key."""

    @abstractmethod
    def promise(self, session: Session, rows: Sequence[Row]) -> None:
        """Add rows of `resource` with version 0 unless someone else did already."""

    @abstractmethod
    def advance(self, session: Session, rows: Sequence[tuple[int, int, int, datetime, bool]]) -> None:
        """Set version, settled, last_updated and deleted of existing resources: (key, ...) rows."""

    @abstractmethod
    def remove(self, session: Session, keys: Mapping[str, Sequence[int]]) -> None:
        """Delete the rows of `keys[table]` from each projection table."""

    @abstractmethod
    def unlink(self, session: Session, pairs: Sequence[tuple[int, int]]) -> None:
        """Delete (target, source) rows of `resource_reference`."""

    @abstractmethod
    def linked(self, session: Session, pairs: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
        """Return those of (target, source) pairs that are rows of `resource_reference`."""

    @abstractmethod
    def referrers(self, session: Session, targets: Sequence[int]) -> list[tuple[int, str]]:
        """Return (target, type of a resource that refers to it) for targets others refer to, each pair once."""

    @abstractmethod
    def guard(self, session: Session, numbers: Sequence[int]) -> None:
        """Hold the locks of `numbers` (64 bits each, sorted) until the end of the transaction."""
