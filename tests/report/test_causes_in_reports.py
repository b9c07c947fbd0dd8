"""Every report says of a lossy cell why, and what to change."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import lossy_scenes
import pytest
from rich.console import Console

from harness.judging.trial import judge_trial
from harness.model.confidence import Confidence
from harness.model.verdict import RunVerdict, Verdict
from harness.report import terminal
from harness.report.causes import causes_in, line
from harness.report.document import Document
from harness.report.formats import FORMATS
from harness.report.run import document
from harness.testing.reports import sample_run


def _run(code: str, *, expected: bool = False, trials: int = 1) -> RunVerdict:
    """Return a run with one lossy cell, whose losses have one cause."""
    sample, trial = sample_run(), judge_trial(lossy_scenes.SCENES[code]())
    cell = replace(
        sample.cells[1],
        verdict=Verdict.LOSSY,
        expected="lossy" if expected else "lossless",
        as_expected=expected,
        findings=trial.findings,
        trials=(trial,) * trials,
        lost=trial.identity.lost_total * trials,
        confidence=Confidence(3, 2, at_most=0.9),
    )
    return replace(sample, cells=(cell,), configurations=(cell.configuration,), changes=(cell.change,))


def _texts(report: Document) -> dict[str, str]:
    console = Console(width=400, record=True, file=StringIO())
    console.print(terminal.render(report))
    return {each.file: each.render(report) for each in FORMATS} | {"terminal": console.export_text()}


@pytest.mark.parametrize("name", [*(each.file for each in FORMATS), "terminal"])
def test_an_unexpected_loss_has_its_cause_and_patch(name: str) -> None:
    """The field and the number are in each of them."""
    text = _texts(document(_run("prestop-too-short")))[name]

    assert "The preStop hook of Deployment apple takes 0.5 s" in text
    assert "kubectl patch deployment apple" in text


@pytest.mark.parametrize("name", ["junit.xml", "summary.md", "ctrf.json"])
def test_programs_get_cause_and_patch_in_one_line(name: str) -> None:
    """Cause, certainty, sentence and command stand together."""
    lines = _texts(document(_run("prestop-too-short")))[name].splitlines()

    assert [text for text in lines if "cause prestop-too-short (certain" in text and "kubectl patch" in text] != []


def test_an_expected_loss_is_explained_in_the_terminal_too() -> None:
    """The cell is no surprise, and still has a reason."""
    text = _texts(document(_run("recreate-strategy", expected=True)))["terminal"]

    assert "Recreate strategy" in text
    assert "RollingUpdate with maxUnavailable 0" in text


def test_a_remedy_that_only_hides_says_so_everywhere() -> None:
    """Retries at the proxy are no repair."""
    for name, text in _texts(document(_run("upstream-to-dying-pod"))).items():
        assert (name, "only hides the losses" in text.replace("\n", " ").lower()) == (name, True)


def test_trials_with_one_cause_are_one_cause() -> None:
    """Two trials that lost for the same reason are added, and not listed twice."""
    (one,) = causes_in(_run("prestop-too-short").cells[0])
    (both,) = causes_in(_run("prestop-too-short", trials=2).cells[0])

    assert both.lost == 2 * one.lost
    assert "kubectl patch" in line(both)


def test_the_page_says_what_the_transitions_allow_to_claim() -> None:
    """Two lossy transitions of three bound nothing much."""
    assert "2 of 3 transitions lost requests" in _texts(document(_run("prestop-too-short")))["index.html"]
