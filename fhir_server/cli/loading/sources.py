"""Files that can be loaded: JSON and NDJSON, plain or compressed, alone or in folders, read with bounded memory.

https://hl7.org/fhir/uv/bulkdata/export.html (NDJSON)
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, cast

LINES = 500  # of a chunk
CHUNK_BYTES = 2_000_000
MAX_DOCUMENT_BYTES = 256_000_000  # a decoded document takes about four times its size
_KINDS: dict[str, Literal["document", "lines"]] = {".json": "document", ".ndjson": "lines", ".jsonl": "lines"}
_COMPRESSIONS = (".gz", ".bz2")
_BLOCK = 1_000_000
_DAMAGED = (OSError, EOFError, zlib.error)


class Unreadable(Exception):
    """A file cannot be read as what its name says; the text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file: path, "document" (one JSON document) or "lines" (NDJSON), ".gz"/".bz2"/"", size in bytes on disk."""

    path: Path
    kind: Literal["document", "lines"]
    compression: str
    size: int

    def open(self) -> IO[bytes]:
        """Return the decompressed content as a stream."""
        if self.compression == ".gz":
            return cast(IO[bytes], gzip.open(self.path))
        return bz2.open(self.path) if self.compression == ".bz2" else self.path.open("rb")

    def digest(self) -> str:
        """Return the SHA-256 of the file as it lies on disk: its identity in the journal."""
        total = hashlib.sha256()
        with self.path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                total.update(block)
        return total.hexdigest()


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some lines of an NDJSON file: number of the chunk and of its first line (from 1), lines, bytes read so far."""

    number: int
    first_line: int
    lines: tuple[bytes, ...]
    read: int


def source_of(path: Path) -> Source | None:
    """Return the Source for `path`, or None when its name is not that of a file the loader understands."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compression = suffixes.pop() if suffixes and suffixes[-1] in _COMPRESSIONS else ""
    kind = _KINDS.get(suffixes[-1]) if suffixes else None
    return Source(path, kind, compression, path.stat().st_size) if kind else None


def find(paths: Iterable[Path]) -> tuple[list[Source], list[Path]]:
    """Return the files to load, in the given order, and the files that cannot be.

    A folder stands for the files in it and in folders inside, by name. Each file is returned once.
    """
    sources: dict[Path, Source] = {}
    others: list[Path] = []
    for path in paths:
        members = sorted(member for member in path.rglob("*") if member.is_file()) if path.is_dir() else [path]
        for member in members:
            source = source_of(member)
            if source is None:
                others.append(member)
            else:
                sources.setdefault(member.resolve(), source)
    return list(sources.values()), others


def read_document(source: Source) -> bytes:
    """Return the whole decompressed document. Raises Unreadable when it is damaged or too large."""
    try:
        with source.open() as stream:
            raw = stream.read(MAX_DOCUMENT_BYTES + 1)
    except _DAMAGED as error:
        raise Unreadable(_damaged(error)) from error
    if len(raw) > MAX_DOCUMENT_BYTES:
        raise Unreadable(f"The document is larger than {MAX_DOCUMENT_BYTES:,} bytes: split it, or load it as NDJSON.")
    return raw


def read_head(source: Source, size: int = 65_536) -> bytes:
    """Return the first `size` decompressed bytes, b"" for a file that cannot be read."""
    try:
        with source.open() as stream:
            return stream.read(size)
    except _DAMAGED:
        return b""


def read_chunks(source: Source) -> Iterator[Chunk]:
    """Yield the lines of an NDJSON file in chunks; they depend on the content alone: a second run finds the same.

    Raises Unreadable when the file is damaged or a line too large; chunks before that place have been yielded.
    """
    lines: list[bytes] = []
    size, first, number = 0, 1, 0
    position = 0
    with source.path.open("rb") as raw, _decompressed(raw, source.compression) as stream:
        while True:
            try:
                line = stream.readline(MAX_DOCUMENT_BYTES + 1)
            except _DAMAGED as error:
                raise Unreadable(_damaged(error)) from error
            if len(line) > MAX_DOCUMENT_BYTES:
                raise Unreadable(f"Line {position + 1} is larger than {MAX_DOCUMENT_BYTES:,} bytes.")
            position += 1
            if line:
                lines.append(line)
                size += len(line)
            if lines and (not line or len(lines) == LINES or size >= CHUNK_BYTES):
                yield Chunk(number, first, tuple(lines), raw.tell())
                number, first, lines, size = number + 1, position + 1, [], 0
            if not line:
                return


def _decompressed(raw: IO[bytes], compression: str) -> IO[bytes]:
    if compression == ".gz":
        return cast(IO[bytes], gzip.GzipFile(fileobj=raw))
    return bz2.BZ2File(raw) if compression == ".bz2" else raw


def _damaged(error: Exception) -> str:
    reason = (
        error.strerror if isinstance(error, OSError) and error.strerror else "its compression is damaged or cut off"
    )
    return f"The file cannot be read: {reason}."
