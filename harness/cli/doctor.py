"""``harness doctor``: show what this machine has, what it lacks, and how to get that."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from harness.errors import ExitCode
from harness.runner.doctor import CHECKS, Check, State, check_load

SIGNS = {State.OK: ("✓", "green"), State.OPTIONAL: ("-", "yellow"), State.LACKS: ("✗", "red")}


def doctor(
    load: Annotated[
        bool, typer.Option("--load", help="Also measure for 10 s what this machine can send without falling behind.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
) -> int:
    """Check this machine: limits, ports, nginx, Traefik, kind, Docker, leftover processes. Changes nothing.

    --load sends to a server on this machine, at a rate that grows until requests leave late. The result is remembered:
    `harness run` warns if an Experiment asks for more, and `--rate auto` sends 60 % of it.

    Exit code: 0 the local cluster can run, 4 something that it needs is missing.
    """
    checks = [check() for check in CHECKS]
    if load:
        checks.append(check_load())
    if as_json:
        sys.stdout.write(json.dumps([asdict(check) for check in checks]) + "\n")
    else:
        show(checks)
    lacking = any(check.state is State.LACKS for check in checks)
    return ExitCode.HARNESS_FAILED if lacking else ExitCode.AS_EXPECTED


def show(checks: list[Check]) -> None:
    """Print a line per check, and below a failed one the advice."""
    console = Console(highlight=False)
    for check in checks:
        sign, style = SIGNS[check.state]
        console.print(f"{sign} {check.what}: {check.found}", style=style, markup=False, soft_wrap=True)
        if check.hint and check.state is not State.OK:
            console.print(f"    {check.hint}", style="cyan", markup=False, soft_wrap=True)
