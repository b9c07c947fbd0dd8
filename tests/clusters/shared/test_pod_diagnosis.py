"""The state of pods that is kept as evidence, if a workload does not become ready."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.clusters.shared.diagnosis import snapshot
from harness.kube.errors import NotFoundError
from harness.kube.logs import LogLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.kube.api import Objects


class Waiting:
    """An API server with one pod, whose init container has not ended."""

    def list(self, kind: str, namespace: str, *, labels: str = "") -> Objects:
        """Return the pod, and nothing of other kinds."""
        del namespace, labels
        spec: dict[str, Any] = {"initContainers": [{"name": "migrate"}], "containers": [{"name": "web"}]}
        return [{"metadata": {"name": "shop"}, "spec": spec}] if kind == "Pod" else []

    def follow_log(
        self, pod: str, namespace: str, container: str, *, stop: Callable[[], bool], stamps: bool, follow: bool
    ) -> Iterator[LogLine]:
        """Yield a line of the init container; no other container has a log yet."""
        del namespace, stop, stamps, follow
        if container != "migrate":
            raise NotFoundError(f"read the log of {container} in pod {pod}", 404, "NotFound", "")
        yield LogLine("", "waiting for the database", 0)


def test_logs_of_init_containers_are_kept() -> None:
    """The log of the container that keeps a pod from becoming ready is in the snapshot."""
    assert snapshot(Waiting(), "shop")["logs"] == {"shop/migrate": ["waiting for the database"], "shop/web": []}
