"""Signals after the last trial: they must not keep the evidence of a run from being judged."""

from __future__ import annotations

import os
import signal
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.kit import interruption
from harness.kit.forkserver import ForkServers
from harness.model.experiment import Experiment
from harness.model.verdict import RunVerdict
from harness.runner import run as running
from harness.runner.options import RunOptions
from harness.runner.progress import SilentProgress
from harness.store.rundir import RunDirectory
from harness.testing.evidence import PLAN
from harness.testing.reports import sample_run

EXPERIMENT = Experiment(name="e", source="e.yaml", files=(), ingress="ingress-nginx", traffic=PLAN, cells=())


class SignallingProgress(SilentProgress):
    """Progress that sends a signal to this process at a note."""

    def __init__(self, note: str, number: int) -> None:
        self._note, self._number = note, number

    def note(self, text: str) -> None:
        """Send the signal if this is the note."""
        if text == self._note:
            os.kill(os.getpid(), self._number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("note", ["judging the evidence", "writing the report"])
def test_a_signal_after_the_trials_stops_nothing(
    note: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The evidence is sealed and judged, and the reports are written, as if the signal had come a little later."""
    run = RunDirectory.create(tmp_path / "run", "e")
    verdict = replace(sample_run(), exit_code=1)
    written: list[RunVerdict] = []

    def nothing(*_: Any) -> Any:
        return nullcontext(("127.0.0.1", 1))

    monkeypatch.setattr(running, "_fork_servers", nothing)
    monkeypatch.setattr(running, "_faulty_server", nothing)
    monkeypatch.setattr(running, "judge", lambda _run: verdict)
    monkeypatch.setattr(running, "write_reports", lambda _run, made: written.append(made))
    schedule = running.RunSchedule((), 1, nothing(), {}, ForkServers(tmp_path))

    with interruption.fresh(), interruption.handled():
        result = running.run_trials(run, EXPERIMENT, RunOptions(), SignallingProgress(note, number), schedule)
        requested = interruption.requested()

    assert requested
    assert written == [verdict]
    assert (run.path / "seals" / "evidence.json").is_file()
    assert not result.interrupted
    assert result.exit_code == 1
