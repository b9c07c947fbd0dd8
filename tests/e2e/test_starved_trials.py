"""A trial that the machine starved is repeated if that was asked for, and otherwise named with the way to repeat it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command_line import PATIENCE, CommandLine, reached
from starved import code_of, is_sound

from harness.kit.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

#: Seconds that the sender stands still: more than a slot may be late before it counts as missed (0.25 s).
STANDSTILL = 1.0
#: Traffic goes on for so long that the sender still sends when it is stopped, however late that is noticed.
HOLD = {"none": {"hold": "6s"}}
#: Nothing answers for longer than the sender stands still.
NOBODY = {"selector-patch": {"service": "apple-service", "selector": {"version": "nobody"}, "hold": "5s"}}


@contextmanager
def starving(harness: CommandLine, trial: Path) -> Iterator[None]:
    """Take the processor from the sender of a trial for a moment, as a busy machine does."""
    yield
    wait_until(lambda: reached(trial, "baseline"), timeout=PATIENCE, what="the traffic")
    (pid,) = harness.titled("locust")
    os.kill(pid, signal.SIGSTOP)
    time.sleep(STANDSTILL)
    os.kill(pid, signal.SIGCONT)


def test_a_starved_trial_is_repeated_and_the_report_says_so(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """The verdict rests on the repetition; the first evidence is kept and sealed, and analyze says the same."""
    out = tmp_path / "run"
    with starving(harness, out / "trials" / "bare--none" / "1"):
        process = harness.start("run", experiment(changes=[HOLD]), "--out", out, "--retry-inconclusive", "1", "--json")
    finished = harness.finish(process)
    (cell,) = finished.json["cells"]
    verdict = json.loads((out / "verdict.json").read_bytes())
    line = verdict["environment"]["repeated trial 1"]

    assert "missed-slots" in line
    assert "repeated/bare--none/1-1" in line
    assert is_sound(cell), finished.result
    assert finished.code == code_of([cell]), finished.result
    assert (out / "repeated/bare--none/1-1/traffic/ledger-0.npy").is_file()
    assert "repeated trial 1" in (out / "index.html").read_text(encoding="utf-8")
    assert "the machine is busy: 1 trial had no processor time; repeating bare--none" in finished.err
    assert harness.run("analyze", out).code == finished.code
    kept = out / "repeated/bare--none/1-1/outcome.json"
    kept.write_text(kept.read_text() + " ")
    assert "outcome.json" in harness.run("analyze", out).err


def test_without_a_repetition_the_run_says_first_that_the_machine_is_busy(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """With the command that repeats what is missing; that runs the same cells in a new folder and says what it is."""
    out, again = tmp_path / "run", tmp_path / "again"
    with starving(harness, out / "trials" / "bare--none" / "1"):
        process = harness.start("run", experiment(changes=[HOLD]), "--out", out, env={"CI": ""})
    finished = harness.finish(process)
    (tmp_path / "experiment.yaml").unlink()

    assert finished.code == 3, finished.out
    (sentence,) = [line for line in finished.out.splitlines() if "The machine is busy" in line]
    assert sentence.endswith(f"so 1 cell of 1 could not be measured; repeat with: harness run --rerun {out}")
    assert finished.out.index(sentence) < finished.out.index("bare")
    repeated = harness.run("run", "--rerun", out, "--out", again, "--json")
    (cell,) = repeated.json["cells"]
    assert is_sound(cell), repeated.result
    assert repeated.code == code_of([cell]), repeated.result
    environment = json.loads((again / "verdict.json").read_bytes())["environment"]
    assert environment["repeats"] == f"the inconclusive cells of {out}: bare--none"
    nothing_left = harness.run("run", "--rerun", again)
    if repeated.code == 0:
        assert nothing_left.code == 2, nothing_left.result
        assert "none of its cells is inconclusive" in nothing_left.err


def test_a_trial_that_loses_is_never_repeated(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """Starved or not: what was lost is lost."""
    out = tmp_path / "run"
    arguments = ("--retry-inconclusive", "2", "--json")
    with starving(harness, out / "trials" / "bare--selector-patch" / "1"):
        process = harness.start("run", experiment(changes=[NOBODY]), "--out", out, "--parallel", "1", *arguments)
    finished = harness.finish(process)
    cells = {cell["change"]: cell for cell in finished.json["cells"]}

    assert cells["selector-patch"]["lost"] > 0
    assert not (out / "repeated" / "bare--selector-patch").exists()
