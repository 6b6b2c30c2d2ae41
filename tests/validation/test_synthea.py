"""Records as hospitals send them: https://synthetichealth.github.io/synthea/."""

from __future__ import annotations

import bz2

import pytest

from fhir_server.definitions import load
from fhir_server.formats import json
from fhir_server.validation import Validator
from tests.paths import SYNTHEA, needs_shared

FILES = sorted(SYNTHEA.glob("*.bz2"))
VALIDATOR = Validator(load())


@needs_shared
def test_all_files_are_there() -> None:
    assert len(FILES) == 62


@needs_shared
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name[:12])
def test_a_synthea_bundle_has_no_issue(path) -> None:  # type: ignore[no-untyped-def]
    assert not VALIDATOR.validate(json.decode(bz2.decompress(path.read_bytes())))
