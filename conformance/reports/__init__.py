"""What a run found, and the forms it is written in.

https://hl7.org/fhir/R4/testreport.html
"""

from __future__ import annotations

from pathlib import Path

from conformance.reports import html, junit, testreport
from conformance.reports.report import Report

__all__ = ["Report", "write"]


def write(report: Report, folder: Path) -> None:
    """Write junit.xml, index.html and testreport.json into a folder, which is made when it is absent."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "junit.xml").write_bytes(junit.render(report))
    (folder / "index.html").write_text(html.render(report), encoding="utf-8")
    (folder / "testreport.json").write_bytes(testreport.render(report))
