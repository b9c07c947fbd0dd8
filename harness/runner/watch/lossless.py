"""Keeps traffic on URLs around a block of code, and raises at its end unless every request was answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.errors import HarnessError, InconclusiveError, UnexpectedVerdictError
from harness.kit.waiting import pause, wait_until
from harness.model.verdict import Verdict
from harness.report.terminal import plain
from harness.report.watch import document
from harness.runner.watch.progress import WatchCounts
from harness.runner.watch.running import RunningWatch, WatchResult


class Traffic:
    """The traffic of a ``lossless`` block.

    Attributes:
        directory: The run directory with the evidence.
        result: The verdict with its account; None until the block has ended.
    """

    def __init__(self, watch: RunningWatch) -> None:
        self._watch = watch
        self.directory = watch.directory
        self.result: WatchResult | None = None

    def counts(self) -> WatchCounts:
        """Return the counts so far: seconds, requests sent, answered and lost, and the latest loss."""
        return self._watch.counts()

    def wait_for(self, requests: int, *, timeout: float = 60.0) -> None:
        """Wait until so many further requests were answered or lost.

        Args:
            requests: How many.
            timeout: Seconds.

        Raises:
            WaitTimeoutError: They were not in that time, since the rate is too low or the sender has ended.
        """
        begin = self._ended()
        wait_until(lambda: self._ended() >= begin + requests, timeout=timeout, what=f"{requests} further requests")

    def _ended(self) -> int:
        counts = self.counts()
        return counts.ok + counts.lost


@contextmanager
def guarded(watch: RunningWatch, *, baseline: float, settle: float) -> Iterator[Traffic]:
    """Send traffic while the block runs, and judge it at the end.

    Args:
        watch: A watch without an end of its own.
        baseline: Seconds of traffic before the block.
        settle: Seconds of traffic after the block.

    Raises:
        UnexpectedVerdictError: A request was lost.
        InconclusiveError: The traffic proves nothing.
        HarnessError: The evidence could not be saved.
    """
    __tracebackhide__ = True
    traffic = Traffic(watch)
    failure: BaseException | None = None
    with watch:
        try:
            watch.begin()
            # Without one of its senders a watch is inconclusive, and ``check`` raises before the block begins.
            if not watch.failures:
                pause(baseline)
                yield traffic
                pause(settle)
        except BaseException as error:  # noqa: BLE001 - it is raised again, after the traffic has ended in order
            failure = error
        watch.end()
    traffic.result = watch.conclude(interrupted=isinstance(failure, KeyboardInterrupt))
    if failure is not None:
        failure.add_note(f"The traffic meanwhile:\n{_account(traffic.result)}")
        raise failure
    check(traffic.result)


def check(result: WatchResult) -> None:
    """Return if no request was lost.

    Raises:
        UnexpectedVerdictError: A request was lost.
        InconclusiveError: The traffic proves nothing.
        HarnessError: The evidence could not be saved.
    """
    __tracebackhide__ = True  # pytest then shows the caller's line
    verdict, account = result.verdict, _account(result)
    if result.unkept:
        raise HarnessError("The evidence could not be saved.", detail=f"{result.unkept}\n{account}")
    if verdict.verdict is Verdict.LOSSY:
        lost, sent = verdict.identity.lost_total, verdict.identity.sent
        message = f"{lost:,} of {sent:,} requests were lost."
        raise UnexpectedVerdictError(message, account=account, directory=result.directory)
    if verdict.verdict is Verdict.INCONCLUSIVE:
        message = "The traffic is inconclusive: it proves nothing about losses."
        raise InconclusiveError(message, account=account, directory=result.directory)


def _account(result: WatchResult) -> str:
    return plain(document(result.verdict))
