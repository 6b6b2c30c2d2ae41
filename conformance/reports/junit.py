"""The report as JUnit XML, for continuous integration; warnings pass and are told in system-out.

https://github.com/testmoapp/junitxml
"""

from __future__ import annotations

import re

from lxml import etree

from conformance.check import Outcome, Result
from conformance.reports.report import Report

_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report) -> bytes:
    """Return the XML document."""
    root = etree.Element("testsuites", name=f"FHIR R4 conformance of {report.url}")
    _count(root, report.results)
    for name, results in report.groups():
        suite = etree.SubElement(root, "testsuite", name=name, timestamp=report.started.isoformat(timespec="seconds"))
        _count(suite, results)
        for result in results:
            _case(suite, result)
    if report.leftovers:
        suite = etree.SubElement(root, "testsuite", name="cleanup", tests="1", failures="0", skipped="0")
        case = etree.SubElement(suite, "testcase", classname="cleanup", name="leftovers")
        text = "\n".join(["could not be removed:", *map(str, report.leftovers)])
        etree.SubElement(case, "system-out").text = _clean(text)
    return etree.tostring(root, xml_declaration=True, encoding="utf-8", pretty_print=True)


def _case(suite: etree._Element, result: Result) -> None:
    check = result.check
    case = etree.SubElement(
        suite, "testcase", classname=f"conformance.{result.group}", name=check.id, time=f"{result.seconds:.3f}"
    )
    text = _clean("\n".join(result.messages))
    if result.outcome is Outcome.SKIP:
        etree.SubElement(case, "skipped", message=text)
    elif result.outcome is Outcome.FAIL:
        failure = etree.SubElement(case, "failure", message=text, type=check.level.value)
        failure.text = _clean("\n\n".join([check.title, check.url, *map(str, result.evidence)]))
    elif result.outcome is Outcome.WARN:
        etree.SubElement(case, "system-out").text = f"warning ({check.level.value}): {check.title}\n{check.url}\n{text}"


def _count(element: etree._Element, results: list[Result] | tuple[Result, ...]) -> None:
    element.set("tests", str(len(results)))
    element.set("failures", str(sum(result.outcome is Outcome.FAIL for result in results)))
    element.set("skipped", str(sum(result.outcome is Outcome.SKIP for result in results)))
    element.set("time", f"{sum(result.seconds for result in results):.3f}")


def _clean(text: str) -> str:
    """Replace what XML cannot hold."""
    return _NOT_XML.sub("\ufffd", text)
