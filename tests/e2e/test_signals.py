"""Ctrl-C, SIGTERM and SIGKILL at the worst moments leave no process and readable evidence."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import PATIENCE, CommandLine, reached

from harness.kit.waiting import wait_until
from harness.store.ledger import read_ledger

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}


def wait_for(moment: str, command: CommandLine, trial: Path) -> None:
    """Wait for a moment of the run, and make the drain last: a stopped nginx answers nothing."""
    if moment == "bring-up":
        wait_until((trial / "cluster").exists, timeout=PATIENCE, what="the cluster's folder")
        return
    wait_until(lambda: reached(trial, "change"), timeout=PATIENCE, what="the change")
    if moment == "drain":
        for pid, line in command.processes().items():
            if line.startswith("nginx:") or "/nginx" in line.split(" ")[0]:
                os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: reached(trial, "drain"), timeout=PATIENCE, what="the drain")


@pytest.mark.parametrize("number", CODES, ids=lambda n: n.name)
@pytest.mark.parametrize("moment", ["bring-up", "change", "drain"])
def test_a_stopped_run_leaves_no_process_and_readable_evidence(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path, moment: str, number: signal.Signals
) -> None:
    """At each moment and for each signal, the exit code is right, no process runs, and every attempt is readable."""
    # So many rollouts that the change is not over before the signal, however late that comes.
    rollouts = {"deployment": "apple", "set": {"args": ["-text=x-{time}"]}, "times": 50}
    change = "none" if moment == "drain" else {"rolling-update": rollouts}
    path = experiment(changes=[change])
    out = tmp_path / "run"
    cell = "bare--none" if moment == "drain" else "bare--rolling-update"
    process = harness.start("run", path, "--out", out, "--only", f"change={cell.partition('--')[2]}", "--parallel", "2")
    wait_for(moment, harness, out / "trials" / cell / "1")
    process.send_signal(number)
    finished = harness.finish(process)

    assert finished.code == CODES[number], finished.result
    harness.wait_for_none()
    assert "Traceback" not in finished.err
    if moment != "bring-up":
        assert len(read_ledger(out / "trials" / cell / "1" / "traffic" / "ledger-0.npy")) > 0
    if number == signal.SIGKILL:
        assert harness.run("analyze", out).code == 2
        assert harness.run("analyze", out, "--unsealed").code == 3
    else:
        assert harness.run("analyze", out).code == 3
