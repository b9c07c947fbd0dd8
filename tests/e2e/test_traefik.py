"""Traefik works as ingress controller through the real command line."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import PATIENCE, CommandLine

from harness.kit.waiting import wait_until
from harness.model.timeline import EventKind
from harness.store.timeline import read_timeline

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

EDIT = {
    "ingress-edit": {"ingress": "fruit", "annotations": {"nginx.ingress.kubernetes.io/proxy-body-size": "1{time}m"}}
}


def test_an_edit_cuts_no_connection_and_is_on_the_timeline(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """With ingress-nginx's annotations there is no reload but a configuration, and every id is in its log."""
    out = tmp_path / "run"
    finished = harness.run("run", experiment(ingress="traefik-nginx", changes=[EDIT]), "--out", out, "--json")
    trial = out / "trials" / "bare--ingress-edit" / "1"
    logged = [event for event in read_timeline(trial / "timeline.jsonl") if event.kind is EventKind.INGRESS]
    lines = [json.loads(line) for line in (trial / "access.jsonl").read_text(encoding="utf-8").splitlines()]
    cell = {cell["change"]: cell for cell in finished.json["cells"]}["ingress-edit"]

    assert (cell["lost"], cell["connections_cut"]) == (0, 0), finished.result
    assert "change-not-observed" not in cell["findings"]
    assert {event.what for event in logged} <= {"configured", "sync"}
    assert "configured" in {event.what for event in logged}
    assert len({line["attempt"] for line in lines if line["attempt"]}) == cell["sent"]
    assert "Traefik 3." in (out / "summary.md").read_text(encoding="utf-8") + (out / "index.html").read_text()


def test_it_does_not_outlive_a_harness_that_was_killed(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """After ``kill -9`` in a trial, Traefik ends with its cluster."""
    path = experiment(ingress="traefik", changes=[{"none": {"hold": "3600s"}}])
    process = harness.start("run", path, "--out", tmp_path / "run", "--json")
    timeline = tmp_path / "run" / "trials" / "bare--none" / "1" / "timeline.jsonl"
    wait_until(
        lambda: timeline.exists() and any(event.subject == "change" for event in read_timeline(timeline)),
        timeout=PATIENCE,
        what="the change",
    )
    before = harness.processes()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=PATIENCE)
    harness.wait_for_none()

    assert [line for line in before.values() if "--entrypoints.web.address=127." in line] != []
