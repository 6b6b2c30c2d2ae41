"""What a load did: counts by type, and every refusal with its place and reason, also as JSON lines for programs.

https://hl7.org/fhir/R4/operationoutcome.html
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

_SHOWN = 10  # kinds of refusal that are printed; the report file holds them all


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something was not stored.

    file         path as it was given
    place        "Bundle.entry[3]", "line 17" or "" for the whole file
    status       HTTP status that a client would have got; 0 when the file could not even be read
    code         issue code of http://hl7.org/fhir/issue-type
    diagnostics  sentence for people, without values of the record
    expression   FHIRPath of the place inside the resource, or ""
    waits        whether it may go well later: another file may bring the target, the database may be less busy
    """

    file: str
    place: str
    status: int
    code: str
    diagnostics: str
    expression: str = ""
    waits: bool = False


@dataclass(slots=True)
class Tally:
    """Counts by resource type: found in the files, created, updated, already there."""

    found: Counter[str] = field(default_factory=Counter)
    created: Counter[str] = field(default_factory=Counter)
    updated: Counter[str] = field(default_factory=Counter)
    present: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Add the counts of `other`."""
        self.found += other.found
        self.created += other.created
        self.updated += other.updated
        self.present += other.present

    @property
    def stored(self) -> int:
        """Resources that the server has now because of the load, or had already."""
        return self.created.total() + self.updated.total() + self.present.total()

    @property
    def refused(self) -> Counter[str]:
        """Resources that were found and are not stored."""
        return self.found - self.created - self.updated - self.present


def _spool() -> IO[str]:
    """Return a file that lives in memory while it is small."""
    return tempfile.SpooledTemporaryFile(1_000_000, "w+", encoding="utf-8")


@dataclass(slots=True)
class Report:
    """The sum of a load; writes each refusal to `path` (JSON lines) as it comes, so that it never holds them all."""

    path: Path | None = None
    tally: Tally = field(default_factory=Tally)
    files: int = 0
    skipped: int = 0
    refusals: int = 0
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], Refusal] = field(default_factory=dict)
    _stream: IO[str] | None = None
    _held: IO[str] = field(default_factory=_spool)

    def __enter__(self) -> Report:
        if self.path is not None:
            self._stream = self.path.open("w", encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()
        if self._stream is not None:
            self._stream.close()

    def refuse(self, refusals: Iterable[Refusal]) -> None:
        """Count refusals and write them to the report file."""
        for refusal in refusals:
            self.refusals += 1
            reason = (refusal.code, refusal.diagnostics)
            if reason in self.reasons or len(self.reasons) < 1_000:
                self.reasons[reason] += 1
                self.examples.setdefault(reason, refusal)
            line = {"kind": "refused", **asdict(refusal)}
            del line["waits"]
            self._write(line)

    def hold(self, refusals: Iterable[Refusal]) -> None:
        """Keep refusals that a later round may overcome."""
        self._held.writelines(json.dumps(asdict(refusal)) + "\n" for refusal in refusals)

    def forget_held(self) -> None:
        """Drop what was held: it is being tried again."""
        self._held.seek(0)
        self._held.truncate()

    def refuse_held(self) -> None:
        """Refuse what was held: nothing overcame it."""
        self._held.seek(0)
        self.refuse(Refusal(**json.loads(line)) for line in self._held)
        self.forget_held()

    def finish(self, seconds: float, *, complete: bool) -> None:
        """Write the last line of the report file: the sums."""
        tally = self.tally
        self._write(
            {
                "kind": "summary",
                "files": self.files,
                "files_skipped": self.skipped,
                "found": dict(sorted(tally.found.items())),
                "created": dict(sorted(tally.created.items())),
                "updated": dict(sorted(tally.updated.items())),
                "already_there": dict(sorted(tally.present.items())),
                "refusals": self.refusals,
                "seconds": round(seconds, 3),
                "complete": complete,
            }
        )

    def lines(self, seconds: float) -> Iterable[str]:
        """Yield the report for people."""
        tally = self.tally
        if tally.found:
            yield f"{'type':<28}{'in files':>10}{'created':>10}{'updated':>10}{'had it':>10}{'refused':>10}"
        refused = tally.refused
        for name in sorted(tally.found):
            yield _row(name, tally, refused)
        rate = f", {tally.stored / seconds:,.0f} a second" if seconds > 0 and tally.stored else ""
        skipped = f", {self.skipped} of them loaded before and skipped" if self.skipped else ""
        yield f"{self.files} files{skipped}; {tally.stored:,} resources stored in {seconds:.1f} s{rate}."
        if self.refusals:
            yield f"{self.refusals:,} refusals, by reason:"
        for reason, count in self.reasons.most_common(_SHOWN):
            example = self.examples[reason]
            where = " ".join(part for part in (example.place, example.expression) if part)
            yield f"  {count:>7,} x {reason[0]}: {reason[1]}"
            yield f"            first: {example.file} {where}".rstrip()
        if len(self.reasons) > _SHOWN:
            yield f"  and {len(self.reasons) - _SHOWN} other reasons; --report FILE writes them all."
        if any(example.waits for example in self.examples.values()):
            yield "Targets are absent. Add the files that hold them, or load with --referential-integrity relaxed."

    def _write(self, line: Mapping[str, Any]) -> None:
        if self._stream is not None:
            self._stream.write(json.dumps(line, ensure_ascii=False) + "\n")


def _row(name: str, tally: Tally, refused: Counter[str]) -> str:
    counts = (tally.found, tally.created, tally.updated, tally.present, refused)
    return f"{name:<28}" + "".join(f"{count[name]:>10,}" for count in counts)
