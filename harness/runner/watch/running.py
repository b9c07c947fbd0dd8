"""A watch from its first request to its report: however it ends, the account is right and on disk."""

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
from harness.runner.watch.judging import judge_again, keep
from harness.runner.watch.plan import END, PLAN, Origin, WatchEnd, WatchPlan, directory_of
from harness.runner.watch.progress import LastLoss, WatchCounts, WatchProgress
from harness.runner.watch.sender import Sender
from harness.store.records import to_json
from harness.store.rundir import RunDirectory, write_json
from harness.traffic.calibration.server import FaultyServer

#: Seconds between two looks at the ledgers.
_LOOK = 0.25


@dataclass(frozen=True, slots=True)
class WatchResult:
    """What a watch gave.

    Attributes:
        directory: The run directory.
        verdict: The judgement of whatever evidence there is.
        unkept: Why evidence or report could not be written; empty if all is there.
    """

    directory: Path
    verdict: WatchVerdict
    unkept: str = ""

    @property
    def exit_code(self) -> int:
        """The process's exit code: that of the verdict, if that can be shown to anybody later."""
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
    """Send until the time is up or an interruption comes, drain, judge and report.

    Args:
        urls: As they were given.
        origins: Where to, and what.
        progress: Told how it stands.
        out: Run directory to make; None makes one below ``reports/``.
        seconds: How long requests are planned for; 0 until an interruption.
        workers: Processes that send.
        command: The command line, for the report.

    Raises:
        InvalidInputError: ``out`` is not empty.
        HarnessError: The run directory can't be made.
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
    return _conclude(run, senders, progress, interrupted=interrupted)


def _send(
    plan: WatchPlan, senders: Sequence[Sender], run: RunDirectory, stack: ExitStack, progress: WatchProgress
) -> bool:
    """Traffic from its preparation to its last answer; returns whether it was interrupted."""
    interrupted = False
    try:
        _prepare(senders, run, stack, progress)
        with shielded():
            for sender in senders:
                sender.go(plan.seconds)
        _keep_on(plan, senders, progress)
    except Interrupted:
        interrupted = True
    for sender in senders:
        sender.stop()
    if any(sender.outcome.origin_ns for sender in senders):
        longest = max(origin.traffic.timeout for origin in plan.origins)
        progress.note(f"waiting for the answers under way, at most {longest:g} s")
    for sender in senders:
        sender.drain()
    return interrupted


def _prepare(senders: Sequence[Sender], run: RunDirectory, stack: ExitStack, progress: WatchProgress) -> None:
    """Look names up, start all processes, and prove each one's detector."""
    for sender in senders:
        sender.look_up()
    if all(sender.outcome.failure for sender in senders):
        return
    progress.note("proving the detector on known faults")
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


def _keep_on(plan: WatchPlan, senders: Sequence[Sender], progress: WatchProgress) -> None:
    """Tell how it stands until the time is up or nobody sends any more."""
    begin = time.monotonic()

    def done() -> bool:
        elapsed = time.monotonic() - begin
        progress.counts(_counts(senders, elapsed))
        return not any(sender.is_sending for sender in senders) or bool(plan.seconds and elapsed >= plan.seconds)

    wait_until(done, timeout=float("inf"), what="the end of the watch", interval=_LOOK)


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


def _conclude(
    run: RunDirectory, senders: Sequence[Sender], progress: WatchProgress, *, interrupted: bool
) -> WatchResult:
    """Seal, judge and report; where the disk is full, at least tell."""
    progress.note("judging")
    try:
        for sender in senders:
            sender.write()
        write_json(run.path / END, to_json(WatchEnd(interrupted=interrupted)))
        run.seal("evidence")
        return WatchResult(run.path, keep(run, judge_again(run)))
    except HarnessError as error:
        return WatchResult(run.path, judge_again(run), unkept=str(error))
