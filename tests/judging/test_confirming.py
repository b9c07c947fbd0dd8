"""Repetitions of a lossy cell: how often it is lossy again, and which findings differ then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.findings.connections import ConnectionsCut
from harness.findings.expectations import ControlMissing
from harness.judging.confirming import confirm_cells
from harness.model.confirmation import ConfirmedState
from harness.model.verdict import Finding
from harness.testing.many_trials import run_of

ID = "a--rolling-update"


@pytest.mark.parametrize(
    ("letters", "state", "rate"),
    [
        ("xxxxxxxxxx", ConfirmedState.ALWAYS, (0.6915, 1.0)),
        ("xxxxx.....", ConfirmedState.SOMETIMES, (0.1871, 0.8129)),
        ("..........", ConfirmedState.NOT_AGAIN, (0.0, 0.3085)),
        ("....??????", ConfirmedState.NOT_AGAIN, (0.0, 0.6024)),
        ("??????????", ConfirmedState.UNKNOWN, (0.0, 1.0)),
    ],
)
def test_the_rate_leaves_out_what_is_unknown(letters: str, state: ConfirmedState, rate: tuple[float, float]) -> None:
    """An inconclusive repetition makes the interval wider; it is never a pass."""
    (cell,) = confirm_cells(run_of({"a": letters, "b": "x"}), [ID])

    assert cell.state is state
    assert (cell.rate.low, cell.rate.high) == pytest.approx(rate, abs=1e-4)
    assert cell.repeated.inconclusive == letters.count("?")


def test_findings_that_go_with_losses_are_named() -> None:
    """One that each lossy repetition has and no lossless one comes before one that both have by chance."""
    run = run_of({"a": "xx.."})
    cut = Finding(ConnectionsCut.code, {})
    other = Finding("reload-seen", {})
    extra = ((cut, other), (cut,), (), (other, other))
    trials = tuple(
        replace(trial, findings=(*trial.findings, *more))
        for trial, more in zip(run.cells[0].trials, extra, strict=True)
    )
    (cell,) = confirm_cells(replace(run, cells=(replace(run.cells[0], trials=trials),)), [ID])

    assert [(each.code, each.lossy, each.lossless) for each in cell.differences] == [
        (ConnectionsCut.code, (2, 2), (0, 2)),
    ]
    assert cell.times["median latency (ms)"] == (1.4, 1.4)


def test_an_unsound_control_takes_losses_away_too() -> None:
    """A cell that is lossy every other time is not called lossy each time when the control has no answer once."""
    run = run_of({"a": "x.x."})
    twin = replace(run_of({"a": "...?"}).cells[0], id="a--none", change="none", change_kind="none")
    missing = ControlMissing(trials=4, stopped=False).record()
    (cell,) = confirm_cells(replace(run, cells=(twin, replace(run.cells[0], findings=(missing,)))), [ID])

    assert cell.state is ConfirmedState.SOMETIMES
    assert (cell.repeated.lossy, cell.repeated.lossless, cell.repeated.inconclusive) == (2, 1, 1)


def test_without_both_kinds_nothing_differs() -> None:
    """There is nothing to compare with."""
    (cell,) = confirm_cells(run_of({"a": "xxx"}), [ID])

    assert cell.differences == ()
    assert cell.times == {}
