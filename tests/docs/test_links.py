"""Every relative link and every module that the documentation names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.paths import ROOT

DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
_LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
_MODULE = re.compile(
    r"`((?:rest|storage|mappings|validation|fhirpath|formats|definitions|resources|cli)/[a-z_/]+(?:\.py)?)`"
)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    targets = _LINK.findall(document.read_text(encoding="utf-8"))
    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_modules_of_the_code_map_exist() -> None:
    text = (ROOT / "docs/explanation/code-map.md").read_text(encoding="utf-8")
    named = {name.removesuffix(".py") for name in _MODULE.findall(text)}
    missing = [
        name
        for name in named
        if not (ROOT / "fhir_server" / f"{name}.py").exists() and not (ROOT / "fhir_server" / name).is_dir()
    ]
    assert len(named) > 10
    assert missing == []
