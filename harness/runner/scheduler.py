"""Runs trials in parallel, and stops them in order when the user interrupts.

Trials that run side by side have clusters of their own, so that a reload never affects connections of another trial.
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


def run_jobs(
    jobs: Sequence[TrialJob], parallel: int, run_one: Callable[[TrialJob], str], progress: RunProgress
) -> tuple[str, ...]:
    """Run all jobs, at most ``parallel`` at a time.

    Args:
        jobs: The jobs, in the order in which they start.
        parallel: Number of threads.
        run_one: Runs a job; returns the reason of its failure, empty if it did not fail.
        progress: Receives the end of each job.

    Returns:
        The tracebacks of jobs that raised. Each is a bug of the harness.

    Raises:
        Interrupted: SIGINT or SIGTERM came; every running trial has cleaned up before this is raised.
    """
    bugs: list[str] = []
    with ThreadPoolExecutor(parallel, thread_name_prefix="trial") as pool:
        pending = {pool.submit(_guarded, run_one, job): job for job in jobs}
        try:
            while pending:
                done, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    _settle(future, pending.pop(future), progress, bugs)
                interruption.check()
        except (KeyboardInterrupt, Interrupted):
            interruption.interrupt()
            progress.note("stopping: every trial cleans up")
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
    """Run a job unless the run was interrupted.

    Without this check a free thread could start the next job after the interruption.
    """
    if interruption.requested():
        raise Interrupted
    return run_one(job)


def _settle(future: Future[str], job: TrialJob, progress: RunProgress, bugs: list[str]) -> None:
    """Report how a job ended; keep the traceback of an exception."""
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
