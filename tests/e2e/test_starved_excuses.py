"""What the end-to-end tests forgive a starved machine, and what they never do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from command_line import CommandLine, Finished
from starved import GOES, is_starved, wrong_rows


def cell(change: str = "roll", verdict: str = "inconclusive", *findings: str, **fields: Any) -> Mapping[str, Any]:
    """A cell that was to be lossless."""
    expected = fields.get("expected", "lossless")
    made = {"configuration": "bare", "change": change, "verdict": verdict, "expected": expected, "lost": 0}
    return {**made, "as_expected": verdict == expected, "findings": list(findings), **fields}


MISSED = cell("roll", "inconclusive", "missed-slots", "sender-paused", "no-overlap")


@pytest.mark.parametrize(
    ("odd", "beside", "excused"),
    [
        (MISSED, (), True),
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
def test_only_want_of_time_is_an_excuse(
    odd: Mapping[str, Any], beside: tuple[Mapping[str, Any], ...], *, excused: bool
) -> None:
    """No loss, nothing else that was found, and not for what must lose."""
    assert is_starved(odd, (odd, *beside)) is excused


class Runs:
    """In place of the command line: gives each run's cells in turn, the last ones for ever."""

    def __init__(self, *runs: list[Mapping[str, Any]]) -> None:
        self.runs = list(runs)
        self.asked: list[str] = []

    def run(self, *words: object, timeout: float) -> Finished:
        """A run."""
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
    ("runs", "wrong", "goes"),
    [
        (([FINE],), 0, 1),
        (([cell("roll", "lossy", "requests-lost", lost=7)],), 1, 1),
        (([cell("roll", "lossless", expected="lossy")],), 1, 1),
        (([MISSED], [FINE]), 0, 2),
        (([MISSED],), 0, GOES),
        (([TIMEOUTS], [FINE]), 0, 2),
        (([TIMEOUTS],), 1, GOES),
        (([MUST_LOSE],), 1, GOES),
        (([MISSED, cell("edit", "lossy", "requests-lost", lost=1)],), 1, 1),
    ],
)
def test_a_row_is_measured_again_where_it_was_starved_and_nowhere_else(
    runs: tuple[list[Mapping[str, Any]], ...], wrong: int, goes: int
) -> None:
    """In the end a loss is a loss, and what must lose has to."""
    line = Runs(*runs)
    told = wrong_rows(cast(CommandLine, line), Path("table.yaml"), Path("run"))

    assert (len(told), len(line.asked)) == (wrong, goes)
    assert all("--only=configuration=bare,change=roll" in asked for asked in line.asked[1:])
