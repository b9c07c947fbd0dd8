"""Logs of pods while they live: a pod's log goes with the pod, so whoever wants it must read it before."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Protocol, Self

from harness.errors import HarnessError
from harness.kube.api import Object, Objects, WatchEvent
from harness.kube.errors import ForbiddenError, KubeError, NotFoundError, WatchExpiredError, WatchInterruptedError
from harness.kube.logs import LogLine

#: Seconds before another attempt after the API server gave no answer.
RETRY_SECONDS = 0.5
#: Seconds for all threads to end.
JOIN_SECONDS = 10.0
#: Lines that are known again: more than are written in the second from which a log is read on.
RECENT = 50_000

_FRACTION = re.compile(r"\.\d+")

#: Takes the lines of one container.
Sink = Callable[[LogLine], None]


class LogApi(Protocol):
    """What is asked of the API server."""

    def list_with_version(self, kind: str, namespace: str, *, labels: str = "") -> tuple[Objects, str]:
        """All objects, with the version to watch from."""

    def watch(self, kind: str, namespace: str, *, since: str, stop: Callable[[], bool]) -> Iterator[WatchEvent]:
        """Follow changes."""

    def follow_log(
        self,
        pod: str,
        namespace: str,
        container: str,
        *,
        stop: Callable[[], bool],
        since: str = "",
        stamps: bool = True,
        follow: bool = True,
    ) -> Iterator[LogLine]:
        """The lines of a container's log."""


@dataclass(frozen=True, slots=True)
class Container:
    """One run of a container of a pod.

    Attributes:
        uid: Of the pod.
        pod: Its name.
        name: Of the container.
        restarts: How often it had been restarted before.
    """

    uid: str
    pod: str
    name: str
    restarts: int


class PodLogs:
    """Follows every container of the pods with some labels, each in a thread of its own; a context manager.

    Args:
        kube: The API server; used from several threads.
        namespace: Where the pods are.
        labels: Labels that they have; empty for all pods.
        open_sink: Gives what takes a container's lines, for as long as its log is followed.
        since: RFC 3339 time to begin at; empty for everything there is.
        stamps: Whether the server is to say when it took each line.

    Attributes:
        failure: What can't be followed any more, and why; empty while all is well.
    """

    def __init__(
        self,
        kube: LogApi,
        namespace: str,
        labels: Mapping[str, str],
        open_sink: Callable[[Container], AbstractContextManager[Sink]],
        *,
        since: str = "",
        stamps: bool = False,
    ) -> None:
        self.failure = ""
        self._kube = kube
        self._namespace = namespace
        self._labels = labels
        self._open_sink = open_sink
        self._since = since
        self._stamps = stamps
        self._stop = threading.Event()
        self._followed: set[Container] = set()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        """Begin; returns at once."""
        self._spawn(f"logs of {self._namespace}", self._follow_pods)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """End all threads."""
        self._stop.set()
        for thread in self._threads:  # more may come while the first, which starts them, is ending
            thread.join(JOIN_SECONDS)

    def _spawn(self, name: str, work: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                work()
            except HarnessError as error:
                self.failure = self.failure or f"{name}: {error.message}"

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _follow_pods(self) -> None:
        while not self._stop.is_set():
            try:
                pods, version = self._kube.list_with_version("Pod", self._namespace)
                for pod in pods:
                    self._take(pod)
                while not self._stop.is_set():
                    for event in self._kube.watch("Pod", self._namespace, since=version, stop=self._stop.is_set):
                        version = event.version or version
                        if event.type in {"ADDED", "MODIFIED"}:
                            self._take(event.object)
            except (KubeError, WatchInterruptedError, WatchExpiredError):
                self._stop.wait(RETRY_SECONDS)

    def _take(self, pod: Object) -> None:
        if not self._labels.items() <= pod["metadata"].get("labels", {}).items():
            return
        for container in containers_with_logs(pod):
            if container not in self._followed:
                self._followed.add(container)
                self._spawn(f"log of {container.pod}/{container.name}", partial(self._follow, container))

    def _follow(self, container: Container) -> None:
        with self._open_sink(container) as sink:
            reading = _Reading(container, sink, self._since)
            while not self._stop.is_set():
                try:
                    self._read(reading, stop=self._stop.is_set, follow=True)
                    break
                except NotFoundError:
                    return
                except KubeError as error:
                    # No attempt mends the first; without stamps nobody could tell which lines are new.
                    if isinstance(error, ForbiddenError) or not self._stamps:
                        raise
                    self._stop.wait(RETRY_SECONDS)
            if self._stamps and self._stop.is_set():  # what was on its way when the stream was cut
                with contextlib.suppress(KubeError):
                    self._read(reading, stop=lambda: False, follow=False)

    def _read(self, reading: _Reading, *, stop: Callable[[], bool], follow: bool) -> None:
        """Everything that is new, to the container's end or what is its end now."""
        one = reading.container
        for line in self._kube.follow_log(
            one.pod, self._namespace, one.name, since=reading.since, stop=stop, stamps=self._stamps, follow=follow
        ):
            reading.take(line)


class _Reading:
    """How far a log has been read.

    Stamps are no order: a container's output and its errors are stamped one by one and written in whatever order they
    come to it, so a line may be followed by one that is microseconds older. Lines are known again by all they are.

    Attributes:
        container: Whose.
        since: Time to begin at, when it is read on: the whole second of the last line.
    """

    def __init__(self, container: Container, sink: Sink, since: str) -> None:
        self.container = container
        self.since = since
        self._sink = sink
        self._recent: dict[tuple[str, str], None] = {}

    def take(self, line: LogLine) -> None:
        """A line, which may be one that has been read before."""
        key = (line.stamp, line.text)
        if not line.stamp:
            self._sink(line)
        elif key not in self._recent:
            self._sink(line)
            self.since = _FRACTION.sub("", line.stamp)
            self._recent[key] = None
            if len(self._recent) > RECENT:
                del self._recent[next(iter(self._recent))]


def containers_with_logs(pod: Mapping[str, Any]) -> Iterator[Container]:
    """Those that run or have run."""
    metadata, status = pod["metadata"], pod.get("status", {})
    for entry in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        state = entry.get("state") or {}
        if "running" in state or "terminated" in state:
            yield Container(metadata["uid"], metadata["name"], entry["name"], int(entry.get("restartCount") or 0))
