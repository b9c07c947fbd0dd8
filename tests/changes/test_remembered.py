"""Reads are answered from memory exactly while a watch follows the kind and has seen no change."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from harness.changes.remembered import LONGEST_MEMORY, RememberingKube
from harness.testing.fake_api import FakeKube


class Counting(FakeKube):
    """Counts what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def get(self, kind: str, name: str, namespace: str) -> Any:
        """Count and read."""
        self.reads += 1
        return super().get(kind, name, namespace)

    def list(self, kind: str, namespace: str, *, labels: str = "") -> Any:
        """Count and read."""
        self.reads += 1
        return super().list(kind, namespace, labels=labels)


class Case:
    """A cluster with a Deployment, a watch's counter, and a clock."""

    def __init__(self) -> None:
        self.kube = Counting()
        self.now = 0.0
        self.revision: int | None = 1
        self.remembering = RememberingKube(self.kube, lambda _kind, _namespace: self.revision, lambda: self.now)
        self.put(1)

    def put(self, replicas: int) -> None:
        """Change the Deployment."""
        self.kube.put({"kind": "Deployment", "metadata": {"name": "shop"}, "spec": {"replicas": replicas}}, "web")

    def look(self) -> int:
        """Read it as a look does."""
        with self.remembering.looking():
            replicas: int = self.remembering.get("Deployment", "shop", "web")["spec"]["replicas"]
            assert len(self.remembering.list("Deployment", "web")) == 1
        return replicas


@pytest.fixture
def case() -> Case:
    """A case of its own."""
    return Case()


def test_looks_without_a_change_ask_once(case: Case) -> None:
    """Ten looks, one request for each thing that is read."""
    assert [case.look() for _ in range(10)] == [1] * 10
    assert case.kube.reads == 2


def test_a_change_that_a_watch_saw_is_read_at_once(case: Case) -> None:
    """An old answer would keep a change from being seen, or show one that is over."""
    case.look()
    case.put(2)
    case.revision = 2

    assert case.look() == 2
    assert case.kube.reads == 4


def test_a_change_that_no_watch_reported_is_read_in_time(case: Case) -> None:
    """A watch that is stuck delays a look by a second at most."""
    case.look()
    case.put(2)
    case.now += LONGEST_MEMORY * 0.9
    assert case.look() == 1
    case.now += LONGEST_MEMORY * 0.2

    assert case.look() == 2


def test_what_no_watch_follows_is_read_each_time(case: Case) -> None:
    """Nothing would show that it has changed."""
    case.revision = None
    for replicas in (1, 2, 3):
        case.put(replicas)
        assert case.look() == replicas


def test_outside_of_a_look_nothing_is_remembered(case: Case) -> None:
    """The object that a change starts from must be the current one."""
    case.look()
    case.put(2)

    assert case.remembering.get("Deployment", "shop", "web")["spec"]["replicas"] == 2


def test_a_change_during_the_read_makes_the_answer_old(case: Case) -> None:
    """The counter is read first, so a change that is seen while the server answers makes the answer outdated."""
    original = case.kube.get

    def late(kind: str, name: str, namespace: str) -> Any:
        answer = original(kind, name, namespace)
        case.put(2)
        case.revision = 2
        return answer

    case.kube.get = late  # type: ignore[method-assign]
    assert case.look() == 1
    case.kube.get = original  # type: ignore[method-assign]

    assert case.look() == 2


def test_writes_go_through(case: Case) -> None:
    """They are the server's, and nobody repeats them."""
    case.remembering.patch("Deployment", "shop", "web", {"spec": {"replicas": 5}})

    assert case.kube.get("Deployment", "shop", "web")["spec"]["replicas"] == 5


def test_a_look_of_one_thread_lets_no_other_read_from_memory(case: Case) -> None:
    """Of two changes that overlap, one may write while the other one looks."""
    case.look()
    with case.remembering.looking(), ThreadPoolExecutor(1) as other:
        found = other.submit(case.remembering.get, "Deployment", "shop", "web").result()
        case.remembering.get("Deployment", "shop", "web")

    assert found["spec"]["replicas"] == 1
    assert case.kube.reads == 3
