"""A ledger gets another segment when it is time, and a full disk is reported once."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.model.attempt import Method, Outcome, Progress
from harness.model.shapes import Shape
from harness.store.ledger import ConnectionLedger, LedgerWriter
from harness.store.rotation import Rotation
from harness.traffic.event_log import EventLog, EventLogReader
from harness.traffic.timed_rotation import TimedRotation


class Sender:
    """A ledger whose clock the test sets.

    Args:
        directory: Folder of its files.
    """

    def __init__(self, directory: Path) -> None:
        self.seconds = 0.0
        self.ledger = LedgerWriter(directory / "ledger-0.npy", origin_ns=0, chunk=8)
        connections = ConnectionLedger(directory / "connections-0.npy", origin_ns=0, chunk=8)
        journal = EventLog(directory / "traffic.jsonl")
        self.reader = EventLogReader(directory / "traffic.jsonl")
        rotation = Rotation(self.ledger, connections, lambda: ())
        self.timed = TimedRotation(rotation, self.ledger, journal, 10.0, lambda: round(self.seconds * 1e9))

    def after(self, seconds: float) -> list[tuple[str, str]]:
        """Send a request, let time pass, look, and return the new events."""
        row = self.ledger.intent(0, 0, Method.GET, Shape.NEW, sent=0)
        self.ledger.outcome(row, Outcome.OK, Progress.ANSWERED, done=1)
        self.seconds += seconds
        self.timed.look()
        return [(event["event"], str(event.get("text", event["number"]))) for event in self.reader.poll()]


@pytest.fixture
def sender(tmp_path: Path) -> Sender:
    """Return a sender that has sent nothing yet."""
    return Sender(tmp_path)


def test_a_segment_is_reported_when_it_is_time(sender: Sender) -> None:
    """The time counts from the begin of the present segment."""
    assert [sender.after(seconds) for seconds in (9.9, 0.1, 9.0, 1.0)] == [
        [], [("segment", "0")], [], [("segment", "1")],
    ]  # fmt: skip


def test_a_full_disk_is_reported_once_and_again_after_it_had_room(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The present segment goes on, and the next look tries again."""

    def full(*_: object) -> None:
        raise HarnessError("No room on disk for ledger-0.0001.npy.")

    found = []
    for is_full in (True, True, False, True):
        with monkeypatch.context() as patch:
            if is_full:
                patch.setattr(LedgerWriter, "following", full)
            found.append(sender.after(10.0))

    complaint = ("unrotated", "No room on disk for ledger-0.0001.npy.")
    assert found == [[complaint], [], [("segment", "0")], [complaint]]
