"""Runs a load: tasks in order, on worker processes, with progress, a second round for what waited, and a report.

https://docs.python.org/3/library/concurrent.futures.html#processpoolexecutor
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path
from types import TracebackType
from typing import Protocol

from fhir_server.cli.loading.order import in_order
from fhir_server.cli.loading.report import Refusal, Report
from fhir_server.cli.loading.sources import Source, Unreadable
from fhir_server.cli.loading.submit import perform
from fhir_server.cli.loading.target import OpenTarget, Target
from fhir_server.cli.loading.tasks import Done, Task, tasks_of
from fhir_server.cli.parent import end_with_parent

Advance = Callable[[Task, Done], None]


class TargetLost(Exception):
    """The target takes nothing any more; the text says why."""


class Pool(Protocol):
    """Performs tasks; hands back what is done, in any order, at most a few tasks behind."""

    def submit(self, task: Task) -> Iterator[tuple[Task, Done]]:
        """Take a task; yield those that got done in the meantime."""

    def drain(self) -> Iterator[tuple[Task, Done]]:
        """Yield all that is still being done."""

    def cancel(self) -> None:
        """Forget what no worker has begun."""


class Alone:
    """One worker: this process."""

    def __init__(self, open_target: OpenTarget) -> None:
        open_target.prepare()
        self._target = open_target()

    def __enter__(self) -> Alone:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._target.close()

    def submit(self, task: Task) -> Iterator[tuple[Task, Done]]:
        yield task, perform(self._target, task)

    def drain(self) -> Iterator[tuple[Task, Done]]:
        yield from ()

    def cancel(self) -> None:
        pass


class Workers:
    """Several worker processes; each opens its own target. At most two tasks a worker are on their way."""

    def __init__(self, open_target: OpenTarget, number: int) -> None:
        # Spawned, not forked: a child must not inherit connections or locks.
        context = multiprocessing.get_context("spawn")
        self._executor = ProcessPoolExecutor(number, context, _start)
        self._open_target = open_target
        self._most = 2 * number
        self._running: dict[Future[Done], Task] = {}
        # Ctrl-C reaches the children of a terminal too, from their first moment; when to stop is decided here.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            prepared = self._executor.submit(open_target.prepare)
            for _ in range(number - 1):
                self._executor.submit(open_target.warm)  # a process is started for each task that finds none idle
        finally:
            signal.signal(signal.SIGINT, before)
        try:
            prepared.result()
        except BaseException:
            self._executor.shutdown(wait=False, cancel_futures=True)
            raise

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)

    def submit(self, task: Task) -> Iterator[tuple[Task, Done]]:
        while len(self._running) >= self._most:
            yield from self._finished()
        self._running[self._executor.submit(_perform, self._open_target, task)] = task

    def drain(self) -> Iterator[tuple[Task, Done]]:
        while self._running:
            yield from self._finished()

    def cancel(self) -> None:
        for future in [future for future in self._running if future.cancel()]:
            del self._running[future]

    def _finished(self) -> Iterator[tuple[Task, Done]]:
        ready, _ = wait(self._running, return_when=FIRST_COMPLETED)
        for future in ready:
            task = self._running.pop(future)
            try:
                yield task, future.result()
            except BrokenProcessPool:
                raise
            except Exception as error:  # noqa: BLE001 - a fault on one file must not end the others
                text = f"The loader failed on this file ({type(error).__name__}). This is a fault of the server."
                yield task, Done(refusals=[Refusal(str(task.source.path), "", 500, "exception", text)])


@cache
def _opened(open_target: OpenTarget) -> Target:
    """Return the target of this worker process, which is closed with it: SQLite then puts its log away."""
    target = open_target()
    Finalize(None, target.close, exitpriority=10)
    return target


def _start() -> None:
    end_with_parent(signal.SIGKILL)


def _perform(open_target: OpenTarget, task: Task) -> Done:
    return perform(_opened(open_target), task)


class Run:
    """One load of `sources` by `pool` into `report`.

    force    ignore the journal
    advance  called after each task, for the progress bar
    """

    def __init__(self, pool: Pool, report: Report, advance: Advance, *, force: bool = False) -> None:
        self._pool, self._report, self._advance, self._force = pool, report, advance, force
        self._waiting: dict[Source, set[int]] = {}  # numbers of the chunks that wait
        self._tasks: Counter[Path] = Counter()
        self._skipped: Counter[Path] = Counter()

    def load(self, sources: Sequence[Source]) -> None:
        """Load everything, then again what waited for something, as long as that stores anything.

        Raises TargetLost; what the workers are doing is to be collected by `stop` then.
        """
        self._report.files = len(sources)
        for group in in_order(sources):
            for source in group:
                self._source(source)
            self._collect(self._pool.drain())
        while self._waiting:
            before = self._report.tally.stored
            waiting, self._waiting = self._waiting, {}
            self._report.forget_held()
            for source, numbers in waiting.items():
                self._source(source, numbers)
            self._collect(self._pool.drain())
            if self._report.tally.stored == before:
                break

    def stop(self) -> None:
        """Take note of what the workers are doing still, and of nothing after that."""
        self._pool.cancel()
        with suppress(TargetLost, BrokenProcessPool):
            self._collect(self._pool.drain())

    def settle(self) -> None:
        """Put into the report what can be said at the end only."""
        self._report.refuse_held()
        self._report.skipped = sum(self._skipped[path] == count for path, count in self._tasks.items())

    def _source(self, source: Source, numbers: Collection[int] | None = None) -> None:
        again = numbers is not None
        try:
            for task in tasks_of(source, again=again, force=self._force):
                if numbers is None or task.number in numbers:
                    self._collect(self._pool.submit(task))
        except (Unreadable, OSError) as error:
            if not again:
                text = str(error) if isinstance(error, Unreadable) else f"The file cannot be read: {error.strerror}."
                self._report.refuse([Refusal(str(source.path), "", 0, "structure", text)])

    def _collect(self, finished: Iterator[tuple[Task, Done]]) -> None:
        for task, done in finished:
            self._report.tally.add(done.tally)
            if not task.again:
                self._tasks[task.source.path] += 1
                self._skipped[task.source.path] += done.skipped
            if done.waits:
                self._waiting.setdefault(task.source, set()).add(task.number)
                self._report.hold(done.refusals)
            else:
                self._report.refuse(done.refusals)
            self._advance(task, done)
            if done.lost:
                raise TargetLost(done.lost)
