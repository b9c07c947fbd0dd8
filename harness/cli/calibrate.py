"""``harness calibrate``: cause known faults, and prove that the detector reports exactly those."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from harness.analysis.evidence import Calibration, CalibrationCase
from harness.cli.json_option import AsJson, print_json
from harness.cli.option_values import words_of
from harness.errors import ExitCode, InvalidInputError, Problem
from harness.findings.instrument import CalibrationNotExact
from harness.report.faults import FAULTS
from harness.report.outputs import CalibrateOutput, FaultOutput, FaultsOutput, KnownFaultOutput, ServedOutput
from harness.runner.calibrate import calibrate as prove
from harness.store.rundir import RunDirectory
from harness.traffic.calibration.cases import FaultCase, chosen
from harness.wording import count


def calibrate(
    faults: Annotated[
        str, typer.Option(metavar="all|NAME,NAME", help="Faults to cause; --list shows their names.")
    ] = "all",
    number: Annotated[
        int,
        typer.Option(
            "--count",
            metavar="N",
            min=1,
            max=10_000,
            help="Requests per fault, for each method on each kind of connection.",
        ),
    ] = 2,
    tls: Annotated[bool, typer.Option("--tls", help="Use TLS, and cause TLS faults too.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="Describe each fault and send nothing.")] = False,
    as_json: AsJson = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to create for the ledger of all attempts.", show_default="not kept"),
    ] = None,
) -> int:
    """Prove that the detector reports every known fault exactly: none hidden, none invented, none misnamed.

    A server on this machine causes known faults. It closes (FIN) or resets (RST) connections before, during and after
    an answer. It refuses connections, never answers, or lets its accept queue fill up. It answers 5xx, a wrong body,
    half a header or garbage. It closes idle connections. Some of its answers are valid but unusual (chunks, single
    bytes, interim answers, HTTP/1.0 …) and must not be counted as lost.

    The client that sends the traffic of every run meets each of these faults and answers --count times, by each method
    and on each kind of connection that can have it. Its ledger must show exactly that many attempts of the expected
    outcome. The server must have received each request once, or never if the fault keeps requests from reaching it.

    A short form of this runs before every trial and every watch.

    Exit code: 0 exact, 2 invalid input, 3 not exact, 4 the calibration could not run.

    [bold]Examples[/bold]

      harness calibrate

      harness calibrate --list

      harness calibrate --faults fin-before,rst-before --count 1000 --json
    """
    cases = _cases(faults, tls=tls)
    if list_:
        _show_list(cases, as_json=as_json)
        return ExitCode.AS_EXPECTED
    with ExitStack() as stack:
        folder = (
            Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="harness-calibrate-")))
            if out is None
            else RunDirectory.create(out, "calibration").path
        )
        names = () if faults == "all" else tuple(case.name for case in cases)
        found = prove(folder, names=names, times=number, tls=tls)
    wrong = [finding.sentence().text for finding in CalibrationNotExact.of(found)]
    show(found, wrong, as_json=as_json)
    return ExitCode.INCONCLUSIVE if wrong else ExitCode.AS_EXPECTED


def _cases(words: str, *, tls: bool) -> tuple[FaultCase, ...]:
    known = {case.name: case for case in chosen((), tls=tls)}
    if words == "all":
        return tuple(known.values())
    problems: list[Problem] = []
    names = words_of(words, "--faults", known, problems)
    if problems:
        raise InvalidInputError([Problem(p.message, hint="see harness calibrate --list, and --tls") for p in problems])
    return tuple(known[name] for name in names)


def _show_list(cases: Sequence[FaultCase], *, as_json: bool) -> None:
    if as_json:
        known = (
            KnownFaultOutput(fault=case.name, expected=case.expected.label, description=FAULTS.get(case.name, ""))
            for case in cases
        )
        print_json(FaultsOutput(faults=tuple(known)))
        return
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for head in ("fault", "expected", "what the server does"):
        table.add_column(head, no_wrap=head != "what the server does")
    for case in cases:
        table.add_row(case.name, case.expected.label, FAULTS.get(case.name, ""))
    Console(highlight=False).print(table)


def show(found: Calibration, wrong: Sequence[str], *, as_json: bool) -> None:
    """Print the table and the result. With ``--json``, print one object on stdout and the rest on stderr."""
    console = Console(stderr=as_json, highlight=False)
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for head in ("fault", "expected", "done", "reported", "exact"):
        table.add_column(head, justify="right" if head == "done" else "left")
    for case in found.cases:
        exact = "yes" if case.is_exact else "[bold red]no[/bold red]"
        table.add_row(case.name, case.expected, count(case.planned), _reported(case), exact)
    console.print(table)
    for text in wrong:
        console.print(f"• {text}", style="red", markup=False)
    total = sum(case.planned for case in found.cases)
    if wrong:
        console.print("✗ not exact: results of this client on this machine can't be trusted", style="bold red")
    else:
        done = f"{count(total)} requests met {len(found.cases)} kinds of answers and faults"
        console.print(f"✓ exact: {done}; each was reported correctly and sent once", style="bold green")
    if as_json:
        print_json(as_output(found, wrong))


def _reported(case: CalibrationCase) -> str:
    if set(case.found) == {case.expected}:
        return count(case.found[case.expected])
    return ", ".join(f"{label} {count(n)}" for label, n in case.found.items()) or "nothing"


def as_output(found: Calibration, wrong: Sequence[str]) -> CalibrateOutput:
    """Return the result as a JSON object, for scripts."""
    return CalibrateOutput(
        exact=not wrong,
        faults=tuple(
            FaultOutput(
                fault=case.name,
                expected=case.expected,
                done=case.planned,
                reported=dict(case.found),
                exact=case.is_exact,
            )
            for case in found.cases
        ),
        served={name: ServedOutput(sent=sent, served=served) for name, (sent, served) in found.served.items()},
        duplicates=found.duplicates,
        client_faults=tuple(found.faults),
        wrong=tuple(wrong),
    )
