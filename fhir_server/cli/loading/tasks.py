"""Pieces of work for the workers, and what comes back.

https://docs.python.org/3/library/concurrent.futures.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from fhir_server.cli.loading.report import Refusal, Tally
from fhir_server.cli.loading.sources import Chunk, Source, read_chunks
from fhir_server.cli.loading.target import WHOLE


@dataclass(frozen=True, slots=True)
class Task:
    """A piece of work for one worker: a document (chunk None) or a chunk of an NDJSON file.

    digest  of the file; "" lets the worker compute it
    again   True in the second round, for what waited: nothing is counted as found twice
    force   True ignores the journal
    """

    source: Source
    chunk: Chunk | None = None
    digest: str = ""
    again: bool = False
    force: bool = False

    @property
    def number(self) -> int:
        """The number of the chunk, or that of the whole file."""
        return WHOLE if self.chunk is None else self.chunk.number


@dataclass(slots=True)
class Done:
    """What a task did: counts, refusals, whether all of it had been loaded in an earlier run.

    lost  why the target takes nothing any more, "" while it does
    """

    tally: Tally = field(default_factory=Tally)
    refusals: list[Refusal] = field(default_factory=list)
    skipped: bool = False
    lost: str = ""

    @property
    def waits(self) -> bool:
        """Whether something was refused that may go well later."""
        return any(refusal.waits for refusal in self.refusals)


def tasks_of(source: Source, *, again: bool = False, force: bool = False) -> Iterator[Task]:
    """Yield the tasks of one file. Raises Unreadable for a damaged NDJSON file, after the tasks before the damage."""
    if source.kind == "document":
        yield Task(source, again=again, force=force)
        return
    digest = source.digest()
    for chunk in read_chunks(source):
        yield Task(source, chunk, digest, again=again, force=force)
