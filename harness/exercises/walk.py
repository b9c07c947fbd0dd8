"""Walks through the steps of an exercise: prepare, predict, act, measure, understand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from harness.exercises.checking import Observed, Remark, hint, is_done, wrong_turn
from harness.exercises.progress import SavedProgress, StepResult
from harness.exercises.steps import Exercise, ExerciseStep, changed_by
from harness.exercises.texts import ExerciseTexts, StepTexts, fill
from harness.model.verdict import Verdict
from harness.play.cards import Card
from harness.play.counting import Answers

NS = 1_000_000_000


class Stage(StrEnum):
    """The stage of a step."""

    PREPARE = "prepare"
    PREDICT = "predict"
    ACT = "act"
    MEASURE = "measure"
    DONE = "done"


@dataclass(slots=True)
class Walk:
    """The walk through one exercise.

    Attributes:
        exercise: The exercise.
        texts: Its texts.
        progress: The participant's results.
        index: Index of the current step; that after the last one at the end.
        stage: Its stage.
        prediction: The predicted choice of the current step, from 1; 0 before.
        remark: A remark about the participant's mistake; None for none.
        advice: The hint that fits the current state.
    """

    exercise: Exercise
    texts: ExerciseTexts
    progress: SavedProgress
    index: int = 0
    stage: Stage = Stage.PREPARE
    prediction: int = 0
    remark: Remark | None = None
    advice: Remark | None = None

    @property
    def is_over(self) -> bool:
        """Return True after the last step."""
        return self.index >= len(self.exercise.steps)

    @property
    def step(self) -> ExerciseStep:
        """Return the current step."""
        return self.exercise.steps[self.index]

    @property
    def step_texts(self) -> StepTexts:
        """Return its texts."""
        return self.texts.steps[self.step.id]

    def skip_finished(self) -> None:
        """Go to the first step without a result; to the first one of all if every step has one."""
        steps = self.exercise.steps
        self.index = next((i for i, step in enumerate(steps) if step.id not in self.progress.results), 0)

    def prepared(self) -> None:
        """Go on: the cluster is in the state with which the step begins."""
        self.stage = Stage.PREDICT

    def predict(self, choice: int) -> bool:
        """Take in the prediction. Return False if there is no such choice."""
        if self.stage is not Stage.PREDICT or not 1 <= choice <= len(self.step.choices):
            return False
        self.prediction, self.stage = choice, Stage.ACT
        return True

    def observe(self, observed: Observed) -> None:
        """Take in the current state: the step may be done, or the participant may have made a mistake."""
        if self.stage is not Stage.ACT:
            return
        self.remark = wrong_turn(self.step, observed)
        self.advice = hint(self.step, observed)
        if is_done(self.step, observed):
            self.stage, self.remark = Stage.MEASURE, None

    def measured(self, card: Card | None, seen: Answers, report: str) -> None:
        """Take in the measurement, and save the result.

        Args:
            card: The settled card of the change; None if the step changes nothing, or if no card was found.
            seen: The answers of the measured time.
            report: Directory of the report.
        """
        outcome = "error" if self.step.check.output else str(Verdict.INCONCLUSIVE)
        result = StepResult(self.prediction, outcome, report=report)
        if card is not None and card.verdict is not None:
            totals = card.totals
            seconds = (totals.last_lost or 0.0) - (totals.first_loss or 0.0)
            result = StepResult(
                prediction=self.prediction,
                outcome=str(card.verdict),
                lost=totals.lost_total,
                sent=totals.sent,
                cut=card.cut,
                seconds=round(seconds, 1),
                classes=", ".join(f"{n} {name}" for name, n in totals.lost.items()) or "-",
                measured=round((card.end - card.begin) / NS, 1),
                answers=_answers(seen.shares),
                along="; ".join(_others(self.exercise.number, self.step, card)),
                switches=seen.switches.changes,
                sessions=seen.switches.sessions,
                report=report,
            )
        self.progress.add(self.step.id, result)
        self.stage, self.advice = Stage.DONE, None

    def advance(self) -> None:
        """Go to the next step."""
        self.index += 1
        self.stage, self.prediction = Stage.PREPARE, 0
        self.remark = self.advice = None

    def result_lines(self) -> list[str]:
        """Return the result of the current step: prediction, measurement, and the lesson with measured values."""
        result = self.progress.results[self.step.id]
        return [*self._comparison(self.step, result), *lesson_of(self.step_texts, result)]

    def summary(self) -> list[list[str]]:
        """Return a row for each finished step: title, prediction, measurement, report."""
        rows = []
        for step in self.exercise.steps:
            result = self.progress.results.get(step.id)
            if result is not None:
                texts = self.texts.steps[step.id]
                predicted = texts.choices[result.prediction - 1] if result.prediction else "-"
                rows.append([texts.title, predicted, self._measurement(step, result), result.report])
        return rows

    def view(self) -> dict[str, Any]:
        """Return the guide's section of the page."""
        texts = self.texts
        view: dict[str, Any] = {
            "title": texts.title,
            "steps": [
                {"title": texts.steps[step.id].title, "state": self._state(i)}
                for i, step in enumerate(self.exercise.steps)
            ],
        }
        if self.is_over:
            columns = [texts.common[f"column_{name}"] for name in ("step", "prediction", "measurement", "report")]
            return {**view, "columns": columns, "summary": self.summary()}
        return {**view, "step": self._step_view()}

    def _step_view(self) -> dict[str, Any]:
        step, own = self.step, self.step_texts
        shown: dict[str, Any] = {
            "title": own.title,
            "text": list(own.text),
            "question": own.question,
            "choices": list(own.choices),
            "prediction": self.prediction,
            "status": self.texts.common[f"stage_{self.stage}"],
        }
        if self.stage in {Stage.ACT, Stage.MEASURE, Stage.DONE}:
            shown["command"] = step.command
        if self.remark is not None:
            shown["wrong"] = self.texts.say(self.remark.name, **self.remark.values)
        if self.advice is not None:
            shown["hint"] = self.texts.say(self.advice.name, **self.advice.values)
        if self.stage is Stage.DONE:
            shown["result"] = self.result_lines()
        return shown

    def _state(self, index: int) -> str:
        if index == self.index:
            return "now"
        return "done" if self.exercise.steps[index].id in self.progress.results else ""

    def _comparison(self, step: ExerciseStep, result: StepResult) -> list[str]:
        own = self.texts.steps[step.id]
        predicted = own.choices[result.prediction - 1] if result.prediction else "-"
        is_right = result.prediction == step.right
        lines = [
            self.texts.say("result_right" if is_right else "result_wrong", prediction=predicted),
            self._measurement(step, result),
        ]
        if result.outcome != step.expected:
            name = "result_disturbed" if result.along else "result_unusual"
            expected = self.texts.common[f"outcome_{step.expected}"]
            lines.append(self.texts.say(name, expected=expected, changes=result.along))
        elif not is_right:
            lines.append(self.texts.say("result_was", right=own.choices[step.right - 1]))
        return lines

    def _measurement(self, step: ExerciseStep, result: StepResult) -> str:
        if step.check.output:
            return self.texts.common["measured_error"]
        outcome = self.texts.common[f"outcome_{result.outcome}"]
        return self.texts.say("measured", outcome=outcome, **_values(result))


def lesson_of(texts: StepTexts, result: StepResult) -> list[str]:
    """Return the lesson of a step with the values of a result."""
    return [fill(line, _values(result)) for line in texts.lesson]


def _others(number: int, step: ExerciseStep, card: Card) -> list[str]:
    """Return the changes of a card that the step's command did not make."""
    own, edge = changed_by(number, step), step.check.edge
    return [
        text
        for (_, text), changed in zip(card.changes, card.kinds, strict=True)
        if changed not in own and not (edge and re.search(edge, text))
    ]


def _values(result: StepResult) -> dict[str, object]:
    return {
        "lost": result.lost,
        "sent": result.sent,
        "cut": result.cut,
        "seconds": result.seconds,
        "classes": result.classes,
        "measured": result.measured,
        "answers": result.answers or "-",
        "switches": result.switches,
        "sessions": result.sessions,
    }


def _answers(answers: Mapping[str, Mapping[str, int]]) -> str:
    return "; ".join(
        f"{route}: " + ", ".join(f"{n} {answer}" for answer, n in found.items()) for route, found in answers.items()
    )
