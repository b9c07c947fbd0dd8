"""Keeps the progress of a participant on disk: each finished step is saved at once, so ``kill -9`` loses none."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from harness.kit.files import write_text


@dataclass(frozen=True, slots=True)
class StepResult:
    """The result of a finished step.

    Attributes:
        prediction: Number of the predicted choice, from 1.
        outcome: Measured outcome: a verdict, or ``error`` for a command that was refused.
        lost: Lost requests.
        sent: Requests sent in the measured time.
        cut: Connections that the other side cut.
        seconds: Seconds from the first to the last loss.
        classes: Losses by class, as text.
        measured: Length of the measured time in seconds.
        answers: Answers of the measured time with their numbers, as text.
        along: Changes by other commands that were measured along with it, as text.
        switches: How often a session got another answer than just before; see ``LiveMeasure.switches``.
        sessions: Number of sessions that keep their cookie.
        report: Directory of the session's report.
    """

    prediction: int
    outcome: str
    lost: int = 0
    sent: int = 0
    cut: int = 0
    seconds: float = 0.0
    classes: str = ""
    measured: float = 0.0
    answers: str = ""
    along: str = ""
    switches: int = 0
    sessions: int = 0
    report: str = ""


@dataclass(slots=True)
class SavedProgress:
    """The progress in one exercise.

    Attributes:
        path: Its file.
        results: Id of a step -> its result.
    """

    path: Path
    results: dict[str, StepResult] = field(default_factory=dict)

    @classmethod
    def load(cls, number: int) -> SavedProgress:
        """Load the progress in an exercise; a missing or damaged file is an empty one."""
        path = _folder() / f"exercise-{number}.json"
        try:
            data: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            results = {str(step): StepResult(**found) for step, found in data["results"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            results = {}
        return cls(path, results)

    def add(self, step: str, result: StepResult) -> None:
        """Save a finished step.

        Raises:
            HarnessError: The file can't be written.
        """
        self.results[step] = result
        found = {"results": {name: asdict(one) for name, one in self.results.items()}}
        write_text(self.path, json.dumps(found, ensure_ascii=False, indent=1) + "\n")

    def reset(self) -> None:
        """Forget everything."""
        self.results.clear()
        self.path.unlink(missing_ok=True)


def _folder() -> Path:
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state"
    return base / "harness" / "exercises"
