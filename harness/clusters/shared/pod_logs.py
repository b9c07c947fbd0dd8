"""Follows the logs of pods while they run, because a pod's log is removed with the pod."""

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

#: Seconds until the next attempt after an error of the API server.
RETRY_SECONDS = 0.5
#: Seconds for all threads to end.
JOIN_SECONDS = 10.0
#: Number of lines to remember: more than a container writes in the second that is read again after a reconnect.
RECENT = 50_000

_FRACTION = re.compile(r"\.\d+")

#: Receives the lines of one container.
Sink = Callable[[LogLine], None]


class LogApi(Protocol):
    """The API calls that following logs needs."""

    def list_with_version(self, kind: str, namespace: str, *, labels: str = "") -> tuple[Objects, str]:
        """Return all objects, and the version to watch from."""

    def watch(self, kind: str, namespace: str, *, since: str, stop: Callable[[], bool]) -> Iterator[WatchEvent]:
        """Yield changes."""

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
        """Yield the lines of a container's log."""


@dataclass(frozen=True, slots=True)
class ContainerRun:
    """One run of a container of a pod.

    Attributes:
        uid: UID of the pod.
        pod: Name of the pod.
        name: Name of the container.
        restarts: Number of restarts before this run.
    """

    uid: str
    pod: str
    name: str
    restarts: int


class PodLogs:
    """A context manager that follows the log of every container of selected pods, each in its own thread.

    Args:
        kube: The API server; used from several threads.
        namespace: Namespace of the pods.
        labels: Labels of the pods; empty for all pods.
        open_sink: Opens the receiver of a container's lines, which stays open while its log is followed.
        since: RFC 3339 time to start from; empty for the whole log.
        stamps: True to get a timestamp with each line.

    Attributes:
        failure: The log that can't be followed any more, with the reason; empty if there is none.
    """

    def __init__(
        self,
        kube: LogApi,
        namespace: str,
        labels: Mapping[str, str],
        open_sink: Callable[[ContainerRun], AbstractContextManager[Sink]],
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
        self._followed: set[ContainerRun] = set()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        """Start following. Returns at once."""
        self._spawn(f"logs of {self._namespace}", self._follow_pods)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """End all threads."""
        self._stop.set()
        for thread in self._threads:  # the first thread may start more while it ends
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

    def _follow(self, container: ContainerRun) -> None:
        with self._open_sink(container) as sink:
            reading = _LogPosition(container, sink, self._since)
            while not self._stop.is_set():
                try:
                    self._read(reading, stop=self._stop.is_set, follow=True)
                    break
                except NotFoundError:
                    return
                except KubeError as error:
                    # Retries do not help against missing rights. Without timestamps, new lines can't be identified.
                    if isinstance(error, ForbiddenError) or not self._stamps:
                        raise
                    self._stop.wait(RETRY_SECONDS)
            if self._stamps and self._stop.is_set():  # read lines that were under way when the stream was closed
                with contextlib.suppress(KubeError):
                    self._read(reading, stop=lambda: False, follow=False)

    def _read(self, reading: _LogPosition, *, stop: Callable[[], bool], follow: bool) -> None:
        """Read new lines: up to the container's end if ``follow``, otherwise up to the current end of the log."""
        one = reading.container
        for line in self._kube.follow_log(
            one.pod, self._namespace, one.name, since=reading.since, stop=stop, stamps=self._stamps, follow=follow
        ):
            reading.take(line)


class _LogPosition:
    """The position up to which a log has been read.

    Timestamps are not in order: a container's stdout and stderr get theirs independently, so a line may be followed by
    one that is microseconds older. A line is therefore recognised by timestamp and text.

    Attributes:
        container: The run of the container.
        since: Time to continue from: the whole second of the last line.
    """

    def __init__(self, container: ContainerRun, sink: Sink, since: str) -> None:
        self.container = container
        self.since = since
        self._sink = sink
        self._recent: dict[tuple[str, str], None] = {}

    def take(self, line: LogLine) -> None:
        """Pass on a line, unless it was read before."""
        key = (line.stamp, line.text)
        if not line.stamp:
            self._sink(line)
        elif key not in self._recent:
            self._sink(line)
            self.since = _FRACTION.sub("", line.stamp)
            self._recent[key] = None
            if len(self._recent) > RECENT:
                del self._recent[next(iter(self._recent))]


def containers_with_logs(pod: Mapping[str, Any]) -> Iterator[ContainerRun]:
    """Yield the containers of a pod that run or have run."""
    metadata, status = pod["metadata"], pod.get("status", {})
    for entry in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        state = entry.get("state") or {}
        if "running" in state or "terminated" in state:
            yield ContainerRun(metadata["uid"], metadata["name"], entry["name"], int(entry.get("restartCount") or 0))
