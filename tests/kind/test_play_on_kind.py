"""A guided exercise on real Kubernetes: a step of each type, and a change is seen with what the controller did."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import CommandLine
from participant import SECONDS, Participant

from harness.exercises.steps import load_exercise

pytestmark = [pytest.mark.kind, pytest.mark.kubectl, pytest.mark.timeout(1500)]

#: Seconds for the cluster to come up.
UP_SECONDS = 900
#: Number of steps that are done: their checks are an edge, an output, an edge and a level.
STEPS = 4


def test_steps_of_an_exercise(harness: CommandLine, node_image: tuple[str, ...], tmp_path: Path) -> None:
    """Each step has the outcome of its right choice, and the session's timeline has the controller's reload."""
    steps = load_exercise(2).steps[:STEPS]
    out = tmp_path / "session"
    words = ("--cluster", "kind", *node_image, "--out", str(out))
    with Participant(harness, tmp_path, 2, *words) as one:
        for number, step in enumerate(steps):
            one.begin(step, step.right, SECONDS if number else UP_SECONDS)
            one.finish(step, "" if number < STEPS - 1 else "quit")
        one.leave()
    saved = one.results()
    events = [json.loads(line) for line in (out / "timeline.jsonl").read_text().splitlines()]

    assert one.terminal.exitstatus == 0
    assert {id_: result["outcome"] for id_, result in saved.items()} == {step.id: step.expected for step in steps}
    assert {"reload", "endpoints"} <= {event["what"] for event in events if event["kind"] == "ingress"}
    assert "banana" in saved["selector"]["answers"]
    assert (out / "cluster" / "access.jsonl").stat().st_size > 0
