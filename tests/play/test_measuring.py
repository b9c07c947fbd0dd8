"""The counts of a card are those of the ledger: no request is left out, and none is counted that is not its own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from harness.model.attempt import Method, Outcome, Progress
from harness.model.experiment import Route, TrafficPlan
from harness.model.shapes import Shape
from harness.play.counting import NS, Switches, Totals, count_switches
from harness.play.measuring import LATEST_SEND_NS, LiveMeasure
from harness.store.ledger import LedgerWriter

PLAN = TrafficPlan(rate=10.0, routes=(Route("/apple"),), shapes=(Shape.NEW,))
#: Nanoseconds between two slots.
GAP = NS // 10


class Ledger:
    """A ledger as a sender writes it, with an attempt every tenth of a second."""

    def __init__(self, folder: Path) -> None:
        self.writer = LedgerWriter(folder / "ledger-0.npy", origin_ns=0)
        (folder / "traffic.jsonl").write_text(
            json.dumps({"event": "responder", "number": 1, "text": "apple-v1"}) + "\n"
        )
        self.measure = LiveMeasure(folder, PLAN)

    def add(self, outcome: Outcome, *, took: float = 0.01, status: int = 0) -> int:
        """Write the next attempt."""
        planned = self.writer.used * GAP
        row = self.writer.intent(planned, 0, Method.GET, Shape.NEW, sent=planned)
        if outcome is not Outcome.UNFINISHED:
            done = planned + round(took * NS)
            responder = int(outcome is Outcome.OK)
            self.writer.outcome(row, outcome, Progress.ANSWERED, done=done, status=status, responder=responder)
        return row


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Return a ledger with twenty answered requests, which fill two seconds."""
    found = Ledger(tmp_path)
    for _ in range(20):
        found.add(Outcome.OK)
    return found


def rows_of(*answers: tuple[int, int, Outcome]) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """Return attempts with their number, responder and outcome, on route 0 when their number is even."""
    found = np.zeros(len(answers), [("number", "<i8"), ("responder", "<u2"), ("outcome", "u1"), ("route", "u1")])
    for row, (number, responder, outcome) in zip(found, answers, strict=True):
        row["number"], row["responder"], row["outcome"], row["route"] = number, responder, outcome, number % 2
    return found


def test_switches_within_a_session() -> None:
    """Two sessions on route 0, with the attempts 0, 4, 8 and 2, 6, 10. A lost request is no version."""
    ok, lost = Outcome.OK, Outcome.STATUS
    steady = [(0, 1, ok), (1, 2, ok), (2, 2, ok), (3, 1, ok), (4, 1, ok), (6, 2, ok)]
    rows = rows_of(*steady, (8, 0, lost), (10, 1, ok), (12, 2, ok))

    assert count_switches(rows_of(*steady), {0: 2}, 2) == Switches(changes=0, sessions=2)
    assert count_switches(rows, {0: 2}, 2) == Switches(changes=2, sessions=2)
    assert count_switches(rows, {}, 2) == Switches()


def test_losses_by_class(ledger: Ledger) -> None:
    """A status has its number. A request that was not sent is no loss and no success."""
    for outcome, status in ((Outcome.STATUS, 503), (Outcome.STATUS, 503), (Outcome.REFUSED, 0), (Outcome.MISSED, 0)):
        ledger.add(outcome, status=status)
    ledger.measure.read()
    found = ledger.measure.totals(2 * NS, 3 * NS)

    assert dict(found.lost) == {"status 503": 2, "refused": 1}
    assert (found.sent, found.ok, found.unknown) == (3, 0, 1)
    assert found.first_loss == 2.0
    assert found.last_lost == 2.2
    assert found.last_loss == pytest.approx(2.21)
    assert ledger.measure.total().lost_total == 3


def test_a_request_in_flight_belongs_to_the_change(ledger: Ledger) -> None:
    """One that was sent shortly before and ended after it; one that was answered before does not."""
    ledger.add(Outcome.RESET, took=0.5)
    ledger.measure.read()

    assert ledger.measure.totals(2 * NS + 1, 3 * NS).lost_total == 1
    assert ledger.measure.totals(2 * NS + NS, 3 * NS).lost_total == 0


def test_a_request_that_hung_before_the_change_is_not_its_loss(ledger: Ledger) -> None:
    """It had waited for longer than half a second when the change began."""
    ledger.add(Outcome.TIMEOUT_RESPONSE, took=3)
    ledger.measure.read()

    assert ledger.measure.totals(2 * NS + NS, 6 * NS).lost_total == 0
    assert ledger.measure.totals(2 * NS + NS // 4, 6 * NS).lost_total == 1


def test_a_slot_without_a_row_is_seen(ledger: Ledger) -> None:
    """A sender that has died leaves a stretch that is not whole."""
    ledger.measure.read()

    assert ledger.measure.is_whole(NS, 2 * NS)
    assert not ledger.measure.is_whole(NS, 2 * NS + GAP + 1)
    assert not ledger.measure.is_whole(NS, NS)


def test_a_request_under_way_ends_what_is_known(ledger: Ledger) -> None:
    """Nothing is judged beyond it, and it is no success."""
    ledger.add(Outcome.UNFINISHED)
    for _ in range(5):
        ledger.add(Outcome.OK)
    ledger.measure.read()

    assert ledger.measure.horizon(9 * NS) == 2 * NS
    assert not ledger.measure.is_whole(NS, 2 * NS + GAP)
    assert (ledger.measure.total().sent, ledger.measure.total().ok) == (26, 25)


def test_the_latest_requests_may_not_be_written_yet(ledger: Ledger) -> None:
    """Measuring ends before the slots that a sender may still send in time."""
    ledger.measure.read()

    assert ledger.measure.horizon(2 * NS) == 2 * NS - LATEST_SEND_NS


def test_bins_and_shares(ledger: Ledger) -> None:
    """Each second, and who answered; a loss is shown by its class."""
    ledger.add(Outcome.STATUS, status=404)
    ledger.measure.read()

    assert ledger.measure.bins(3 * NS, 90) == [[10, 0, 0], [10, 0, 0], [0, 1, 0]]
    assert ledger.measure.shares(NS, 3 * NS) == {"/apple": {"apple-v1": 10, "status 404": 1}}


@pytest.mark.parametrize("end_ns", [-5_000_000, 0, 5_000_000])
def test_there_are_no_bins_before_the_first_second(ledger: Ledger, end_ns: int) -> None:
    """The origin lies some milliseconds ahead of the first look."""
    ledger.measure.read()

    assert ledger.measure.bins(end_ns, 90) == []


def test_sums_of_counts() -> None:
    """Both stretches together."""
    early = Totals(sent=2, ok=1, lost={"reset": 1}, first_loss=1.0, last_lost=1.2, last_loss=1.5)
    late = Totals(sent=3, ok=1, lost={"reset": 1, "closed": 1}, first_loss=4.0, last_lost=4.5, last_loss=5.0)

    assert early + late == Totals(
        sent=5, ok=2, lost={"reset": 2, "closed": 1}, first_loss=1.0, last_lost=4.5, last_loss=5.0
    )
    assert Totals() + early == early
