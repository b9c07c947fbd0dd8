"""Connections that were opened before nginx reloads and carry their first request after it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import ROOT, CommandLine
from starved import trial_of, wrong_rows

from harness.model.attempt import Outcome
from harness.model.shapes import Shape
from harness.store.ledger import read_connections, read_ledger

NS = 1_000_000_000
pytestmark = [pytest.mark.e2e, pytest.mark.sabotage, pytest.mark.timeout(4800)]


def test_the_old_configuration_answers_on_connections_from_before_the_reload(
    harness: CommandLine, tmp_path: Path
) -> None:
    """New connections show only the new application, while preopened ones still reach the old one."""
    wrong = wrong_rows(harness, ROOT / "experiments" / "preopened.yaml", tmp_path / "run")
    traffic = trial_of(tmp_path / "run", "default--ingress-edit") / "traffic"
    events = [json.loads(line) for line in (traffic / "traffic.jsonl").read_text().splitlines()]
    number = {event["text"]: event["number"] for event in events if event["event"] == "responder"}
    rows, connections = read_ledger(traffic / "ledger-0.npy"), read_connections(traffic / "connections-0.npy")
    rows = rows[rows["outcome"] == Outcome.OK]
    is_old, is_new = rows["responder"] == number["apple-v1"], rows["shape"] == Shape.NEW
    # An old worker may accept connections for a moment after the last one that brought a request at once.
    reloaded = rows["done"][is_old & is_new].max() + NS // 2
    opened = connections["connected"][rows["connection"].astype(np.int64) - 1]
    waited = (rows["shape"] == Shape.PREOPENED) & (rows["sent"] - opened >= 2 * NS) & (rows["sent"] > reloaded)

    assert wrong == []
    # About 50 requests a second on connections that were opened up to 2 s before the reload, if the machine is quiet.
    assert np.count_nonzero(waited & is_old) > 0
    assert (opened[waited & is_old] <= reloaded).all()
    # Connections that were opened after the reload show the new application.
    assert not is_old[waited & (opened > reloaded)].any()
    assert np.count_nonzero(waited & (opened > reloaded)) > 0
