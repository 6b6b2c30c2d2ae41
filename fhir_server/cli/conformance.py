"""`fhir-server conformance`: the black-box suite against any FHIR R4 server.

https://hl7.org/fhir/R4/testing.html
"""

from __future__ import annotations

from pathlib import Path

import click

from conformance import Limits, run

_LIMITS = Limits()


@click.command("conformance")
@click.option("--url", required=True, help="Base URL of the server to test, such as https://server.example/fhir.")
@click.option("--token", envvar="FHIR_TOKEN", help="Bearer token sent with every request.  [FHIR_TOKEN]")
@click.option("--report", type=click.Path(path_type=Path, file_okay=False), help="Folder for the written reports.")
@click.option("--only", multiple=True, metavar="NAME", help="A group of checks or a single one; may repeat.")
@click.option("--timeout", type=float, default=_LIMITS.answer, show_default=True, help="Seconds to wait for an answer.")
@click.option("--limit", type=float, default=_LIMITS.run, show_default=True, help="Seconds that all checks may take.")
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    url: str,
    token: str | None,
    report: Path | None,
    only: tuple[str, ...],
    timeout: float,
    limit: float,
) -> None:
    """Test a FHIR R4 server from outside and write reports.

    The target is left as it was found. Exit code: 0 no mandatory check failed, 1 one did, 2 it cannot be tested.
    """
    limits = Limits(answer=timeout, run=limit)
    context.exit(run(url=url, token=token, report=report, only=only, limits=limits))
