"""What a machine without processor time to spare does to verdicts, and how the end-to-end tests live with it.

A trial whose sender was starved proves nothing, and the harness says so: inconclusive. On such a machine a test can't
ask for more. It asks for no less either: what must lose has to be lossy, starved or not, and nothing but the findings
named here, with not one request lost, stands between any other cell and lossless.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from command_line import CommandLine

from harness.findings.expectations import ControlMissing
from harness.findings.registry import TYPES, WEIGHTS
from harness.judging.starved import FOLLOWS as CONSEQUENCES
from harness.judging.starved import STARVED
from harness.model.verdict import Weight

#: What may follow from a starved sender, and is no excuse by itself.
FOLLOWS = CONSEQUENCES | {ControlMissing.code}
#: How often what is starved is measured at most.
GOES = 3
NOTES = {code for code in TYPES if WEIGHTS[code] is Weight.NOTE}

Cell = Mapping[str, Any]


def is_starved(cell: Cell, cells: Iterable[Cell] = ()) -> bool:
    """Whether a cell lost nothing, was to be lossless, and only a starved machine keeps it from being that.

    Args:
        cell: As ``--json`` has it.
        cells: All of the run; a cell is as little measured as its control.
    """
    found = set(cell["findings"]) - NOTES
    if cell["verdict"] != "inconclusive" or cell["expected"] != "lossless" or cell["lost"] or found - STARVED - FOLLOWS:
        return False
    own = bool(found & STARVED)
    if own or ControlMissing.code not in found:
        return own
    return any(is_starved(each) for each in cells if _is_control(each) and _configuration(each) == _configuration(cell))


def is_sound(cell: Cell) -> bool:
    """Whether a cell is lossless, or would be but for a starved machine."""
    return cell["verdict"] == "lossless" or is_starved(cell)


def code_of(cells: Iterable[Cell]) -> int:
    """The exit code of a run in which nothing is wrong."""
    return 3 if any(cell["verdict"] == "inconclusive" for cell in cells) else 0


def wrong_rows(harness: CommandLine, table: Path, out: Path, *words: str) -> list[str]:
    """Run an Experiment; each cell that is not as it must be, in words.

    A cell whose sender the machine starved is measured again, one trial after the other. What was to be lossless, loses
    nothing and is starved each time is not wrong: on this machine nothing more can be known.

    Args:
        harness: The command line.
        table: The Experiment.
        out: The run's directory; what is measured again is beside it.
        words: Further arguments.
    """
    where: list[str | Path] = ["--out", out]
    for goes in range(1, GOES + 1):
        finished = harness.run("run", table, *words, *where, "--json", timeout=1500)
        cells: list[Cell] = finished.json["cells"]
        odd = [cell for cell in cells if not cell["as_expected"]]
        doubtful = [cell for cell in odd if _had_no_time(cell, cells)]
        if len(doubtful) < len(odd) or not odd or goes == GOES:
            break
        only = [f"--only=configuration={cell['configuration']},change={cell['change']}" for cell in doubtful]
        where = [*only, "--out", out.with_name(f"{out.name}-{goes + 1}"), "--parallel", "1"]
    wrong = [cell for cell in odd if not is_starved(cell, cells)]
    told = [f"{_name(cell)}: {cell['verdict']}, lost {cell['lost']}, {cell['findings']}" for cell in wrong]
    if not wrong and finished.code != code_of(cells):
        told.append(f"exit code {finished.code} and not {code_of(cells)}: {finished.err}")
    return told


def _had_no_time(cell: Cell, cells: Iterable[Cell]) -> bool:
    """Whether the machine starved the sender of a cell, or of its control, whatever came of it."""
    mine = [cell, *(each for each in cells if _is_control(each) and _configuration(each) == _configuration(cell))]
    return any(STARVED & set(each["findings"]) for each in mine)


def _name(cell: Cell) -> str:
    return f"{cell['configuration']} x {cell['change']}"


def _configuration(cell: Cell) -> str:
    return str(cell["configuration"])


def _is_control(cell: Cell) -> bool:
    return bool(cell["change"] == "none")
