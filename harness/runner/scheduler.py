"""Trials side by side, and the way out when the user says stop.

Every trial has a cluster of its own, so that one trial's reload never reaches another's connections.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from harness.kit import interruption
from harness.kit.interruption import Interrupted
from harness.runner.progress import RunProgress
from harness.runner.trial_order import TrialJob

log = logging.getLogger(__name__)


def run_lanes(
    jobs: Sequence[TrialJob], lanes: int, run_one: Callable[[TrialJob], str], progress: RunProgress
) -> tuple[str, ...]:
    """Run all jobs, at most ``lanes`` at a time.

    Args:
        jobs: In the order in which they are begun.
        lanes: Threads.
        run_one: Runs a job; returns what failed in it, empty if nothing did.
        progress: Told as each ends.

    Returns:
        The tracebacks of jobs that raised: bugs of the harness.

    Raises:
        Interrupted: After every running trial has cleaned up, when SIGINT or SIGTERM came.
    """
    bugs: list[str] = []
    with ThreadPoolExecutor(lanes, thread_name_prefix="lane") as pool:
        pending = {pool.submit(_guarded, run_one, job): job for job in jobs}
        try:
            while pending:
                done, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    _settle(future, pending.pop(future), progress, bugs)
                interruption.check()
        except (KeyboardInterrupt, Interrupted):
            interruption.interrupt()
            progress.note("stopping: every trial takes its cluster down")
            for future in pending:
                future.cancel()
            wait(pending)
            for future, job in pending.items():
                if not future.cancelled():
                    _settle(future, job, progress, bugs)
            raise Interrupted from None
    interruption.check()
    return tuple(bugs)


def _guarded(run_one: Callable[[TrialJob], str], job: TrialJob) -> str:
    """Nothing begins after the interruption, not even in a lane that has heard of it already."""
    if interruption.requested():
        raise Interrupted
    return run_one(job)


def _settle(future: Future[str], job: TrialJob, progress: RunProgress, bugs: list[str]) -> None:
    """Tell how a job ended; an exception is kept as text."""
    error = future.exception()
    if error is None:
        progress.ended(job.name, future.result())
    elif isinstance(error, Interrupted):
        progress.ended(job.name, "interrupted")
    else:
        text = "".join(traceback.format_exception(error))
        log.error("trial %s: %s", job.name, text)
        bugs.append(f"{job.name}:\n{text}")
        progress.ended(job.name, f"{type(error).__name__}: {error}")
