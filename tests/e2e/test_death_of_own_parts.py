"""If a part of the harness dies during a trial, the error names it, and no loss is reported."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import PATIENCE, CommandLine

from harness.kit.waiting import wait_until
from harness.store.timeline import read_timeline

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

#: What the kernel calls each; there is a fork server for either of the others.
PARTS = {"traffic": "locust", "cluster": "localkube", "fork server": "fork-server"}


@pytest.mark.parametrize("part", PARTS)
def test_the_death_of_its_own_part_is_inconclusive(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path, part: str
) -> None:
    """If the sender or the cluster is killed in the control, the exit code is 3, without a long wait."""
    path = experiment(changes=[{"none": {"hold": "3600s"}}])
    process = harness.start("run", path, "--out", tmp_path / "run", "--json")
    timeline = tmp_path / "run" / "trials" / "bare--none" / "1" / "timeline.jsonl"
    wait_until(
        lambda: timeline.exists() and any(event.subject == "change" for event in read_timeline(timeline)),
        timeout=PATIENCE,
        what="the change",
    )
    pids = harness.titled(PARTS[part])
    assert len(pids) == (2 if part == "fork server" else 1)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    finished = harness.finish(process)

    assert finished.code == 3, finished.result
    assert finished.json["cells"][0]["verdict"] == "inconclusive"
    assert "trial-failed" in finished.json["cells"][0]["findings"]
