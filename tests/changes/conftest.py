"""A change context in memory, with controllers that can be broken and an ingress controller that can be silent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.changes.context import ChangeContext
from harness.changes.undo import UndoJournal
from harness.kit.clock import Clock
from harness.kube.confined import ConfinedKube
from harness.model.timeline import Event
from harness.testing.fake_api import FakeKube
from harness.testing.fake_workloads import NODE, FakeWorkloads

NS = "demo"


def deployment(name: str, replicas: int = 1) -> dict[str, Any]:
    """Return a Deployment of http-echo."""
    labels = {"app": name, "version": f"{name}-v1"}
    container = {"name": "echo", "image": "hashicorp/http-echo:1.0", "args": [f"-text={name}-v1"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def a_set(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    """Return a StatefulSet or a DaemonSet of http-echo."""
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "echo", "image": "echo:1"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": template, **spec},
    }


SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "apple-service"},
    "spec": {"selector": {"version": "apple-v1"}, "ports": [{"port": 5678}]},
}
INGRESS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "fruit"},
    "spec": {"ingressClassName": "nginx", "rules": []},
}


class World:
    """A simulated cluster on which changes are made, with switches for its faults.

    Attributes:
        context: The context that changes get.
        kube: The API server.
        workloads: Its controllers.
        events: The recorded events.
        ingress: The signals that the ingress controller gives when asked.
        answers: True if traffic gets the new answer.
        quiet: True if the system comes to rest.
        asked: The patterns for which traffic was searched.
    """

    def __init__(
        self,
        kube: FakeKube,
        workloads: FakeWorkloads,
        *,
        timeout: float,
        restore: bool,
        clock: Clock,
        journal: UndoJournal,
    ) -> None:
        self.kube = kube
        self.workloads = workloads
        self.events: list[Event] = []
        self.ingress = {"endpoints", "reload"}
        self.answers = True
        self.quiet = True
        self.asked: list[str] = []
        self.context = ChangeContext(
            kube=ConfinedKube(kube, NS, patched=frozenset({"Node"})),
            namespace=NS,
            timeline=self,
            undo=journal,
            answered=self.answered,
            ingress_seen=lambda what, since_ns: what in self.ingress,
            quiet=lambda since_ns: self.quiet,
            timeout=timeout,
            clock=clock,
            restore=restore,
        )

    def with_sets(self, **spec: Any) -> World:
        """Add a StatefulSet of two pods, with further fields, and a DaemonSet; return the world."""
        self.kube.put(a_set("StatefulSet", "db", replicas=2, **spec), NS)
        self.kube.put(a_set("DaemonSet", "agent"), NS)
        self.workloads(self.kube)
        return self

    def answered(self, pattern: str, since_ns: int, route: str = "") -> bool:
        """Return True if traffic got such an answer."""
        self.asked.append(pattern)
        return self.answers

    def record(self, event: Event) -> None:
        """Store an event."""
        self.events.append(event)

    def what(self) -> list[str]:
        """Return the names of the recorded events, in order."""
        return [event.what for event in self.events]

    def missing(self) -> str:
        """Return what was missing, from the events."""
        return "; ".join(str(event.detail["missing"]) for event in self.events if event.what == "not-observed")


@pytest.fixture
def make_world(tmp_path: Path) -> Callable[..., World]:
    """Return a world with apple and banana behind a Service and an Ingress."""

    def build(*, timeout: float = 0.12, restore: bool = False, replicas: int = 1) -> World:
        kube, workloads = FakeKube(), FakeWorkloads(NS)
        for manifest in (deployment("apple", replicas), deployment("banana"), SERVICE, INGRESS):
            kube.put(manifest, NS)
        kube.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}, "spec": {}}, "")
        workloads(kube)
        kube.reactions.append(workloads)

        clock, journal = Clock.start(), UndoJournal(tmp_path / "undo.jsonl")
        return World(kube, workloads, timeout=timeout, restore=restore, clock=clock, journal=journal)

    return build


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """Return the usual world."""
    return make_world()
