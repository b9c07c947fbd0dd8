"""How a trial went as an execution: its clock, when traffic began and stopped, and what failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.kit.clock import Clock


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """The facts of a trial's execution, kept beside its evidence.

    Attributes:
        clock: Wall time of the monotonic times in the evidence.
        origin_ns: Origin of the traffic's schedule, CLOCK_MONOTONIC; 0 if traffic never began.
        stopped_ns: When planning stopped; 0 if it was never told to.
        facts: What the cluster says of itself.
        failure: What went wrong with the trial; empty if nothing did.
        interrupted: Whether the run was stopped meanwhile.
    """

    clock: Clock
    origin_ns: int = 0
    stopped_ns: int = 0
    facts: Mapping[str, str] = field(default_factory=dict)
    failure: str = ""
    interrupted: bool = False

    @classmethod
    def unknown(cls) -> TrialOutcome:
        """Of a trial that left none: nothing is known."""
        return cls(clock=Clock(0, 0))
