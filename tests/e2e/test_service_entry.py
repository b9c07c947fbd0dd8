"""Traffic goes directly to a Service: losses are as expected, and a switch affects connections as it should."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import ROOT, CommandLine
from starved import trial_of, wrong_rows

from harness.model.attempt import Outcome
from harness.model.shapes import Shape
from harness.store.ledger import read_ledger

pytestmark = [pytest.mark.e2e, pytest.mark.sabotage, pytest.mark.timeout(4800)]


def lost(trial: Path) -> list[tuple[Shape, int]]:
    """Return shape and connection of every loss."""
    rows = read_ledger(trial / "traffic" / "ledger-0.npy")
    return [
        (Shape(int(row["shape"])), int(row["connection"]))
        for row in rows
        if row["outcome"] not in {Outcome.OK, Outcome.MISSED}
    ]


def answers(trial: Path, shape: Shape) -> list[str]:
    """Return the bodies of all good answers of a shape, ordered by sending."""
    events = [json.loads(line) for line in (trial / "traffic" / "traffic.jsonl").read_text().splitlines()]
    texts = {event["number"]: event["text"] for event in events if event["event"] == "responder"}
    rows = read_ledger(trial / "traffic" / "ledger-0.npy")
    good = rows[(rows["shape"] == shape) & (rows["outcome"] == Outcome.OK)]
    return [texts[int(row["responder"])] for row in good]


def backends(trial: Path) -> list[str]:
    """Return the backend of each connection by its number from 1."""
    lines = (trial / "traffic" / "backends-0.jsonl").read_text().splitlines()
    backend: dict[int, Any] = {line["connection"]: line["backend"] for line in map(json.loads, lines)}
    return [backend[number] for number in range(1, len(backend) + 1)]


def test_every_row_is_as_it_must_be(harness: CommandLine, tmp_path: Path) -> None:
    """Each cell has its verdict and class. A switch affects new connections, and kept ones stay with their pod."""
    table = ROOT / "experiments" / "service-entry.yaml"
    wrong = wrong_rows(harness, table, tmp_path / "run")
    served_on = [lost(trial_of(tmp_path / "run", f"graceful--{change}")) for change in ("rolling-update", "delete-pod")]
    switched = trial_of(tmp_path / "run", "graceful--selector-patch")
    new, kept, chosen = answers(switched, Shape.NEW), answers(switched, Shape.REUSED), backends(switched)

    assert wrong == []
    # A request may meet its kept connection's end; a new connection never does. No connection loses two requests.
    for losses in served_on:
        assert {shape for shape, _ in losses} <= {Shape.REUSED}
        assert len({connection for _, connection in losses}) == len(losses)
    assert set(kept) == {"apple-v1"}
    assert new == sorted(new)
    assert {new[0], new[-1]} == {"apple-v1", "banana-v1"}
    assert chosen[-1] != chosen[0]
