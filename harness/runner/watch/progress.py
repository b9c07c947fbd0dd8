"""Receives a watch's progress; the command line decides how to show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from harness.traffic.live import LiveCounts


@dataclass(frozen=True, slots=True)
class LastLoss:
    """The latest lost request.

    Attributes:
        label: Class of the loss, such as ``timeout-connect``.
        ago: Seconds since the request ended.
    """

    label: str
    ago: float


@dataclass(frozen=True, slots=True)
class WatchCounts:
    """Current counts of the ledgers of all origins.

    Attributes:
        elapsed: Seconds since traffic began.
        sent: Requests sent.
        ok: Requests with the expected answer.
        lost: Requests lost.
        last_loss: The latest lost request; None if none was lost.
        origins: The counts of each origin's ledger, by its URL.
    """

    elapsed: float
    sent: int
    ok: int
    lost: int
    last_loss: LastLoss | None = None
    origins: Mapping[str, LiveCounts] = field(default_factory=dict)


class WatchProgress(Protocol):
    """Receives the progress of a watch."""

    def note(self, text: str) -> None:
        """Report a step, or an event that deserves a line of its own."""

    def counts(self, counts: WatchCounts) -> None:
        """Report the current counts; called several times a second during traffic."""
