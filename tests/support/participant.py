"""A participant of a guided exercise, who types on a real terminal."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any, Self

import pexpect
from command_line import MARK, CommandLine

from harness.exercises.steps import ExerciseStep
from harness.exercises.texts import load_texts

#: Seconds for a step to be prepared or measured, on a busy machine.
SECONDS = 900


class Participant:
    """A context manager that starts an exercise on a terminal, and kills it at the end.

    Args:
        harness: The command line.
        folder: Working directory, and folder of the saved state.
        number: The exercise.
        words: Further words of the command.
        language: Language of the guide.

    Attributes:
        terminal: The terminal.
        texts: Texts of the exercise.
    """

    def __init__(self, harness: CommandLine, folder: Path, number: int, *words: str, language: str = "en") -> None:
        self.terminal: Any = pexpect.spawn(
            sys.executable,
            ["-m", "harness", "exercise", str(number), "--no-browser", "--lang", language, *words],
            env={**os.environ, MARK: harness.mark, "XDG_STATE_HOME": str(folder), "TERM": "dumb"},
            cwd=str(folder),
            dimensions=(60, 200),
            encoding="utf-8",
        )
        self.texts = load_texts(number, language)
        self._results = folder / "harness" / "exercises" / f"exercise-{number}.json"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """Kill the exercise if it still runs."""
        self.terminal.close(force=True)

    def see(self, text: str, seconds: int = SECONDS) -> None:
        """Wait for a text. Line breaks of the terminal do not matter."""
        pattern = r"\s+".join(re.escape(word) for word in text.split())
        self.terminal.expect(pattern, timeout=seconds)

    def type(self, line: str) -> None:
        """Type a line."""
        self.terminal.sendline(line)

    def leave(self) -> None:
        """Wait until the exercise has ended."""
        self.terminal.expect(pexpect.EOF, timeout=SECONDS)

    def results(self) -> dict[str, dict[str, Any]]:
        """Return the saved results by step."""
        found: dict[str, dict[str, Any]] = json.loads(self._results.read_text())["results"]
        return found

    def begin(self, step: ExerciseStep, choice: int, seconds: int = SECONDS) -> None:
        """Wait for a step at most that long, and predict."""
        self.see(self.texts.steps[step.id].question, seconds)
        self.see(self.texts.common["ask_prediction"])
        self.type(str(choice))
        self.see(f"$ {step.command.splitlines()[0]}")

    def finish(self, step: ExerciseStep, then: str = "") -> dict[str, Any]:
        """Type the reference answer, and return the result when the guide has shown it; ``then`` is typed last."""
        for line in step.command.splitlines():
            self.type(line)
        self.see(self.texts.common["ask_next"])
        self.type(then)
        return self.results()[step.id]
