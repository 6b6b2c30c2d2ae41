"""`fhir-server load`: what goes in, what is refused and why, what happens on a second run."""

from __future__ import annotations

import pytest

from fhir_server.cli.loading.sources import LINES
from tests.cli.records import (
    NPI,
    bundle,
    chart,
    create,
    load,
    observation,
    patient,
    practitioner,
    read,
    report,
    stored,
    write,
)
from tests.stores import store_url, templates

__all__ = ["store_url", "templates"]


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2"])
def test_resources_lines_and_bundles_are_loaded_whatever_their_compression(store_url, tmp_path, suffix) -> None:
    write(tmp_path / f"one.json{suffix}", patient(id="one"))
    write(tmp_path / f"lines.ndjson{suffix}", [patient(id="two"), patient(id="three")])
    write(tmp_path / f"found.json{suffix}", bundle("searchset", {"resource": patient(id="four")}))
    write(tmp_path / f"chart.json{suffix}", chart(5, 2))
    result = load(store_url, tmp_path)
    assert result.exit_code == 0, result.output
    assert stored(store_url, "Patient", "Observation") == {"Patient": 5, "Observation": 2}
    for name in ("one", "two", "three", "four"):
        assert read(store_url, "Patient", name)[0] == 1


def test_digits_are_kept(store_url, tmp_path) -> None:
    height = (
        '{"resourceType":"Observation","id":"h","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.00}}'
    )
    write(tmp_path / "Observation.ndjson", [height])
    assert load(store_url, tmp_path).exit_code == 0
    from tests.stores import EVERYONE, open_store

    store = open_store(store_url)
    version = store.read(EVERYONE, "Observation", "h")
    store.database.close()
    assert version is not None
    assert '"value":1.00' in version.content


def test_a_bad_line_does_not_keep_out_the_others_and_is_reported_with_its_place(store_url, tmp_path) -> None:
    lines = [patient(id=f"p{number}") for number in range(LINES + 5)]
    lines[3] = patient(id="p3", gender="banana")
    lines[LINES] = "{broken"  # type: ignore[assignment]
    path = write(tmp_path / "Patient.ndjson", lines)
    result = load(store_url, path, "--report", tmp_path / "report.jsonl")
    assert result.exit_code == 1
    assert stored(store_url, "Patient")["Patient"] == LINES + 3
    refusals, summary = report(tmp_path / "report.jsonl")
    assert [(line["place"], line["code"]) for line in refusals] == [
        ("line 4", "code-invalid"),
        (f"line {LINES + 1}", "structure"),
    ]
    assert refusals[0]["file"] == str(path)
    assert refusals[0]["expression"] == "Patient.gender"
    assert refusals[0]["status"] == 422
    assert summary["found"] == {"Patient": LINES + 4}
    assert summary["created"] == {"Patient": LINES + 3}
    assert summary["refusals"] == 2
    assert summary["complete"]
    assert "2 refusals, by reason:" in result.output


def test_a_refused_transaction_stores_nothing_and_names_the_entry(store_url, tmp_path) -> None:
    document = chart(1, 3)
    document["entry"][2]["resource"]["status"] = "banana"
    write(tmp_path / "chart.json", document)
    assert load(store_url, tmp_path, "--report", tmp_path / "report").exit_code == 1
    assert stored(store_url, "Patient", "Observation").total() == 0
    (refusal,), summary = report(tmp_path / "report")
    assert refusal["place"] == "Bundle.entry[2]"
    assert refusal["expression"] == "Observation.status"
    assert summary["found"] == {"Observation": 3, "Patient": 1}
    assert summary["created"] == {}


def test_a_bad_entry_of_a_batch_does_not_keep_out_the_others(store_url, tmp_path) -> None:
    entries = [create(patient(gender=gender)) for gender in ("male", "banana", "female")]
    write(tmp_path / "batch.json", bundle("batch", *entries))
    assert load(store_url, tmp_path, "--report", tmp_path / "report").exit_code == 1
    assert stored(store_url, "Patient")["Patient"] == 2
    (refusal,), _ = report(tmp_path / "report")
    assert refusal["place"] == "Bundle.entry[1]"


def test_refusals_hold_no_values_of_the_record(store_url, tmp_path) -> None:
    secret = patient(name=[{"family": "Meier", "given": 7}], birthDate="1970-02-30", gender="xyzzy")
    write(tmp_path / "a.json", secret)
    result = load(store_url, tmp_path, "--report", tmp_path / "report")
    assert result.exit_code == 1
    text = result.output + (tmp_path / "report").read_text(encoding="utf-8")
    assert "Meier" not in text


def test_files_that_cannot_be_read_are_refused_and_the_others_loaded(store_url, tmp_path) -> None:
    write(tmp_path / "good.json", patient(id="good"))
    (tmp_path / "cut.json.gz").write_bytes(b"\x1f\x8b\x08\x00")
    (tmp_path / "cut.ndjson.bz2").write_bytes(b"BZh9")
    (tmp_path / "half.json").write_text('{"resourceType"', encoding="utf-8")
    (tmp_path / "list.json").write_text("[]", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    result = load(store_url, tmp_path, "--report", tmp_path / "report")
    assert result.exit_code == 1
    refusals, _ = report(tmp_path / "report")
    assert sorted(line["file"].rpartition("/")[2] for line in refusals) == [
        "cut.json.gz",
        "cut.ndjson.bz2",
        "half.json",
        "list.json",
    ]
    assert {line["code"] for line in refusals} == {"structure"}
    assert stored(store_url, "Patient")["Patient"] == 1
    assert "notes.txt" in result.output


def test_a_second_run_skips_what_is_stored(store_url, tmp_path) -> None:
    write(tmp_path / "one.json", patient(id="one"))
    write(tmp_path / "lines.ndjson", [patient() for _ in range(3)])
    write(tmp_path / "chart.json", chart(1, 2))
    assert load(store_url, tmp_path).exit_code == 0
    result = load(store_url, tmp_path)
    assert result.exit_code == 0
    assert "3 files, 3 of them loaded before and skipped; 0 resources stored" in result.output
    assert stored(store_url, "Patient", "Observation") == {"Patient": 5, "Observation": 2}
    assert read(store_url, "Patient", "one")[0] == 1


def test_a_second_run_tries_again_what_was_refused_and_nothing_else(store_url, tmp_path) -> None:
    lines = [patient(id="a"), observation("Patient/late", id="o"), patient(id="b", gender="banana")]
    path = write(tmp_path / "lines.ndjson", lines)
    assert load(store_url, path).exit_code == 1
    assert load(store_url, write(tmp_path / "late.json", patient(id="late"))).exit_code == 0
    result = load(store_url, path, "--report", tmp_path / "report")
    assert result.exit_code == 1
    refusals, summary = report(tmp_path / "report")
    assert [line["place"] for line in refusals] == ["line 3"]
    assert summary["created"] == {"Observation": 1}
    assert read(store_url, "Patient", "a")[0] == 1


def test_loading_again_on_purpose_duplicates_no_provider(store_url, tmp_path) -> None:
    write(tmp_path / "practitioners.json", bundle("batch", practitioner("1"), practitioner("2"), practitioner("1")))
    assert load(store_url, tmp_path).exit_code == 0
    result = load(store_url, tmp_path, "--again", "--report", tmp_path / "report")
    assert result.exit_code == 0, result.output
    assert stored(store_url, "Practitioner")["Practitioner"] == 2
    assert report(tmp_path / "report")[1]["already_there"] == {"Practitioner": 3}


def test_a_file_that_comes_before_the_one_it_refers_to_is_loaded_in_the_end(store_url, tmp_path) -> None:
    write(tmp_path / "1.json.bz2", chart(1, 2, npi="7"))  # of a bz2 file only the name is looked at
    write(tmp_path / "2.json.bz2", bundle("batch", practitioner("7")))
    write(tmp_path / "3.ndjson.bz2", [observation("Patient/p", id="o")])
    write(tmp_path / "4.ndjson.bz2", [patient(id="p")])
    result = load(store_url, tmp_path, "--report", tmp_path / "report")
    assert result.exit_code == 0, result.output
    assert stored(store_url, "Observation", "Patient") == {"Observation": 3, "Patient": 2}
    refusals, summary = report(tmp_path / "report")
    assert refusals == []
    assert summary["found"] == summary["created"] == {"Observation": 3, "Patient": 2, "Practitioner": 1}


def test_a_target_that_never_comes_is_refused_with_advice(store_url, tmp_path) -> None:
    write(tmp_path / "a.json", observation("Patient/nobody"))
    write(tmp_path / "b.json", chart(1, 1, npi="404"))
    result = load(store_url, tmp_path)
    assert result.exit_code == 1
    assert "--referential-integrity relaxed" in result.output
    assert stored(store_url, "Observation")["Observation"] == 0
    result = load(store_url, tmp_path / "a.json", "--referential-integrity", "relaxed")
    assert result.exit_code == 0, result.output
    assert stored(store_url, "Observation")["Observation"] == 1


def test_an_unknown_kind_of_bundle_is_refused_with_its_reason(store_url, tmp_path) -> None:
    write(tmp_path / "a.json", bundle("history"))
    result = load(store_url, tmp_path)
    assert result.exit_code == 1
    assert "Only Bundles of type" in result.output


def test_what_is_loaded_is_found_by_its_identifier(store_url, tmp_path) -> None:
    write(tmp_path / "a.json", bundle("transaction", practitioner("9")))
    assert load(store_url, tmp_path).exit_code == 0
    from fhir_server.storage.model import SearchRequest
    from tests.stores import EVERYONE, open_store

    store = open_store(store_url)
    page = store.search(EVERYONE, SearchRequest("Practitioner", (("identifier", f"{NPI}|9"),)))
    store.database.close()
    assert len(page.rows) == 1


@pytest.mark.parametrize("arguments", [[], ["/nowhere/at/all.json"]])
def test_nothing_to_load_is_a_usage_error(store_url, arguments) -> None:
    assert load(store_url, *arguments).exit_code == 2


def test_a_postgresql_that_is_behind_is_refused_unless_it_is_migrated(tmp_path, postgres_admin_url) -> None:
    from tests.conftest import create_database, drop_database

    url = create_database(postgres_admin_url)
    path = write(tmp_path / "a.json", patient(id="a"))
    try:
        result = load(url, path)
        assert result.exit_code == 1
        assert "fhir-server migrate" in result.output
        assert load(url, path, "--migrate").exit_code == 0
        assert stored(url, "Patient")["Patient"] == 1
    finally:
        drop_database(postgres_admin_url, url)
