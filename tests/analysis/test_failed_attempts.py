"""The failed attempts of a trial have everything that the ledger has, and a selection has every kind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.analysis.evidence import TrialEvidence
from harness.analysis.facts import Facts
from harness.analysis.failed import MOST, failed_of
from harness.judging.trial import judge_trial
from harness.model.attempt import CloseReason, Method, Outcome
from harness.model.shapes import Shape
from harness.testing.evidence import NS, quiet_trial, with_losses, with_rows


def test_a_quiet_trial_has_no_failed_attempts() -> None:
    """Nothing failed, so nothing is listed."""
    assert failed_of(Facts.of(quiet_trial())).total == 0


def test_lost_and_unfinished_attempts_are_listed_in_order() -> None:
    """A missed slot and a client fault are no failed attempts, since nothing of them was sent."""
    trial = with_losses(quiet_trial(), 1.5, 1.55, Outcome.REFUSED)
    trial = with_rows(trial, 1.2, 1.22, outcome=Outcome.UNFINISHED, done=-1)
    trial = with_rows(trial, 1.6, 1.62, outcome=Outcome.MISSED)
    trial = with_rows(trial, 1.7, 1.72, outcome=Outcome.CLIENT_FAULT)
    found = failed_of(Facts.of(trial))

    assert [(each.outcome, each.planned) for each in found.kept] == [
        ("unfinished", 1.2), ("unfinished", 1.21), *(("refused", round(1.5 + n / 100, 6)) for n in range(5)),
    ]  # fmt: skip
    assert found.total == 7
    assert found.kept[0].done is None


def test_an_attempt_has_its_id_its_answer_and_the_life_of_its_connection() -> None:
    """The id is the one on the wire, and the connection is that of the same worker."""
    trial = with_losses(quiet_trial(), 1.5, 1.51)
    rows, connections = trial.attempts.copy(), trial.connections.copy()
    index = int(np.flatnonzero(rows["outcome"] == Outcome.STATUS)[0])
    rows["responder"][index], rows["connection"][index] = 1, 2
    life = connections["number"] == 2
    connections["connected"][life], connections["closed"][life] = NS // 2, 2 * NS
    connections["reason"][life] = CloseReason.PEER_RST
    trial = replace(trial, attempts=rows, connections=connections, tokens={0: "token"})
    (found,) = failed_of(Facts.of(trial)).kept

    assert found.id == f"token-0-{rows['number'][index]}"
    assert (found.answer, found.status, found.connection) == ("apple-v1", 502, 2)
    assert (found.opened, found.closed, found.closed_by) == (0.5, 2.0, "peer-rst")
    assert (found.method, found.shape) == (
        Method(int(rows["method"][index])).name,
        Shape(int(rows["shape"][index])).word,
    )


def many_losses() -> TrialEvidence:
    """Return a trial that loses everything in two seconds, once with a status of its own."""
    trial = with_losses(quiet_trial(), 1.0, 2.9)
    return with_rows(trial, 2.0, 2.01, status=504)


def test_a_selection_is_spread_over_time() -> None:
    """No second of two with losses is left out."""
    planned = [each.planned for each in failed_of(Facts.of(many_losses()), 50).kept]

    assert max(np.diff(planned)) < 0.1


@pytest.mark.parametrize("most", [10, 50, 100])
def test_a_selection_has_the_first_and_last_of_each_kind(most: int) -> None:
    """A kind that occurs once is among few of many, and the rest is spread over time."""
    found = failed_of(Facts.of(many_losses()), most)

    assert (found.total, len(found.kept)) == (190, most)
    assert 504 in {each.status for each in found.kept}
    planned = [each.planned for each in found.kept]
    assert planned == sorted(planned)
    assert (planned[0], planned[-1]) == (1.0, 2.89)


def test_more_kinds_than_places_still_give_the_wanted_number() -> None:
    """Every attempt can be of a kind of its own; the verdict stays small."""
    trial = with_losses(quiet_trial(), 1.0, 2.9)
    rows = trial.attempts.copy()
    rows["status"] = np.arange(len(rows)) % 500 + 300
    found = failed_of(Facts.of(replace(trial, attempts=rows)), 10)

    assert (found.total, len(found.kept)) == (190, 10)


def test_the_verdict_keeps_failed_attempts() -> None:
    """A report is written from the verdict alone."""
    verdict = judge_trial(with_losses(quiet_trial(), 1.5, 1.6))

    assert verdict.failed.total == verdict.identity.lost_total == 10
    assert MOST >= len(verdict.failed.kept) == 10
