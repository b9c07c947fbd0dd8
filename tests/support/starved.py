"""Rules by which end-to-end tests accept results of a busy machine.

A trial whose sender got too little processor time proves nothing, and the harness calls it inconclusive. Tests accept
that, with three conditions. A cell that must lose requests is lossy. Any other cell loses none. It has no findings but
those named here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from command_line import NOTES, CommandLine, short

from harness.findings.expectations import ControlMissing
from harness.judging.starved import FOLLOWS as CONSEQUENCES
from harness.judging.starved import STARVED

#: Codes of findings that may follow from a starved sender. By themselves they are faults.
FOLLOWS = CONSEQUENCES | {ControlMissing.code}
#: The most measurements of a cell whose sender was starved.
MEASUREMENTS = 3

Cell = Mapping[str, Any]


def is_starved(cell: Cell, cells: Iterable[Cell] = ()) -> bool:
    """Return True if a starved sender is the only reason why a cell is inconclusive and not lossless.

    Args:
        cell: The cell, as ``--json`` prints it.
        cells: All cells of the run. A cell whose control was starved proves nothing either.
    """
    found = set(cell["findings"]) - NOTES
    if cell["verdict"] != "inconclusive" or cell["expected"] != "lossless" or cell["lost"] or found - STARVED - FOLLOWS:
        return False
    own = bool(found & STARVED)
    if own or ControlMissing.code not in found:
        return own
    return any(is_starved(each) for each in cells if _is_control(each) and _configuration(each) == _configuration(cell))


def is_sound(cell: Cell) -> bool:
    """Return True if a cell is lossless, or would be on a machine that is not busy."""
    return cell["verdict"] == "lossless" or is_starved(cell)


def code_of(cells: Iterable[Cell]) -> int:
    """Return the exit code of a run in which nothing is wrong."""
    return 3 if any(cell["verdict"] == "inconclusive" for cell in cells) else 0


def wrong_rows(harness: CommandLine, table: Path, out: Path, *words: str) -> list[str]:
    """Run an Experiment, and return a line for each cell that is not as expected.

    A cell whose sender was starved is measured again, one trial after the other. It is accepted if it was expected to
    be lossless, lost nothing and was starved each time.

    Args:
        harness: The command line.
        table: The Experiment.
        out: The run's directory. Repeated measurements get sibling directories.
        words: Further arguments.
    """
    where: list[str | Path] = ["--out", out]
    for measurement in range(1, MEASUREMENTS + 1):
        finished = harness.run("run", table, *words, *where, "--json", timeout=1500)
        cells: list[Cell] = finished.json["cells"]
        odd = [cell for cell in cells if not cell["as_expected"]]
        doubtful = [cell for cell in odd if _was_starved(cell, cells)]
        if len(doubtful) < len(odd) or not odd or measurement == MEASUREMENTS:
            break
        only = [f"--only=configuration={cell['configuration']},change={cell['change']}" for cell in doubtful]
        where = [*only, "--out", out.with_name(f"{out.name}-{measurement + 1}"), "--parallel", "1"]
    wrong = [cell for cell in odd if not is_starved(cell, cells)]
    lines = [f"{cell['configuration']} x {short(cell)}" for cell in wrong]
    if not wrong and finished.code != code_of(cells):
        lines.append(f"not exit code {code_of(cells)}: {finished.result}")
    return lines


def last_measured(out: Path) -> dict[str, tuple[dict[str, Any], Path]]:
    """Return each cell of ``verdict.json`` as it was measured last, with the run directory of that measurement.

    Args:
        out: The run's directory, as ``wrong_rows`` was given it.
    """
    found: dict[str, tuple[dict[str, Any], Path]] = {}
    again = (out.with_name(f"{out.name}-{number}") for number in range(2, MEASUREMENTS + 1))
    for run in filter(Path.exists, (out, *again)):
        for cell in json.loads((run / "verdict.json").read_text(encoding="utf-8"))["cells"]:
            found[cell["id"]] = cell, run
    return found


def trial_of(out: Path, cell: str) -> Path:
    """Return the directory of the first trial of a cell, as it was measured last."""
    found, run = last_measured(out)[cell]
    return run / str(found["trials"][0]["directory"])


def _was_starved(cell: Cell, cells: Iterable[Cell]) -> bool:
    """Return True if the machine starved the sender of a cell or of its control, whatever the result."""
    mine = [cell, *(each for each in cells if _is_control(each) and _configuration(each) == _configuration(cell))]
    return any(STARVED & set(each["findings"]) for each in mine)


def _configuration(cell: Cell) -> str:
    return str(cell["configuration"])


def _is_control(cell: Cell) -> bool:
    return bool(cell["change"] == "none")
