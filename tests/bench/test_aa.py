"""The A/A benchmark counts false alarms, and never takes an inconclusive result for a quiet one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.aa import Alarms, controls, pairs, report

ROOT = Path(__file__).resolve().parents[2]


def test_a_lossy_control_is_a_false_alarm() -> None:
    """An inconclusive one is neither."""
    assert controls(["lossless", "lossy", "inconclusive", "lossless"]) == Alarms("controls", 4, 1, 1)


def test_a_pair_with_two_verdicts_is_a_false_alarm() -> None:
    """Two equal verdicts are none, and a pair with an unknown one says nothing."""
    verdicts = ["lossless", "lossless", "lossless", "lossy", "lossy", "lossy", "lossy", "inconclusive"]

    assert pairs(verdicts) == Alarms("unchanged pairs", 4, 1, 1)


def test_an_odd_number_of_trials_is_refused() -> None:
    """A trial without its partner would be left out silently."""
    with pytest.raises(ValueError, match="zip"):
        pairs(["lossless"] * 3)


def test_the_interval_is_that_of_the_conclusive_results() -> None:
    """0 of 200 shows at most 1.8 %, as published tables have it; nothing conclusive shows nothing."""
    text = report([controls(["lossless"] * 200 + ["inconclusive"] * 5), controls(["inconclusive"])])

    assert "| controls | 205 | 5 | 0 | 0.0% | 0.0% to 1.8% |" in text
    assert "| controls | 1 | 1 | 0 | - | - |" in text


@pytest.mark.e2e
def test_it_runs(tmp_path: Path) -> None:
    """Its shortest form has a row for controls and one for pairs."""
    document = tmp_path / "measurements.md"
    document.write_text("Before.\n<!-- bench:aa -->old<!-- /bench:aa -->\nAfter.\n", encoding="utf-8")
    argv = [sys.executable, "-m", "bench.aa", "--quick", "--doc", str(document)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    text = document.read_text(encoding="utf-8")

    assert done.returncode == 0, done.stderr
    assert "| controls | 2 |" in text
    assert "| unchanged pairs | 1 |" in text
    assert "old" not in text
    assert text.endswith("After.\n")
