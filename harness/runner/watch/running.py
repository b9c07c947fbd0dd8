"""Runs a watch from its first request to its report; the account is correct and on disk however the watch ends."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.errors import ExitCode, HarnessError
from harness.kit.interruption import Interrupted, shielded
from harness.kit.waiting import wait_until
from harness.model.rates import rate_text
from harness.model.watch import WatchVerdict
from harness.runner.environment import describe_environment
from harness.runner.watch.judging import judge_again, write_verdict
from harness.runner.watch.plan import END, PLAN, Origin, WatchEnd, WatchPlan, directory_of
from harness.runner.watch.progress import LastLoss, WatchCounts, WatchProgress
from harness.runner.watch.sender import Sender
from harness.store.records import to_json
from harness.store.rundir import RunDirectory, write_json
from harness.traffic.calibration.server import FaultyServer

#: Seconds between two reads of the ledgers.
_READ_INTERVAL = 0.25


@dataclass(frozen=True, slots=True)
class WatchResult:
    """The result of a watch.

    Attributes:
        directory: The run directory.
        verdict: The judgement of all evidence that exists.
        unkept: Reason why evidence or report could not be written; empty if all was written.
    """

    directory: Path
    verdict: WatchVerdict
    unkept: str = ""

    @property
    def exit_code(self) -> int:
        """Return the verdict's exit code, or that of a harness failure if the evidence could not be kept."""
        return ExitCode.HARNESS_FAILED if self.unkept else self.verdict.exit_code


def run_watch(
    urls: Sequence[str],
    origins: Sequence[Origin],
    progress: WatchProgress,
    *,
    out: Path | None,
    seconds: float,
    workers: int,
    command: str,
) -> WatchResult:
    """Send until the time is up or an interruption comes; then drain, judge and report.

    Args:
        urls: The URLs as the user wrote them.
        origins: The origins with their traffic.
        progress: Receives the current counts.
        out: Run directory to create; None creates one below ``reports/``.
        seconds: Duration of the traffic; 0 means until an interruption.
        workers: Number of sending processes per origin.
        command: Command line, for the report.

    Raises:
        InvalidInputError: ``out`` is not empty.
        HarnessError: The run directory can't be created.
    """
    run = RunDirectory.create(out, f"watch-{origins[0].host}")
    plan = WatchPlan(
        urls=tuple(urls),
        origins=tuple(origins),
        seconds=seconds,
        workers=workers,
        command=command,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        environment=describe_environment(),
    )
    senders = [Sender(origin, directory_of(run, number), workers) for number, origin in enumerate(origins, start=1)]
    for sender in senders:
        sender.directory.traffic.mkdir(parents=True)
    write_json(run.path / PLAN, to_json(plan))
    run.seal("plan")
    progress.note(f"evidence in {run.path}")
    with ExitStack() as stack:
        interrupted = _send(plan, senders, run, stack, progress)
    progress.note("judging")
    return conclude(run, senders, interrupted=interrupted)


def _send(
    plan: WatchPlan, senders: Sequence[Sender], run: RunDirectory, stack: ExitStack, progress: WatchProgress
) -> bool:
    """Send traffic from preparation to last answer; returns True if it was interrupted."""
    interrupted = False
    try:
        _prepare(senders, run, stack, progress)
        with shielded():
            for sender in senders:
                sender.go(plan.seconds)
        _wait_for_end(plan, senders, progress)
    except Interrupted:
        interrupted = True
    for sender in senders:
        sender.stop()
    if any(sender.outcome.origin_ns for sender in senders):
        longest = max(origin.traffic.timeout for origin in plan.origins)
        progress.note(f"waiting for outstanding answers, at most {longest:g} s")
    for sender in senders:
        sender.drain()
    return interrupted


def _prepare(senders: Sequence[Sender], run: RunDirectory, stack: ExitStack, progress: WatchProgress) -> None:
    """Resolve names, start all processes, and calibrate each one's detector."""
    for sender in senders:
        sender.resolve()
    if all(sender.outcome.failure for sender in senders):
        return
    progress.note("calibrating the detector on known faults")
    server = stack.enter_context(FaultyServer.start(run.path / "calibration"))
    for sender in senders:
        child = sender.start((server.address, server.port))
        if child is not None:
            stack.enter_context(child)
    for sender in senders:
        sender.wait_ready()
    for sender in senders:
        if not sender.outcome.failure:
            rate = rate_text(sender.origin.traffic.rate)
            progress.note(f"watching {sender.origin.url} ({sender.address}, port {sender.origin.port}) at {rate}")


def _wait_for_end(plan: WatchPlan, senders: Sequence[Sender], progress: WatchProgress) -> None:
    """Report counts until the time is up or no sender is left."""
    begin = time.monotonic()

    def done() -> bool:
        elapsed = time.monotonic() - begin
        progress.counts(_counts(senders, elapsed))
        return not any(sender.is_sending for sender in senders) or bool(plan.seconds and elapsed >= plan.seconds)

    wait_until(done, timeout=float("inf"), what="the end of the watch", interval=_READ_INTERVAL)


def _counts(senders: Sequence[Sender], elapsed: float) -> WatchCounts:
    counts, now = [(sender.outcome.origin_ns, sender.counts()) for sender in senders], time.monotonic_ns()
    losses = [
        LastLoss(each.last_loss[0].label, max(0.0, (now - origin_ns - each.last_loss[1]) / 1e9))
        for origin_ns, each in counts
        if each.last_loss is not None
    ]
    return WatchCounts(
        elapsed=elapsed,
        sent=sum(each.sent for _, each in counts),
        ok=sum(each.ok for _, each in counts),
        lost=sum(each.lost for _, each in counts),
        last_loss=min(losses, key=lambda loss: loss.ago, default=None),
    )


def conclude(run: RunDirectory, senders: Sequence[Sender], *, interrupted: bool) -> WatchResult:
    """Seal, judge and report; if the disk is full, still return the verdict."""
    try:
        for sender in senders:
            sender.write()
        write_json(run.path / END, to_json(WatchEnd(interrupted=interrupted)))
        run.seal("evidence")
        return WatchResult(run.path, write_verdict(run, judge_again(run)))
    except HarnessError as error:
        return WatchResult(run.path, judge_again(run), unkept=str(error))
