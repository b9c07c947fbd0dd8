"""A guided exercise on real Kubernetes: a step of each type, and a change is seen with what the controller did."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pexpect
import pytest
from command_line import MARK, CommandLine

from harness.exercises.steps import ExerciseStep, load_exercise
from harness.exercises.texts import load_texts

pytestmark = [pytest.mark.kind, pytest.mark.kubectl, pytest.mark.timeout(1500)]

#: Seconds for the cluster to come up, and for a step to be prepared or measured.
UP_SECONDS, STEP_SECONDS = 900, 300
#: Number of steps that are done: their checks are an edge, an output, an edge and a level.
STEPS = 4


class Guided:
    """A terminal with exercise 2 on kind."""

    def __init__(self, terminal: Any) -> None:
        self.terminal = terminal
        self.texts = load_texts(2, "en")

    def see(self, text: str, seconds: int = STEP_SECONDS) -> None:
        """Wait for a text. Line breaks of the terminal do not matter."""
        self.terminal.expect(r"\s+".join(re.escape(word) for word in text.split()), timeout=seconds)

    def do(self, step: ExerciseStep, seconds: int = STEP_SECONDS) -> None:
        """Predict right, type the reference answer, and wait for the result."""
        self.see(self.texts.steps[step.id].question, seconds)
        self.see(self.texts.common["ask_prediction"])
        self.terminal.sendline(str(step.right))
        self.see(f"$ {step.command.splitlines()[0]}")
        for line in step.command.splitlines():
            self.terminal.sendline(line)
        self.see(self.texts.common["ask_next"])


def test_steps_of_an_exercise(harness: CommandLine, node_image: tuple[str, ...], tmp_path: Path) -> None:
    """Each step has the outcome of its right choice, and the session's timeline has the controller's reload."""
    steps = load_exercise(2).steps[:STEPS]
    out = tmp_path / "session"
    words = ("exercise", "2", "--cluster", "kind", *node_image, "--no-browser", "--out", str(out))
    terminal = pexpect.spawn(
        sys.executable,
        ["-m", "harness", *words],
        env={**os.environ, MARK: harness.mark, "XDG_STATE_HOME": str(tmp_path / "state"), "TERM": "dumb"},
        cwd=str(tmp_path),
        dimensions=(60, 200),
        encoding="utf-8",
    )
    try:
        guided = Guided(terminal)
        for number, step in enumerate(steps):
            guided.do(step, STEP_SECONDS if number else UP_SECONDS)
            terminal.sendline("" if number < STEPS - 1 else "quit")
        terminal.expect(pexpect.EOF, timeout=STEP_SECONDS)
    finally:
        terminal.close(force=True)
    saved = json.loads((tmp_path / "state/harness/exercises/exercise-2.json").read_text())["results"]
    events = [json.loads(line) for line in (out / "timeline.jsonl").read_text().splitlines()]

    assert terminal.exitstatus == 0
    assert {id_: one["outcome"] for id_, one in saved.items()} == {step.id: step.expected for step in steps}
    assert {"reload", "endpoints"} <= {event["what"] for event in events if event["kind"] == "ingress"}
    assert "banana" in saved["selector"]["answers"]
    assert (out / "cluster" / "access.jsonl").stat().st_size > 0
