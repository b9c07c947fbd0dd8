"""The walk through an exercise, and the progress that survives whatever ends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.exercises.checking import Observed, SeenChange
from harness.exercises.progress import SavedProgress, StepResult
from harness.exercises.steps import load_exercise
from harness.exercises.texts import load_texts
from harness.exercises.walk import Stage, Walk
from harness.model.verdict import Verdict
from harness.play.cards import Card, CardState
from harness.play.counting import Answers, Switches, Totals

TEXT = "Deployment apple: restarted"
DONE = Observed(changes=[SeenChange("Deployment", "apple", TEXT)])


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the progress in the test's folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def walk(language: str = "en") -> Walk:
    """Return a new walk through exercise 1."""
    return Walk(load_exercise(1), load_texts(1, language), SavedProgress.load(1))


def card(verdict: Verdict) -> Card:
    """Return a settled card."""
    lost = {"status 503": 20} if verdict is Verdict.LOSSY else {}
    totals = Totals(
        sent=200, ok=200 - sum(lost.values()), lost=lost, first_loss=3.0 if lost else None, last_lost=5.5, last_loss=8.5
    )
    return Card(
        1, 0, [(0, TEXT)], [("Deployment", "apple")], CardState.SETTLED, end=6_000_000_000, verdict=verdict,
        totals=totals, cut=4,
    )  # fmt: skip


def do_first(one: Walk, choice: int, verdict: Verdict = Verdict.LOSSY) -> None:
    """Do the first step with a prediction and a measurement."""
    one.prepared()
    assert one.predict(choice)
    one.observe(DONE)
    seen = Answers({"/apple": {"apple": 180, "status 503": 20}}, Switches(changes=3, sessions=5))
    one.measured(card(verdict), seen, "reports/x")


def test_a_step_in_order() -> None:
    """Nothing is done before the prediction, and the result has the values of this run."""
    one = walk()
    stages = []
    one.observe(DONE)
    stages.append(one.stage)
    one.prepared()
    one.observe(DONE)
    stages.append(one.stage)
    assert not one.predict(4)
    assert one.predict(3)
    one.observe(Observed())
    stages.append(one.stage)
    one.observe(DONE)
    stages.append(one.stage)
    one.measured(card(Verdict.LOSSY), Answers({"/apple": {"apple": 180}}), "reports/x")
    shown = "\n".join(one.result_lines())

    assert [*stages, one.stage] == [Stage.PREPARE, Stage.PREDICT, Stage.ACT, Stage.MEASURE, Stage.DONE]
    assert "That is right." in shown
    assert "20 of 200 requests were lost in 6.0 s (20 status 503), and 4 connections were cut" in shown
    assert "lasted 2.5 s" in shown


def test_a_wrong_prediction() -> None:
    """The right choice is shown."""
    one = walk()
    do_first(one, 1)
    shown = "\n".join(one.result_lines())

    assert "That is wrong." in shown
    assert "The right choice: Yes, every request for some seconds." in shown


def test_a_run_that_differs_from_what_is_usual() -> None:
    """A measurement is shown as it is, and the participant learns that it is not the usual one."""
    one = walk()
    do_first(one, 3, Verdict.LOSSLESS)

    assert "The usual outcome is lossy." in "\n".join(one.result_lines())


def test_a_step_without_a_card_is_inconclusive() -> None:
    """No request was counted, so nothing is known about losses."""
    one = walk()
    one.prepared()
    one.predict(1)
    one.observe(DONE)
    one.measured(None, Answers(), "reports/x")

    assert one.progress.results[one.step.id].outcome == "inconclusive"
    assert "Measured: inconclusive. 0 of 0 requests" in "\n".join(one.result_lines())


def test_a_wrong_turn_is_shown_until_it_is_set_right() -> None:
    """On the page, next to a hint."""
    one = walk()
    one.prepared()
    one.predict(1)
    one.observe(Observed(changes=[SeenChange("Deployment", "banana", "Deployment banana: restarted")]))
    assert one.view()["step"]["wrong"] == "You changed Deployment banana. This step is about Deployment apple."
    assert "Seen so far: Deployment banana: restarted" in one.view()["step"]["hint"]
    one.observe(DONE)

    assert "wrong" not in one.view()["step"]


def test_progress_is_on_disk_after_each_step() -> None:
    """A new process goes on with the next step, whatever ended the first one."""
    do_first(walk(), 2)
    again = walk("zh")
    again.skip_finished()

    assert again.index == 1
    assert again.progress.results["rolling"].prediction == 2
    assert again.view()["steps"][0]["state"] == "done"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"results": {"rolling": {"colour": 1}}}'])
def test_a_damaged_file_is_no_progress(state: Path, content: str) -> None:
    """The exercise then begins at its first step."""
    path = state / "harness" / "exercises" / "exercise-1.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)

    assert SavedProgress.load(1).results == {}


def test_reset() -> None:
    """Nothing is left, and a reset of nothing is fine."""
    do_first(walk(), 2)
    SavedProgress.load(1).reset()
    SavedProgress.load(1).reset()

    assert SavedProgress.load(1).results == {}


def test_the_summary_page() -> None:
    """Each finished step with prediction, measurement and report, in the participant's language."""
    one = walk("zh")
    for step in one.exercise.steps:
        one.progress.add(step.id, StepResult(step.right, step.expected, lost=1, sent=2, report="reports/x"))
    one.index = len(one.exercise.steps)
    view = one.view()

    assert one.is_over
    assert len(view["summary"]) == len(one.exercise.steps)
    assert view["summary"][0][3] == "reports/x"
    assert len(view["columns"]) == 4


def test_what_was_measured_along_is_named() -> None:
    """An unusual outcome has a reason that the participant can see; the step's own change is none."""
    one, alone = walk(), walk()
    for each, texts in ((one, [TEXT, "Deployment pear: deleted"]), (alone, [TEXT])):
        each.prepared()
        assert each.predict(each.step.right)
        each.observe(DONE)
        settled = card(Verdict.LOSSLESS)
        settled.changes = [(0, text) for text in texts]
        settled.kinds = [("Deployment", text.split(":")[0].split()[1]) for text in texts]
        each.measured(settled, Answers(), "reports/x")

    assert any("measured along with yours: Deployment pear: deleted." in line for line in one.result_lines())
    assert not any("along with" in line for line in alone.result_lines())
    assert one.step.expected == Verdict.LOSSY
