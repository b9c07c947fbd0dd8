"""Records how a trial was executed: its clock, when traffic began and stopped, and what failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.kit.clock import Clock

#: The failure of an outcome while traffic goes on. If it is still on disk afterwards, the watch was killed.
UNENDED = "it was killed before its end"


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """The facts of a trial's execution, stored next to its evidence.

    Attributes:
        clock: Converts the monotonic times of the evidence to wall time.
        origin_ns: Start of the traffic's schedule, nanoseconds of CLOCK_MONOTONIC; 0 if traffic never began.
        stopped_ns: End of the schedule, nanoseconds of CLOCK_MONOTONIC; 0 if it was never stopped.
        facts: The cluster's description of itself, by name.
        failure: Reason why the trial failed; empty if it did not.
        interrupted: The run was stopped during the trial.
    """

    clock: Clock
    origin_ns: int = 0
    stopped_ns: int = 0
    facts: Mapping[str, str] = field(default_factory=dict)
    failure: str = ""
    interrupted: bool = False

    @classmethod
    def unknown(cls) -> TrialOutcome:
        """Return the outcome of a trial that left none."""
        return cls(clock=Clock(0, 0))
