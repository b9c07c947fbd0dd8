"""End-to-end tests repeat cells that a busy machine disturbed, and no others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from command_line import CommandLine, Finished
from starved import MEASUREMENTS, is_starved, last_measured, trial_of, wrong_rows


def cell(change: str = "roll", verdict: str = "inconclusive", *findings: str, **fields: Any) -> Mapping[str, Any]:
    """Return a cell that was expected to be lossless."""
    expected = fields.get("expected", "lossless")
    made = {"configuration": "bare", "change": change, "verdict": verdict, "expected": expected, "lost": 0}
    return {**made, "as_expected": verdict == expected, "findings": list(findings), **fields}


MISSED = cell("roll", "inconclusive", "missed-slots", "sender-paused", "no-overlap")


@pytest.mark.parametrize(
    ("odd", "others", "accepted"),
    [
        (MISSED, (), True),
        ({**MISSED, "findings": ["missed-slots", "changes-apart", "never-reused"]}, (), True),
        ({**MISSED, "findings": ["changes-apart"]}, (), False),
        ({**MISSED, "lost": 1}, (), False),
        ({**MISSED, "expected": "lossy"}, (), False),
        ({**MISSED, "findings": ["missed-slots", "change-not-observed"]}, (), False),
        ({**MISSED, "findings": ["no-overlap"]}, (), False),
        ({**MISSED, "findings": ["sender-paused"]}, (), False),
        ({**MISSED, "verdict": "lossy"}, (), False),
        (cell("roll", "inconclusive", "control-missing"), (), False),
        (cell("roll", "inconclusive", "control-missing"), (cell("none", "inconclusive", "behind-schedule"),), True),
        (cell("roll", "inconclusive", "control-missing"), (cell("none", "inconclusive", "trial-failed"),), False),
    ],
)
def test_only_effects_of_a_busy_machine_are_accepted(
    odd: Mapping[str, Any], others: tuple[Mapping[str, Any], ...], *, accepted: bool
) -> None:
    """A lost request or another finding is never accepted, nor is a cell that must lose requests but lost none."""
    assert is_starved(odd, (odd, *others)) is accepted


class Runs:
    """A substitute for the command line, which returns each run's cells in turn, and the last ones forever."""

    def __init__(self, *runs: list[Mapping[str, Any]]) -> None:
        self.runs = list(runs)
        self.asked: list[str] = []

    def run(self, *words: object, timeout: float) -> Finished:
        """Return the cells of the next run."""
        assert timeout > 0
        self.asked.append(" ".join(map(str, words)))
        cells = self.runs.pop(0) if len(self.runs) > 1 else self.runs[0]
        codes = {each["verdict"] for each in cells if not each["as_expected"]}
        code = 1 if codes - {"inconclusive"} else 3 if codes else 0
        return Finished(code, json.dumps({"cells": cells}), "")


FINE = cell("roll", "lossless")
TIMEOUTS = cell("roll", "lossy", "missed-slots", "requests-lost", lost=7)
MUST_LOSE = cell("roll", "inconclusive", "missed-slots", expected="lossy")


@pytest.mark.parametrize(
    ("runs", "wrong", "measurements"),
    [
        (([FINE],), 0, 1),
        (([cell("roll", "lossy", "requests-lost", lost=7)],), 1, 1),
        (([cell("roll", "lossless", expected="lossy")],), 1, 1),
        (([MISSED], [FINE]), 0, 2),
        (([MISSED],), 0, MEASUREMENTS),
        (([TIMEOUTS], [FINE]), 0, 2),
        (([TIMEOUTS],), 1, MEASUREMENTS),
        (([MUST_LOSE],), 1, MEASUREMENTS),
        (([MISSED, cell("edit", "lossy", "requests-lost", lost=1)],), 1, 1),
    ],
)
def test_only_disturbed_rows_are_measured_again(
    runs: tuple[list[Mapping[str, Any]], ...], wrong: int, measurements: int
) -> None:
    """A loss in the last measurement counts, and a row that must lose requests has to lose some."""
    line = Runs(*runs)
    wrong_lines = wrong_rows(cast(CommandLine, line), Path("table.yaml"), Path("run"))

    assert (len(wrong_lines), len(line.asked)) == (wrong, measurements)
    assert all("--only=configuration=bare,change=roll" in asked for asked in line.asked[1:])


def test_the_last_measurement_of_each_cell_counts(tmp_path: Path) -> None:
    """A cell that was measured again has its verdict and its evidence in the later run directory."""
    for name, verdicts in (("run", {"a": "lossless", "b": "lossy"}), ("run-2", {"b": "lossless"})):
        cells = [
            {"id": cell, "verdict": verdict, "trials": [{"directory": f"trials/{cell}/1"}]}
            for cell, verdict in verdicts.items()
        ]
        (tmp_path / name).mkdir()
        (tmp_path / name / "verdict.json").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    run = tmp_path / "run"
    found = {name: (each["verdict"], where.name) for name, (each, where) in last_measured(run).items()}

    assert found == {"a": ("lossless", "run"), "b": ("lossless", "run-2")}
    assert [trial_of(run, name) for name in "ab"] == [run / "trials/a/1", tmp_path / "run-2/trials/b/1"]


@pytest.mark.parametrize(
    ("printed", "errors", "first"),
    [
        (
            {"cells": [FINE, {**MISSED, "change": "edit"}]},
            "",
            "exit 3: roll lossless lost 0 []; edit inconclusive lost 0 [missed-slots,no-overlap]",
        ),
        ({"pairs": [{"change": "edit", "outcome": "unknown"}]}, "", "exit 3: edit unknown"),
        ({"verdict": "lossy", "lost": {"tls": 1}, "findings": []}, "", "exit 3: watch lossy lost {'tls': 1} []"),
        (None, "[1/2] a\nerror: no folder x\nName one.\n", "exit 3: error: no folder x"),
        (None, "a\nb\n", "exit 3: b"),
    ],
)
def test_a_failed_test_shows_verdicts_and_findings_first(
    printed: Mapping[str, Any] | None, errors: str, first: str
) -> None:
    """The rest follows: standard error, and the findings of a run with their numbers."""
    out = "" if printed is None else json.dumps(printed)

    assert Finished(3, out, errors).result.splitlines() == [first, *errors.splitlines()]


def test_a_failed_test_shows_the_numbers_of_findings(tmp_path: Path) -> None:
    """They say why a cell is inconclusive, and only the run directory has them."""
    finding = {"code": "missed-slots", "numbers": {"count": 2}}
    stored = {"id": "bare--roll", "findings": [], "trials": [{"findings": [finding, {"code": "sender-paused"}]}]}
    (tmp_path / "verdict.json").write_text(json.dumps({"cells": [stored]}), encoding="utf-8")
    printed = json.dumps({"directory": str(tmp_path), "cells": [MISSED]})

    assert 'bare--roll: missed-slots {"count": 2}' in Finished(3, printed, "").result.splitlines()
