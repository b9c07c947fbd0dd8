"""Begins further segments of a ledger while it is written."""

from __future__ import annotations

from collections.abc import Callable, Collection

from harness.errors import HarnessError
from harness.store.ledger import ConnectionLedger, LedgerWriter
from harness.store.segments import next_segment


class Rotation:
    """The segments of one writer's attempts and connections, which begin together.

    Args:
        ledger: Its attempts.
        connections: Its connections.
        still_open: Returns the numbers of the connections that are open.

    Attributes:
        complete: Number of segments whose attempts all have an outcome; no further byte of them changes.
        present: Number of the segment that gets the next attempt.
        failure: Reason why the latest attempt to begin a segment failed; empty if it did not.
    """

    def __init__(
        self, ledger: LedgerWriter, connections: ConnectionLedger, still_open: Callable[[], Collection[int]]
    ) -> None:
        self.complete = self.present = 0
        self.failure = ""
        self._ledger, self._connections, self._still_open = ledger, connections, still_open

    def rotate(self) -> bool:
        """Begin another segment. If there is no room, return False; the present one then goes on."""
        still_open = self._still_open()
        try:
            rows = self._connections.following(next_segment(self._connections.path), len(still_open))
        except HarnessError as error:
            self.failure = error.message
            return False
        try:
            # A reader takes the next file of attempts as a sign that the present one gets no further row: it comes
            # last, when nothing else can fail.
            attempts = self._ledger.following(next_segment(self._ledger.path))
        except HarnessError as error:
            self.failure = error.message
            rows.discard()
            return False
        self.failure = ""
        self._connections.rotate(rows, still_open)
        self._ledger.rotate(attempts)
        self.present += 1
        return True

    def settle(self) -> None:
        """Close the segments that are complete now."""
        self.complete += self._ledger.complete()
