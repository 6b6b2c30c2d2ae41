"""Files the loader understands, and the order it takes them in."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path

import pytest

from fhir_server.cli.loading.order import in_order, rank
from fhir_server.cli.loading.sources import LINES, Source, Unreadable, find, read_chunks, read_document, source_of
from tests.paths import SYNTHEA, needs_shared


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = {".gz": gzip.compress, ".bz2": bz2.compress}.get(path.suffix, bytes)(content)
    path.write_bytes(packed)
    return path


def source(path: Path) -> Source:
    found = source_of(path)
    assert found is not None
    return found


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2"])
def test_a_document_is_read_whole_whatever_its_compression(tmp_path, suffix) -> None:
    path = write(tmp_path / f"a.json{suffix}", b'{"resourceType":"Patient"}')
    assert read_document(source(path)) == b'{"resourceType":"Patient"}'


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2"])
def test_ndjson_is_read_in_chunks_that_know_their_lines(tmp_path, suffix) -> None:
    lines = [b'{"n":%d}' % number for number in range(LINES + 3)]
    path = write(tmp_path / f"a.ndjson{suffix}", b"\n".join(lines))
    chunks = list(read_chunks(source(path)))
    assert [(chunk.number, chunk.first_line, len(chunk.lines)) for chunk in chunks] == [
        (0, 1, LINES),
        (1, LINES + 1, 3),
    ]
    assert b"".join(line for chunk in chunks for line in chunk.lines) == b"\n".join(lines)
    assert chunks[-1].read == path.stat().st_size


def test_an_empty_ndjson_file_has_no_chunk(tmp_path) -> None:
    assert list(read_chunks(source(write(tmp_path / "a.ndjson", b"")))) == []


@pytest.mark.parametrize("suffix", [".gz", ".bz2"])
def test_a_damaged_or_cut_file_is_unreadable_not_a_crash(tmp_path, suffix) -> None:
    path = write(tmp_path / f"a.json{suffix}", b'{"resourceType":"Patient"}' * 1000)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(Unreadable, match="damaged or cut off"):
        read_document(source(path))
    lines = path.rename(tmp_path / f"b.ndjson{suffix}")
    with pytest.raises(Unreadable, match="damaged or cut off"):
        list(read_chunks(source(lines)))


def test_a_folder_stands_for_its_files_by_name_and_the_others_are_named(tmp_path) -> None:
    for name in ("b.json", "a.ndjson.gz", "sub/c.jsonl", "notes.txt", "d.json.zip"):
        write(tmp_path / name, b"")
    sources, others = find([tmp_path, tmp_path / "b.json"])
    assert [item.path.name for item in sources] == ["a.ndjson.gz", "b.json", "c.jsonl"]
    assert [item.name for item in others] == ["d.json.zip", "notes.txt"]


def test_the_digest_is_that_of_the_content_not_of_the_name(tmp_path) -> None:
    one, two = write(tmp_path / "1.json", b"{}"), write(tmp_path / "2.json", b"{}")
    other = write(tmp_path / "3.json", b"{ }")
    assert source(one).digest() == source(two).digest() != source(other).digest()


def test_bulk_data_files_are_ordered_by_the_type_in_their_name(tmp_path) -> None:
    names = ["Provenance.ndjson", "Observation.000.ndjson", "Patient.ndjson.gz", "1.Organization.ndjson"]
    sources, _ = find([write(tmp_path / name, b"") for name in names])
    ordered = [item.path.name for group in in_order(sources) for item in group]
    assert ordered == ["1.Organization.ndjson", "Patient.ndjson.gz", "Observation.000.ndjson", "Provenance.ndjson"]


def test_a_file_without_a_telling_name_is_ordered_by_its_first_resource(tmp_path) -> None:
    bundle = b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"%s"}}]}'
    practitioner = source(write(tmp_path / "a.json.gz", bundle % b"Practitioner"))
    patient = source(write(tmp_path / "b.json", bundle % b"Patient"))
    claim = source(write(tmp_path / "c.json", b'{"resourceType": "Claim"}'))
    unknown = source(write(tmp_path / "d.json", b"nothing"))
    assert rank(practitioner) < rank(patient) < rank(unknown) < rank(claim)


def test_files_of_one_rank_keep_the_given_order(tmp_path) -> None:
    paths = [write(tmp_path / f"{number}.Patient.ndjson", b"") for number in (3, 1, 2)]
    sources, _ = find(paths)
    assert [[item.path.name[0] for item in group] for group in in_order(sources)] == [["3", "1", "2"]]


@needs_shared
def test_synthea_is_loaded_hospitals_first_then_practitioners_then_patients() -> None:
    sources, _ = find([SYNTHEA])
    groups = in_order(reversed(sources))
    assert [len(group) for group in groups] == [1, 1, 60]
    assert "hospital" in groups[0][0].path.name
    assert "practitioner" in groups[1][0].path.name
