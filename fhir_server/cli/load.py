"""`fhir-server load`: files of records into the database of this server, or into any server over HTTP.

https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

import hashlib
import os
import signal
import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

import click

from fhir_server.cli.loading.opening import OpenLocal, OpenRemote
from fhir_server.cli.loading.report import Report
from fhir_server.cli.loading.run import Alone, Pool, Run, TargetLost, Workers
from fhir_server.cli.loading.sources import Source, find
from fhir_server.cli.loading.target import OpenTarget
from fhir_server.cli.loading.tasks import Done, Task
from fhir_server.cli.options import DATABASE, setting_options, settings_from
from fhir_server.cli.progress import Progress
from fhir_server.settings import Settings

_INTERRUPTED = 130


@click.command("load", short_help="Load JSON and NDJSON files, and folders of them.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--url", help="Base URL of a FHIR server to load into over HTTP, instead of the database.")
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="File for the refusals, as JSON lines.")
@click.option(
    "--journal",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --url: file that tells a later run what is done.  [default: one for each URL, in your state folder]",
)
@click.option("--again", is_flag=True, help="Load files once more that were loaded before.")
@click.option("--migrate", is_flag=True, help="Bring the tables of an existing database up to date before loading.")
@setting_options(*DATABASE, "workers", "base_url", "max_depth", "referential_integrity", "unknown_extensions")
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    paths: tuple[Path, ...],
    url: str | None,
    report: Path | None,
    journal: Path | None,
    again: bool,
    migrate: bool,
    **options: Any,
) -> None:
    """Load JSON and NDJSON files, plain, .gz or .bz2, and folders of them.

    Bundles of type transaction are stored whole or not at all. Batches, collections, search results and lines of NDJSON
    are stored one by one: a bad one does not keep out the others. A resource with an id keeps it.

    Whom others refer to is loaded first. What is refused because its target is absent is tried again at the end.

    Run the same command again after an interruption: what is stored is not stored twice.

    Exit code: 0 all is stored, 1 something was refused, 130 interrupted.
    """
    settings = settings_from(options)
    sources, others = find(paths)
    for other in others:
        click.echo(f"Skipped, neither JSON nor NDJSON: {other}", err=True)
    open_target = _target(settings, url, journal, migrate=migrate)
    context.exit(load(sources, open_target, settings.worker_processes, report, force=again))


def load(sources: list[Source], open_target: OpenTarget, workers: int, report_path: Path | None, *, force: bool) -> int:
    """Load `sources` and print the report; return the exit code."""
    began = time.monotonic()
    progress = _Shown(Progress(sum(source.size for source in sources)))
    interrupted, lost = False, ""
    with ExitStack() as stack:
        for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, _interrupt)):
            stack.callback(signal.signal, number, signal.signal(number, handler))
        report = stack.enter_context(Report(report_path))
        few = workers == 1 or (len(sources) == 1 and sources[0].kind == "document")
        pool: Pool = (
            stack.enter_context(Alone(open_target)) if few else stack.enter_context(Workers(open_target, workers))
        )
        run = Run(pool, report, progress.after, force=force)
        try:
            run.load(sources)
        except KeyboardInterrupt:
            interrupted = True
        except (TargetLost, BrokenProcessPool) as error:
            lost = str(error)
        if interrupted or lost:
            # The workers finish what they are at; a second Ctrl-C ends at once, which harms nothing either.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            run.stop()
        run.settle()
        progress.last()
        seconds = time.monotonic() - began
        report.finish(seconds, complete=not interrupted and not lost)
    for line in report.lines(seconds):
        click.echo(line)
    if interrupted:
        click.echo("Interrupted. The same command goes on from here.", err=True)
        return _INTERRUPTED
    if lost:
        click.echo(f"Stopped: {lost}\nThe same command goes on from here.", err=True)
    return 1 if report.refusals or lost else 0


class _Shown:
    """Feeds the progress bar: bytes of the files and resources stored so far."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._read: dict[Path, int] = {}
        self._sum = self._resources = 0

    def after(self, task: Task, done: Done) -> None:
        """Note that a task is done."""
        self._resources += done.tally.stored
        reached = task.source.size if task.chunk is None else task.chunk.read
        before = self._read.get(task.source.path, 0)
        if reached > before:
            self._read[task.source.path] = reached
            self._sum += reached - before
        self._progress.show(self._sum, self._resources)

    def last(self) -> None:
        """Show the end."""
        self._progress.show(self._sum, self._resources, last=True)


def _target(settings: Settings, url: str | None, journal: Path | None, *, migrate: bool) -> OpenTarget:
    """Return what opens the target in a worker."""
    if url is None:
        if journal is not None:
            raise click.UsageError("--journal goes with --url: without it the journal is in the database.")
        return OpenLocal(settings, migrate)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.UsageError("--url must look like https://server/fhir.")
    url = url.rstrip("/")
    return OpenRemote(url, journal or _journal_of(url), settings.max_depth)


def _journal_of(url: str) -> Path:
    folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return folder / "fhir-server" / f"load-{hashlib.sha256(url.encode()).hexdigest()[:16]}.jsonl"


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
