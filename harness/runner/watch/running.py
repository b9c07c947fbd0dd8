"""Runs a watch from its first request to its report; the account is correct and on disk however the watch ends."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.errors import ExitCode, HarnessError
from harness.kit.interruption import Interrupted, shielded
from harness.kit.waiting import wait_until
from harness.model.counted import KeepOk
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


class RunningWatch:
    """A watch whose processes live as long as the context; see ``create``."""

    def __init__(self, run: RunDirectory, plan: WatchPlan, senders: Sequence[Sender], progress: WatchProgress) -> None:
        self.directory = run.path
        self.plan = plan
        self._run = run
        self._senders = senders
        self._progress = progress
        self._stack = ExitStack()
        self._begun = 0.0

    @classmethod
    def create(
        cls,
        urls: Sequence[str],
        origins: Sequence[Origin],
        progress: WatchProgress,
        *,
        out: Path | None,
        seconds: float,
        workers: int,
        command: str,
        traced: bool = False,
        seal_every: float = 0.0,
        keep_ok: KeepOk = KeepOk.ALL,
    ) -> RunningWatch:
        """Create the run directory with its sealed plan. Nothing is started.

        Args:
            urls: The URLs as the user wrote them.
            origins: The origins with their traffic.
            progress: Receives the current counts.
            out: Run directory to create; None creates one below ``reports/``.
            seconds: Duration of the traffic; 0 means until ``end``.
            workers: Number of sending processes per origin.
            command: Command line, for the report.
            traced: Each request carries a ``traceparent``.
            seal_every: Seconds after which a ledger begins another segment, which ``is_over`` seals; 0 for one file.
            keep_ok: Which right answers far from any loss stay in sealed segments.

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
            keep_ok=keep_ok,
        )
        senders = [
            Sender(origin, directory_of(run, number), workers, traced=traced, seal_every=seal_every, keep_ok=keep_ok)
            for number, origin in enumerate(origins, start=1)
        ]
        for sender in senders:
            sender.directory.traffic.mkdir(parents=True)
        write_json(run.path / PLAN, to_json(plan))
        run.seal("plan")
        progress.note(f"evidence in {run.path}")
        return cls(run, plan, senders, progress)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @property
    def failures(self) -> tuple[str, ...]:
        """Return the reason of each sender that can't send; empty if all of them can."""
        return tuple(sender.outcome.failure for sender in self._senders if sender.outcome.failure)

    def begin(self) -> None:
        """Calibrate the detector of each sender, then begin to send."""
        _prepare(self._senders, self._run, self._stack, self._progress)
        with shielded():
            for sender in self._senders:
                sender.go(self.plan.seconds)
        self._begun = time.monotonic()

    def counts(self) -> WatchCounts:
        """Return the current counts of all ledgers."""
        return _counts(self._senders, time.monotonic() - self._begun)

    def is_over(self) -> bool:
        """Report the counts, and seal complete segments. Return True if the time is up, or no sender is left."""
        self._progress.counts(self.counts())
        self._seal()
        now = time.monotonic_ns()
        return not any(sender.is_sending and sender.has_time(now) for sender in self._senders)

    def end(self) -> None:
        """Plan no further request, and wait for the outstanding answers."""
        for sender in self._senders:
            sender.stop()
        if any(sender.outcome.origin_ns for sender in self._senders):
            longest = max(origin.traffic.timeout for origin in self.plan.origins)
            self._progress.note(f"waiting for outstanding answers, at most {longest:g} s")
        for sender in self._senders:
            sender.drain()
        self._seal()

    def _seal(self) -> None:
        for sender in self._senders:
            for notice in sender.seal():
                self._progress.note(notice)

    def conclude(self, *, interrupted: bool) -> WatchResult:
        """Seal, judge and report, after the context; if the disk is full, still return the verdict."""
        self._progress.note("judging")
        return conclude(self._run, self._senders, interrupted=interrupted)


def run_watch(
    urls: Sequence[str],
    origins: Sequence[Origin],
    progress: WatchProgress,
    *,
    out: Path | None,
    seconds: float,
    workers: int,
    command: str,
    traced: bool = False,
    seal_every: float = 0.0,
    keep_ok: KeepOk = KeepOk.ALL,
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
        traced: Each request carries a ``traceparent``.
        seal_every: Seconds after which a ledger begins another segment; 0 for one file.
        keep_ok: Which right answers far from any loss stay in sealed segments.

    Raises:
        InvalidInputError: ``out`` is not empty.
        HarnessError: The run directory can't be created.
    """
    watch = RunningWatch.create(
        urls, origins, progress, out=out, seconds=seconds, workers=workers, command=command, traced=traced,
        seal_every=seal_every, keep_ok=keep_ok,
    )  # fmt: skip
    interrupted = False
    with watch:
        try:
            watch.begin()
            wait_until(watch.is_over, timeout=float("inf"), what="the end of the watch", interval=_READ_INTERVAL)
        except Interrupted:
            interrupted = True
        watch.end()
    return watch.conclude(interrupted=interrupted)


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
        origins={sender.origin.url: each for sender, (_, each) in zip(senders, counts, strict=True)},
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
