"""What a user may say about a run beside its Experiment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.traffic.plan import Crew

#: Most trials side by side per processor core. A trial mostly waits (for grace periods, sync intervals, phases) and at
#: the default rates needs a twentieth of a core; how many really run is decided by what is free (``Admission``).
LANES_PER_CORE = 8


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of one run.

    Attributes:
        cluster: Kind of cluster (``local``, ``kind``).
        out: Run directory to create; ``None`` makes one below ``reports/``.
        only: Which cells: ``{"configuration": globs, "change": globs}``.
        parallel: Trials side by side; 0 lets the processor time decide that is free.
        keep: Keep the clusters' state directories beside the evidence.
        profile: Delay profile of local clusters.
        command: The command line, for the report.
        cluster_options: Further options of the kind of cluster, by name.
        workers: Processes on this machine that share the sending; 0 only where others are expected.
        expect_workers: Processes that join from this or other machines and share it too.
        bind: Address and port at which those are awaited.
        retry_inconclusive: How often a trial is repeated that is inconclusive because the machine was busy.
        repeats: The run directory whose inconclusive cells are run again; empty for none.
    """

    cluster: str = "local"
    out: Path | None = None
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parallel: int = 0
    keep: bool = False
    profile: str = "kind"
    command: str = ""
    cluster_options: Mapping[str, str] = field(default_factory=dict)
    workers: int = 1
    expect_workers: int = 0
    bind: tuple[str, int] = ("127.0.0.1", 0)
    retry_inconclusive: int = 0
    repeats: str = ""

    def crew(self, *, last: bool) -> Crew | None:
        """Who shares the sending of a trial; None if one process does it alone."""
        if self.workers == 1 and not self.expect_workers:
            return None
        return Crew(local=self.workers, remote=self.expect_workers, bind=self.bind, last=last)

    def lanes(self, trials: int) -> int:
        """Trials to run side by side, given how many there are; one where workers join, since they do one at a time."""
        if self.expect_workers:
            return 1
        return max(1, min(trials, self.parallel or LANES_PER_CORE * cores()))
