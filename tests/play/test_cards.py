"""A card is lossless only if every request is known to be answered, and nothing of a pause is an outage."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.model.timeline import Event, EventKind
from harness.model.verdict import Verdict
from harness.play.board import SHORTEST_CARD, STUCK, Board, Rest, ShownCounts
from harness.play.cards import CardState, Doubts, verdict_of
from harness.play.counting import NS, Totals
from harness.play.pauses import PauseDetector
from harness.play.tracking import MadeChange

GOOD = Totals(sent=100, ok=100)
LOST = Totals(sent=100, ok=97, lost={"status 503": 3}, first_loss=10.1, last_lost=10.3, last_loss=10.4)
QUIET = Rest(is_quiet=True)
BUSY = Rest(is_quiet=False)
ORIGIN = 1000 * NS


def at(seconds: float) -> int:
    """Return a time of CLOCK_MONOTONIC, from seconds since the origin."""
    return ORIGIN + round(seconds * NS)


def made(seconds: float, text: str = "Deployment apple: replicas 1 to 2") -> MadeChange:
    """Return a change."""
    return MadeChange(at(seconds), "Deployment", "apple", "default", text)


@pytest.fixture
def board() -> Board:
    """Return a board whose traffic runs."""
    return Board(origin=ORIGIN, counts=ShownCounts(total=GOOD))


@pytest.mark.parametrize(
    ("totals", "doubts", "verdict"),
    [
        (GOOD, Doubts(), Verdict.LOSSLESS),
        (LOST, Doubts(), Verdict.LOSSY),
        (LOST, Doubts(paused=True), Verdict.LOSSY),
        (GOOD, Doubts(paused=True), Verdict.INCONCLUSIVE),
        (GOOD, Doubts(unplanned=True), Verdict.INCONCLUSIVE),
        (GOOD, Doubts(blind=True), Verdict.INCONCLUSIVE),
        (replace(GOOD, unknown=1), Doubts(), Verdict.INCONCLUSIVE),
        (replace(GOOD, ok=99), Doubts(), Verdict.INCONCLUSIVE),
        (Totals(), Doubts(), Verdict.INCONCLUSIVE),
    ],
)
def test_unknown_is_not_success(totals: Totals, doubts: Doubts, verdict: Verdict) -> None:
    """Each single doubt keeps a card from being lossless, and none hides a loss."""
    assert verdict_of(totals, doubts) is verdict


def test_a_card_settles_when_the_cluster_does(board: Board) -> None:
    """It has no verdict before, however long that takes; afterwards it keeps it."""
    card = board.change(made(10))
    board.tick(at(10 + SHORTEST_CARD + 60), BUSY, GOOD, 0, is_whole=True)
    assert (card.state, card.verdict) == (CardState.SETTLING, None)
    board.tick(at(75), QUIET, GOOD, 3, is_whole=True)
    board.tick(at(76), QUIET, LOST, 9, is_whole=True)

    assert (card.state, card.verdict, card.cut) == (CardState.SETTLED, Verdict.LOSSLESS, 3)


def test_a_card_does_not_settle_at_once(board: Board) -> None:
    """Right after the change all is quiet, because no controller has begun."""
    card = board.change(made(10))
    board.tick(at(10 + SHORTEST_CARD - 0.1), QUIET, GOOD, 0, is_whole=True)

    assert card.state is CardState.SETTLING


def test_losses_that_go_on_keep_the_card_open(board: Board) -> None:
    """It has a verdict, and counts on until no request is lost."""
    card = board.change(made(10))
    board.tick(at(20), QUIET, replace(LOST, last_loss=19.9), 0, is_whole=True)
    assert (card.state, card.verdict) == (CardState.LOSING, Verdict.LOSSY)
    board.counts = ShownCounts(total=replace(LOST, last_loss=19.9))
    assert board.view(at(20))["answer"]["state"] == "losing"
    board.tick(at(30), QUIET, replace(LOST, lost={"status 503": 50}, last_loss=27.0), 0, is_whole=True)

    assert (card.state, card.totals.lost_total) == (CardState.SETTLED, 50)


def test_a_change_during_a_rollout_belongs_to_its_card(board: Board) -> None:
    """Overlapping changes share a card. The next change after the rest has a card of its own."""
    first = board.change(made(10))
    assert board.change(made(12, "again")) is first
    board.tick(at(17), QUIET, GOOD, 0, is_whole=True)
    second = board.change(made(20))

    assert [text for _, text in first.changes][-1] == "again"
    assert (second.number, len(board.cards)) == (2, 2)


def test_a_rollout_that_is_stuck_settles_after_a_while(board: Board) -> None:
    """The card then names the Deployment."""
    stuck = Rest(is_quiet=True, unfinished="apple")
    card = board.change(made(10))
    board.tick(at(10 + STUCK - 1), stuck, GOOD, 0, is_whole=True)
    assert card.state is CardState.SETTLING
    board.tick(at(10 + STUCK + 1), stuck, GOOD, 0, is_whole=True)

    assert (card.state, card.unfinished_rollout) == (CardState.SETTLED, "apple")


def test_a_pause_makes_a_card_inconclusive(board: Board) -> None:
    """Only a card during which it happened."""
    first = board.change(made(10))
    board.pause((at(11), at(60)))
    board.tick(at(70), QUIET, GOOD, 0, is_whole=True)
    second = board.change(made(80))
    board.tick(at(90), QUIET, GOOD, 0, is_whole=True)

    assert (first.verdict, first.doubts) == (Verdict.INCONCLUSIVE, ("paused",))
    assert second.verdict is Verdict.LOSSLESS


def test_a_cluster_that_cannot_be_watched_is_in_doubt(board: Board) -> None:
    """Until the watch goes on."""
    card = board.change(made(10))
    board.record(Event(at(11), EventKind.WATCH, "Pod", "interrupted"))
    board.tick(at(20), QUIET, GOOD, 0, is_whole=True)

    assert card.doubts == ("blind",)
    assert board.view(at(21))["answer"]["state"] == "inconclusive"


@pytest.mark.parametrize(
    ("looks", "pauses"),
    [
        ([(0.2, 0), (0.4, 0), (0.7, 0)], []),
        ([(0.2, 0), (9.0, 0), (9.2, 0)], [(0.2, 9.0)]),  # SIGSTOP: both clocks go on
        ([(0.2, 0), (0.4, 3600), (0.6, 3600)], [(0.2, 0.4)]),  # sleep: only CLOCK_BOOTTIME goes on
    ],
)
def test_a_pause_is_found(looks: list[tuple[float, float]], pauses: list[tuple[float, float]]) -> None:
    """By late looks, and by the clock that goes on while the machine sleeps. The wall clock is not read."""
    detector = PauseDetector()
    for monotonic, slept in looks:
        detector.look(at(monotonic), at(monotonic + slept))

    assert detector.spans == [(at(begin), at(end)) for begin, end in pauses]


def test_the_answer(board: Board) -> None:
    """Starting, lossless since the last loss of all, then the cost of the last change."""
    assert Board().view(0)["answer"] == {"state": "starting"}
    board.counts = ShownCounts(total=replace(GOOD, last_loss=3.0))
    board.tick(at(60), QUIET, GOOD, 0, is_whole=True)
    assert board.view(at(60))["answer"] == {"state": "lossless", "since": 3.0}
    board.change(made(61))
    board.tick(at(80), QUIET, LOST, 0, is_whole=True)

    assert board.view(at(81))["answer"] == {"state": "lossy", "lost": 3, "card": 1}


def test_the_states_of_a_pod(board: Board) -> None:
    """A terminating pod that becomes unready stays terminating until it is gone."""
    for second, what in enumerate(["created", "scheduled", "started", "ready", "terminating", "unready", "gone"]):
        board.record(Event(at(second), EventKind.POD, "apple-1", what))
    (pod,) = board.view(at(9))["pods"]

    assert [state for state, _ in pod["states"]] == ["pending", "starting", "ready", "terminating", "gone"]
