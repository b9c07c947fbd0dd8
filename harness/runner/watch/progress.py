"""What a watch tells while it runs; the command line decides how that looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LastLoss:
    """The latest lost request.

    Attributes:
        label: Its class.
        ago: Seconds since it ended.
    """

    label: str
    ago: float


@dataclass(frozen=True, slots=True)
class WatchCounts:
    """What the ledgers show at this moment, over all origins.

    Attributes:
        elapsed: Seconds since traffic began.
        sent: Requests begun.
        ok: Requests answered as they should be.
        lost: Requests lost.
        last_loss: The latest of those; None if nothing was lost.
    """

    elapsed: float
    sent: int
    ok: int
    lost: int
    last_loss: LastLoss | None = None


class WatchProgress(Protocol):
    """Told of a watch's progress."""

    def note(self, text: str) -> None:
        """A further step, or something that is worth a line of its own."""

    def counts(self, counts: WatchCounts) -> None:
        """How it stands; several times a second while traffic flows."""
