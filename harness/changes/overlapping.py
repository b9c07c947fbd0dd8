"""Makes a change while another one is in progress.

The other change is carried out in a thread of its own. This one is made as soon as the other one has begun on the
cluster. That is observed and not assumed: the API server has accepted the other change and, if it replaces pods, a new
pod has appeared or a pod is being deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Event as Flag
from threading import RLock

from harness.changes.context import ChangeContext, Recorder
from harness.changes.executors import executor_of
from harness.changes.pods import is_leaving, uid
from harness.changes.repetition import Repetition
from harness.errors import HarnessError
from harness.kit.waiting import wait_until
from harness.kube.errors import KubeError
from harness.model.change_facts import TargetKind
from harness.model.changes import ChangeSpec
from harness.model.events import Begin, ChangeEvent, End, NotObserved, written
from harness.model.timeline import Event

#: Seconds between two looks for the beginning of the other change, which may be over soon.
_LOOK_INTERVAL = 0.02


class _CutShortError(HarnessError):
    """The change in progress is not continued, because the second change has failed."""


@dataclass(slots=True)
class _Noting:
    """A timeline that notices when the API server has accepted the other change.

    Attributes:
        timeline: Receives every event.
        accepted: Set when it has the event.
    """

    timeline: Recorder
    accepted: Flag

    def record(self, event: Event) -> None:
        """Store one event."""
        self.timeline.record(event)
        if event.what == ChangeEvent.APPLIED:
            self.accepted.set()


class _InProgress:
    """One repetition of the change in progress, in a thread of its own.

    Args:
        spec: The change.
        context: Context of both changes.
        number: The repetition, from 1.
        pool: Runs the thread.
    """

    def __init__(self, spec: ChangeSpec, context: ChangeContext, number: int, pool: ThreadPoolExecutor) -> None:
        self._spec = spec
        self._context = context
        self._accepted = Flag()
        self._cut_short = Flag()
        self._before = self._pods()
        own = replace(context, timeline=_Noting(context.timeline, self._accepted), check=self._go_on)
        self._repetition = Repetition(spec, own, number)
        self._running: Future[bool] = pool.submit(executor_of(spec.kind), self._repetition)

    def wait_begun(self) -> bool:
        """Wait until it has begun on the cluster, and record that. Return False if it ended without beginning.

        Raises:
            HarnessError: It could not be made.
        """
        begun = False

        def known() -> bool:
            nonlocal begun
            self._context.check()
            over = self._running.done()
            begun = self._has_begun()
            return begun or over

        wait_until(known, timeout=float("inf"), what="the beginning of a change", interval=_LOOK_INTERVAL)
        if begun:
            self._repetition.record(ChangeEvent.IN_PROGRESS)
        else:
            self.check()
        return begun

    def check(self) -> None:
        """Raise if it has failed.

        Raises:
            HarnessError: It could not be made.
        """
        if self._running.done():
            self._running.result()

    def wait_over(self) -> bool:
        """Wait for its end. Return True if everything of it was observed.

        Raises:
            HarnessError: It could not be made.
        """

        def over() -> bool:
            self._context.check()
            return self._running.done()

        wait_until(over, timeout=float("inf"), what="the end of a change")
        return self._running.result()

    @contextmanager
    def cut_short_on_failure(self) -> Iterator[None]:
        """Let it end at its next wait if the block raises."""
        try:
            yield
        except BaseException:
            self._cut_short.set()
            raise

    def _go_on(self) -> None:
        if self._cut_short.is_set():
            raise _CutShortError("The second change, which was made while this one was in progress, has failed.")

    def _has_begun(self) -> bool:
        if not self._accepted.is_set():
            return False
        try:
            with self._context.looking():
                return not _shows_in_pods(self._spec) or self._pods() != self._before
        except KubeError:
            return False  # asked again at the next look

    def _pods(self) -> Mapping[str, bool]:
        """Return the uids of the pods that it may replace, each with True if the pod is leaving."""
        if not _shows_in_pods(self._spec):
            return {}
        controller = self._context.controller if self._spec.facts.target is TargetKind.CONTROLLER else None
        namespace = controller.namespace if controller else self._context.namespace
        return {uid(pod): is_leaving(pod) for pod in self._context.kube.list("Pod", namespace)}


def _shows_in_pods(spec: ChangeSpec) -> bool:
    return spec.facts.replaces_pods or spec.facts.target is TargetKind.CONTROLLER


def perform_overlapping(spec: ChangeSpec, other: ChangeSpec, context: ChangeContext) -> bool:
    """Perform a change while another one is in progress, as often as its spec says. Record the events of both.

    Args:
        spec: The change that is made second.
        other: The change that is made first, with as many repetitions.
        context: Context of both.

    Returns:
        True if every repetition and every undo of both was observed.

    Raises:
        HarnessError: One of the changes can't be made.
    """
    context = _for_two_threads(context)
    seen = {part.name: True for part in (other, spec)}
    begun: list[ChangeSpec] = []

    def record(part: ChangeSpec, event: ChangeEvent, detail: Begin | End) -> None:
        context.timeline.record(written(context.clock.now(), part.name, event, detail, kind=part.kind))

    def begin(part: ChangeSpec) -> None:
        begun.append(part)
        record(part, ChangeEvent.BEGIN, Begin(times=part.times))

    try:
        with ThreadPoolExecutor(1, thread_name_prefix=other.name) as pool:
            begin(other)
            for number in range(1, spec.times + 1):
                running = _InProgress(other, context, number, pool)
                with running.cut_short_on_failure():
                    in_progress = running.wait_begun()
                    if number == 1:
                        begin(spec)
                    seen[spec.name] &= _second(spec, context, number, running if in_progress else None)
                    seen[other.name] &= running.wait_over()
    finally:
        for part in begun:
            record(part, ChangeEvent.END, End(observed=seen[part.name]))
    return all(seen.values())


def _for_two_threads(context: ChangeContext) -> ChangeContext:
    """Return a context whose questions about the traffic are asked by one thread at a time."""
    lock = RLock()

    def answered(pattern: str, since_ns: int, route: str = "", /) -> bool:
        with lock:
            return context.answered(pattern, since_ns, route)

    def lost(since_ns: int) -> int:
        with lock:
            return context.lost(since_ns)

    def check() -> None:
        with lock:
            context.check()

    return replace(context, answered=answered, lost=lost, check=check)


def _second(spec: ChangeSpec, context: ChangeContext, number: int, running: _InProgress | None) -> bool:
    """Make one repetition of the second change. Record that it was not made if the first one is not in progress."""
    if running is None:
        missing = NotObserved(awaited=ChangeEvent.IN_PROGRESS, missing="the beginning of the other change")
        Repetition(spec, context, number).record(ChangeEvent.NOT_OBSERVED, missing)
        return False

    def check() -> None:
        context.check()
        running.check()

    return executor_of(spec.kind)(Repetition(spec, replace(context, check=check), number))
