"""One schedule sent by several workers: which of its slots are whose, by arithmetic alone.

Whole rounds (one slot of each stream) go to the workers in turn. So every worker sends every stream, each keeps its own
count of slots without a word to the others, and the judge knows whose slot is missing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Share:
    """A worker's part of a schedule.

    Attributes:
        worker: Its number, from 0.
        of: How many workers there are.
    """

    worker: int = 0
    of: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.worker < self.of:
            raise ValueError(f"there is no worker {self.worker} of {self.of}")

    def global_slot(self, local: int, n_streams: int) -> int:
        """The number in the whole schedule of this worker's slot ``local``; works on integer arrays too."""
        return ((local // n_streams) * self.of + self.worker) * n_streams + local % n_streams

    def local_count(self, global_count: int, n_streams: int) -> int:
        """How many of the schedule's first ``global_count`` slots are this worker's."""
        rounds, rest = divmod(global_count, n_streams)
        own, turn = divmod(rounds, self.of)
        if self.worker < turn:
            return (own + 1) * n_streams
        return own * n_streams + (rest if self.worker == turn else 0)

    def part(self, total: int) -> int:
        """This worker's part of something that is divided as evenly as whole numbers allow; the parts sum to it."""
        return total // self.of + (self.worker < total % self.of)
