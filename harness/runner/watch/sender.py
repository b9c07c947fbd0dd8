"""Sends traffic to one origin in a child process, and ends it in order whatever happens."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic_ns

from harness.errors import HarnessError
from harness.kit.clock import Clock
from harness.model.counted import KeepOk
from harness.runner.execution import UNENDED, TrialOutcome
from harness.runner.watch.plan import Origin
from harness.runner.watch.sealing import LedgerSealing
from harness.store.records import to_json
from harness.store.rundir import TrialDirectory, write_json
from harness.traffic.live import LiveCounts
from harness.traffic.plan import TrafficChildPlan, WorkerGroup
from harness.traffic.process import TrafficChild

#: Seconds for Locust to start and for the detector's calibration.
_READY_SECONDS = 300.0
#: Seconds after the requests' own timeout in which a busy machine must have written all records.
_DRAIN_SECONDS = 60.0


class Sender:
    """Traffic to one origin, from its start to its last answer.

    Args:
        origin: The origin with its traffic.
        directory: Directory for its evidence.
        workers: Number of processes that share the sending.
        backends: File of backends, one of which is chosen for each connection; None connects to the origin itself.
        traced: Each request carries a ``traceparent``.
        seal_every: Seconds after which its ledger begins another segment; 0 for one file.
        keep_ok: Which right answers far from any loss stay in sealed segments.

    Attributes:
        outcome: Facts of the execution; on disk from the first request on.
        address: IP address of the origin; empty until the name is resolved.
    """

    def __init__(
        self,
        origin: Origin,
        directory: TrialDirectory,
        workers: int = 1,
        *,
        backends: Path | None = None,
        traced: bool = False,
        seal_every: float = 0.0,
        keep_ok: KeepOk = KeepOk.ALL,
    ) -> None:
        self._traced = traced
        self._seal_every = seal_every
        self._sealing = LedgerSealing(directory.traffic, workers, origin.traffic, keep_ok)
        self._noticed: set[str] = set()
        self.origin = origin
        self.backends = backends
        self.directory = directory
        self.outcome = TrialOutcome(clock=Clock.start())
        self.address = ""
        self._crew = WorkerGroup(local=workers) if workers > 1 else None
        self._child: TrafficChild | None = None
        self._end_ns = 0
        self._counts = LiveCounts(0, 0, 0)

    @property
    def is_sending(self) -> bool:
        """Return True if there is traffic, as far as is known."""
        return bool(self.outcome.origin_ns) and not self.outcome.stopped_ns and not self.outcome.failure

    def has_time(self, at_ns: int) -> bool:
        """Return True if the schedule has not ended at a time (CLOCK_MONOTONIC).

        Its time counts from its origin, some milliseconds after the command to begin: an earlier stop would omit slots.
        """
        return not self._end_ns or at_ns < self._end_ns

    def resolve(self) -> None:
        """Resolve the host name.

        It is resolved only once: if the name changed to another address in between, one watch would be two.
        """
        try:
            self.address = address_of(self.origin.host, self.origin.port)
        except HarnessError as error:
            self._fail(error)
        self.outcome = replace(self.outcome, facts={"address": self.address})

    def start(self, calibration: tuple[str, int]) -> TrafficChild | None:
        """Start the process, unless the name was not resolved; the caller leaves its context at the end."""
        if self.outcome.failure:
            return None
        plan = TrafficChildPlan(
            traffic=self.origin.traffic,
            answers={},
            directory=self.directory.traffic,
            crew=self._crew,
            calibration=calibration,
            traced=self._traced,
            segment_seconds=self._seal_every,
        )
        with self._failing():
            self._child = TrafficChild.start(plan)
        return self._child

    def wait_ready(self) -> None:
        """Wait until the detector is calibrated."""
        with self._failing():
            if self._child is not None:
                self._child.wait_ready(_READY_SECONDS)

    def go(self, seconds: float) -> None:
        """Begin to send, for so many seconds; 0 means until ``stop``."""
        with self._failing():
            if self._child is not None and not self.outcome.failure:
                origin_ns = self._child.go(self.address, self.origin.port, seconds=seconds, backends=self.backends)
                self.outcome = replace(self.outcome, origin_ns=origin_ns)
                self._end_ns = origin_ns + round(seconds * 1e9) if seconds else 0
                write_json(self.directory.outcome, to_json(replace(self.outcome, failure=UNENDED)))

    def counts(self) -> LiveCounts:
        """Return the ledger's current counts; for a sender that has died, the last ones read."""
        with self._failing():
            if self._child is not None and self.is_sending:
                self._counts = self._child.counts()
        return self._counts

    def stop(self) -> None:
        """Plan no further requests; outstanding ones continue."""
        if self._child is None or not self.outcome.origin_ns or self.outcome.stopped_ns:
            return
        # If the sender is gone, the slots up to now still count as planned: they are requests that were not sent.
        stopped = min(monotonic_ns(), self._end_ns or monotonic_ns())
        with self._failing():
            stopped = self._child.stop()
        self.outcome = replace(self.outcome, stopped_ns=stopped)

    def drain(self) -> None:
        """Wait for the outstanding answers, and for the ledger to be complete."""
        if self._child is None or not self.outcome.origin_ns:
            return
        with self._failing():
            self._child.wait_drained(self.origin.traffic.timeout + _DRAIN_SECONDS)

    def seal(self) -> list[str]:
        """Seal the segments of the ledger that are complete, and compact earlier ones.

        Returns:
            A sentence for each step that is not possible now, with the reason; only the first time in a row. Traffic
            goes on, and a later call tries again.
        """
        found = {}
        try:
            self._sealing.seal()
        except HarnessError as error:
            found["segments can't be sealed now"] = str(error)
        else:
            try:
                self._sealing.compact(sum(self._counts.by_outcome))
            except HarnessError as error:
                found["segments can't be compacted now"] = str(error)
        if self._sealing.unrotated:
            found["no further segment can begin now, and the present one goes on"] = self._sealing.unrotated
        new = [f"{what}: {why}" for what, why in found.items() if what not in self._noticed]
        self._noticed = set(found)
        return new

    def write(self) -> None:
        """Write the outcome.

        Raises:
            HarnessError: The disk is full.
        """
        write_json(self.directory.outcome, to_json(self.outcome))

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        """Turn an error into this sender's failure; only the first one is kept."""
        try:
            yield
        except HarnessError as error:
            self._fail(error)

    def _fail(self, error: HarnessError) -> None:
        if not self.outcome.failure:
            self.outcome = replace(self.outcome, failure=str(error))


def address_of(host: str, port: int) -> str:
    """Return the IP address of a name.

    IPv4 comes before IPv6, since few local servers listen on both.

    Raises:
        HarnessError: The name can't be resolved.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise HarnessError(f"cannot resolve {host}: {error.strerror or error}.") from error
    addresses = [str(where[0]) for family, _, _, _, where in found if family == socket.AF_INET]
    return (addresses or [str(where[0]) for _, _, _, _, where in found])[0]
