"""Where test data that is not part of the project lies, and the reason to skip when it is absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("FHIR_TEST_SHARED", ROOT.parent / "shared"))
CASES = SHARED / "data" / "cases"
SYNTHEA = SHARED / "data" / "synthea"
R4_PACKAGE = Path(os.environ.get("FHIR_TEST_R4_PACKAGE", ROOT / ".cache" / "r4" / "package"))

needs_shared = pytest.mark.skipif(not CASES.is_dir(), reason="third-party cases (../shared) are not beside the project")
needs_r4_package = pytest.mark.skipif(
    not R4_PACKAGE.is_dir(), reason="the official R4 package is absent; `make test` fetches it where npm is installed"
)
