"""``harness doctor``: show what this machine has, what it lacks, and how to get that."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from harness.cli.json_option import AsJson, print_json
from harness.errors import ExitCode
from harness.report.outputs import CheckOutput, DoctorOutput
from harness.runner.doctor import CHECKS, Check, State, check_load

SIGNS = {State.OK: ("✓", "green"), State.OPTIONAL: ("-", "yellow"), State.LACKS: ("✗", "red")}


def doctor(
    load: Annotated[
        bool, typer.Option("--load", help="Also measure for 10 s what this machine can send without falling behind.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Check this machine: limits, ports, nginx, Traefik, kind, Docker, leftover processes. Changes nothing.

    --load sends to a server on this machine, at a rate that grows until requests leave late. The result is remembered:
    `harness run` warns if an Experiment asks for more, and `--rate auto` sends 60 % of it.

    Exit code: 0 the local cluster can run, 4 something that it needs is missing.
    """
    checks = [check() for check in CHECKS]
    if load:
        checks.append(check_load())
    lacking = any(check.state is State.LACKS for check in checks)
    code = ExitCode.HARNESS_FAILED if lacking else ExitCode.AS_EXPECTED
    if as_json:
        found = (CheckOutput(what=c.what, state=c.state.value, found=c.found, hint=c.hint) for c in checks)
        print_json(DoctorOutput(exit_code=int(code), checks=tuple(found)))
    else:
        show(checks)
    return code


def show(checks: list[Check]) -> None:
    """Print a line per check, and below a failed one the advice."""
    console = Console(highlight=False)
    for check in checks:
        sign, style = SIGNS[check.state]
        console.print(f"{sign} {check.what}: {check.found}", style=style, markup=False, soft_wrap=True)
        if check.hint and check.state is not State.OK:
            console.print(f"    {check.hint}", style="cyan", markup=False, soft_wrap=True)
