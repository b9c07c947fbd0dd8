"""Logs of pods are read while the pods run, each line once, even if the stream breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from harness.clusters.shared.pod_logs import ContainerRun, PodLogs, Sink, containers_with_logs
from harness.kit.waiting import wait_until
from harness.kube.errors import ForbiddenError, KubeError, NotFoundError, UnreachableError
from harness.kube.logs import LogLine
from harness.testing.fake_api import FakeKube

NS = "demo"


class LoggingKube(FakeKube):
    """A fake API server with logs of containers."""

    def __init__(self) -> None:
        super().__init__()
        self.said: dict[str, list[LogLine]] = {}
        self.failures: list[KubeError] = []
        self.asked: list[tuple[str, bool]] = []

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
        """Yield all lines, or fail after the first."""
        self.asked.append((since, follow))
        for number, line in enumerate(self.said[pod]):
            if number == 1 and self.failures:
                raise self.failures.pop(0)
            yield line


class Kept:
    """Receivers that keep their lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.closed: list[str] = []

    @contextmanager
    def open(self, container: ContainerRun) -> Iterator[Sink]:
        """Open a receiver for a container."""
        yield lambda line: self.lines.append((container.pod, line.text))
        self.closed.append(container.pod)


def running(name: str, *, restarts: int = 0, **labels: str) -> dict[str, Any]:
    """Return a pod with one running container."""
    status = {"name": "app", "state": {"running": {}}, "restartCount": restarts}
    return {
        "kind": "Pod",
        "metadata": {"name": name, "uid": f"uid-{name}", "labels": labels},
        "status": {"containerStatuses": [status]},
    }


def unreachable() -> UnreachableError:
    """Return the error of a broken stream."""
    return UnreachableError("read the log", 0, "no answer", "broken")


@pytest.fixture
def kube() -> LoggingKube:
    """Return an API server with a pod that has logged two lines."""
    made = LoggingKube()
    made.said["one"] = [LogLine("1", "first", 1), LogLine("2", "second", 2)]
    made.put(running("one", app="a"), NS)
    return made


def test_pods_that_come_later_are_followed_too(kube: LoggingKube) -> None:
    """Existing and new pods are read completely."""
    kept = Kept()
    kube.said["two"] = [LogLine("1", "hello", 1)]
    with PodLogs(kube, NS, {}, kept.open):
        wait_until(lambda: len(kept.lines) == 2, timeout=60, what="the first pod's log")
        kube.put(running("two"), NS)
        wait_until(lambda: len(kept.lines) == 3, timeout=60, what="the second pod's log")

    assert kept.lines == [("one", "first"), ("one", "second"), ("two", "hello")]
    assert sorted(kept.closed) == ["one", "two"]


def test_other_labels_are_left_alone(kube: LoggingKube) -> None:
    """Only pods with the labels are followed."""
    kept = Kept()
    kube.said["other"] = [LogLine("1", "no business of ours", 1)]
    kube.put(running("other", app="b"), NS)
    with PodLogs(kube, NS, {"app": "a"}, kept.open):
        wait_until(lambda: len(kept.lines) == 2, timeout=60, what="the pod's log")

    assert {pod for pod, _ in kept.lines} == {"one"}


def test_broken_stream_is_continued(kube: LoggingKube) -> None:
    """With timestamps, every line is read once, however often the stream breaks."""
    kept = Kept()
    kube.failures = [unreachable(), unreachable()]
    with PodLogs(kube, NS, {}, kept.open, stamps=True) as logs:
        wait_until(lambda: len(kept.lines) == 2, timeout=60, what="the whole log")

    assert kept.lines == [("one", "first"), ("one", "second")]
    assert logs.failure == ""


def test_line_with_an_older_timestamp_is_new(kube: LoggingKube) -> None:
    """Stdout and stderr have independent timestamps, so they may go back slightly. No line is lost."""
    kept = Kept()
    kube.said["one"] = [LogLine("2", "first", 1), LogLine("1", "second", 2), LogLine("1", "third", 2)]
    kube.failures = [unreachable()]
    with PodLogs(kube, NS, {}, kept.open, stamps=True):
        wait_until(lambda: len(kept.lines) == 3, timeout=60, what="the whole log")

    assert [text for _, text in kept.lines] == ["first", "second", "third"]


def test_broken_stream_without_stamps_is_a_failure(kube: LoggingKube) -> None:
    """Without timestamps, new lines can't be identified."""
    kept = Kept()
    kube.failures = [unreachable()]
    with PodLogs(kube, NS, {}, kept.open) as logs:
        wait_until(lambda: bool(logs.failure), timeout=60, what="the report of the failure")

    assert "one/app" in logs.failure


def test_missing_rights_are_not_retried(kube: LoggingKube) -> None:
    """A role without pods/log is a failure, not a loop."""
    kept = Kept()
    kube.failures = [ForbiddenError("read the log", 403, "Forbidden", "pods/log")]
    with PodLogs(kube, NS, {}, kept.open, stamps=True) as logs:
        wait_until(lambda: bool(logs.failure), timeout=60, what="the report of the failure")

    assert "pods/log" in logs.failure


def test_pod_that_has_gone_meanwhile_is_no_failure(kube: LoggingKube) -> None:
    """A pod may be removed before its log is requested."""
    kept = Kept()
    kube.failures = [NotFoundError("read the log", 404, "NotFound", "gone")]
    with PodLogs(kube, NS, {}, kept.open, stamps=True) as logs:
        wait_until(lambda: kept.closed == ["one"], timeout=60, what="the follower to give up")

    assert logs.failure == ""


def test_only_containers_that_ran_have_logs() -> None:
    """A waiting container has no log, and a restarted one has another log."""
    pod = running("one", restarts=2)
    pod["status"]["containerStatuses"].append({"name": "slow", "state": {"waiting": {}}})

    assert list(containers_with_logs(pod)) == [ContainerRun("uid-one", "one", "app", 2)]
