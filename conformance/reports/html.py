"""The report as one HTML page that needs nothing else: no script, no font, no image from anywhere.

https://html.spec.whatwg.org/
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from conformance.check import Outcome, Result
from conformance.reports.report import Report

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --pass: #1a7f37; --warn: #9a6700; --fail: #cf222e; --skip: #6e7781; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; width: 100%; }
td, th { border-bottom: 1px solid var(--line); padding: .35rem .5rem; text-align: left; vertical-align: top; }
td:first-child { width: 4rem; } td:nth-child(2) { width: 4.5rem; }
.pass { color: var(--pass); } .warn { color: var(--warn); } .fail { color: var(--fail); } .skip { color: var(--skip); }
.outcome { font-weight: 600; } .id, .why { font-size: .9em; } .id { opacity: .75; }
pre { border: 1px solid var(--line); max-height: 24rem; overflow: auto; padding: .5rem; font-size: .8rem;
  white-space: pre-wrap; overflow-wrap: anywhere; }
dt { font-weight: 600; } dd { margin: 0 0 .4rem; overflow-wrap: anywhere; }
"""


def render(report: Report) -> str:
    """Return the page."""
    return "\n".join(_page(report))


def _page(report: Report) -> Iterator[str]:
    title = f"FHIR R4 conformance of {escape(report.url)}"
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    yield f"<title>{title}</title><style>{_STYLE}</style></head><body>"
    yield f"<h1>{title}</h1>"
    yield from _facts(report)
    yield from _overview(report)
    for name, results in report.groups():
        yield f'<h2 id="{escape(name)}">{escape(name)}</h2><table>'
        for result in results:
            yield from _row(result)
        yield "</table>"
    yield "</body></html>"


def _facts(report: Report) -> Iterator[str]:
    seconds = (report.finished - report.started).total_seconds()
    facts = {
        "Result": report.summary + (" (interrupted)" if report.interrupted else ""),
        "Server": report.server or "gives no name",
        "Run": f"{report.run_id}, {report.started:%Y-%m-%d %H:%M:%S} UTC, {seconds:.1f} s",
        "Left on the server": "nothing" if not report.leftovers else "; ".join(map(str, report.leftovers)),
    }
    yield "<dl>"
    for name, value in facts.items():
        yield f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
    yield "</dl>"
    yield "<p>Only a SHALL can fail. A broken SHOULD or MAY is a warning. A skipped check says why.</p>"


def _overview(report: Report) -> Iterator[str]:
    yield "<table><tr><th>Group</th>"
    yield from (f"<th>{outcome.value}</th>" for outcome in Outcome)
    yield "</tr>"
    for name, results in report.groups():
        yield f'<tr><td><a href="#{escape(name)}">{escape(name)}</a></td>'
        for outcome in Outcome:
            number = sum(result.outcome is outcome for result in results)
            yield f'<td class="{outcome.value if number else ""}">{number or ""}</td>'
        yield "</tr>"
    yield "</table>"


def _row(result: Result) -> Iterator[str]:
    check, outcome = result.check, result.outcome.value
    yield f'<tr><td class="outcome {outcome}">{outcome}</td><td>{check.level.value}</td><td>'
    yield f'{escape(check.title)} (<a href="{escape(check.url)}">specification</a>)'
    yield f'<div class="id">{escape(check.id)}</div>'
    for message in result.messages:
        yield f'<div class="why {outcome}">{escape(message)}</div>'
    if result.exchanges:
        shown, number = result.evidence, len(result.exchanges)
        rest = f", {len(shown)} shown" if len(shown) < number else ""
        yield f"<details><summary>{number} exchanges{rest}</summary>"
        yield from (f"<pre>{escape(str(exchange))}</pre>" for exchange in shown)
        yield "</details>"
    yield "</td></tr>"
