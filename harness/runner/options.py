"""Options of a run that are not part of its Experiment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.traffic.plan import WorkerGroup

#: Most parallel trials per processor core. A trial mostly waits for grace periods, sync intervals and phases: at the
#: default rates it needs a twentieth of a core. ``Admission`` decides how many really run.
TRIALS_PER_CORE = 8


def cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of one run.

    Attributes:
        cluster: Kind of cluster (``local``, ``kind``, ``context``).
        out: Run directory to create; None creates one below ``reports/``.
        only: Cells to run: ``{"configuration": globs, "change": globs}``.
        parallel: The most parallel trials; 0 lets the free processor time decide.
        keep: Keep the clusters' state directories next to the evidence.
        profile: Delay profile of local clusters.
        command: Command line, for the report.
        cluster_options: Options of the kind of cluster, by name.
        workers: Processes on this machine that share the sending; 0 only together with ``expect_workers``.
        expect_workers: Further processes that join from this or other machines.
        bind: Address and port at which joining workers connect.
        retry_inconclusive: The most repetitions of a trial that is inconclusive because the machine was busy.
        traced: Each request carries a ``traceparent`` that follows from its id.
        in_rounds: Run the first trial of every cell before the second of any, so that all cells meet the same
            conditions.
        repeats: Description of the run whose inconclusive cells are run again; empty for none.
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
    traced: bool = False
    repeats: str = ""
    in_rounds: bool = False

    def sharing(self, *, last: bool) -> WorkerGroup | None:
        """Return how workers share the sending of a trial; None if one process sends alone.

        ``last`` marks the last trial of the run, after which joined workers may leave.
        """
        if self.workers == 1 and not self.expect_workers:
            return None
        return WorkerGroup(local=self.workers, remote=self.expect_workers, bind=self.bind, last=last)

    def parallel_trials(self, trials: int) -> int:
        """Return how many of these trials may run in parallel; 1 if workers join, since they serve one at a time."""
        if self.expect_workers:
            return 1
        return max(1, min(trials, self.parallel or TRIALS_PER_CORE * cores()))
