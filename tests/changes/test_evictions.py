"""Evictions and drains wait for PodDisruptionBudgets, and a node always takes pods again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from harness.changes import evictions
from harness.changes.perform import perform
from harness.errors import HarnessError
from harness.kube.confined import ConfinedKube
from harness.kube.errors import EvictionRefusedError, ForbiddenError, ScopeError
from harness.model.changes import Drain, Evict
from harness.testing.fake_workloads import NODE, WorkloadPart

if TYPE_CHECKING:
    from tests.changes.conftest import World

NS = "demo"
ALL = Evict(name="evict", deployment="apple", pods="all", within=0.1)
DRAIN = Drain(name="drain", within=0.1)
REFUSED = EvictionRefusedError("evict Pod", 429, "TooManyRequests", "budget b needs 2 healthy pods and has 2 currently")


class Budget:
    """A budget that refuses some evictions of all pods, and counts the requests.

    Args:
        world: The world.
        refuses: Number of evictions to refuse.
        after: Number of evictions to allow before.
    """

    def __init__(self, world: World, refuses: int, after: int = 0) -> None:
        self.asked: list[str] = []
        self._refuses = refuses
        self._after = after
        world.kube.budgets.append(self)

    def __call__(self, pod: str) -> None:
        """Allow an eviction, or refuse it."""
        self.asked.append(pod)
        number = len(self.asked) - self._after
        if 0 < number <= self._refuses:
            raise REFUSED


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evictions, "AGAIN_SECONDS", 0.0)


def pods_of(world: World, app: str) -> set[str]:
    """Return the names of an application's pods."""
    return {pod["metadata"]["name"] for pod in world.kube.list("Pod", NS, labels=f"app={app}")}


def is_cordoned(world: World) -> bool:
    """Return True if the node takes no new pods."""
    return bool(world.kube.get("Node", NODE, "")["spec"].get("unschedulable"))


def test_one_pod_or_all_are_evicted(make_world: Callable[..., World]) -> None:
    """With ``one``, the other pods stay."""
    world = make_world(timeout=60, replicas=3)
    before = pods_of(world, "apple")

    assert perform(replace(ALL, pods="one"), world.context)
    assert len(pods_of(world, "apple") & before) == 2

    world = make_world(timeout=60, replicas=3)
    before = pods_of(world, "apple")
    others = pods_of(world, "banana")

    assert perform(ALL, world.context)
    assert pods_of(world, "apple") & before == set()
    assert pods_of(world, "banana") == others


def test_a_refused_eviction_is_requested_again(make_world: Callable[..., World]) -> None:
    """The change begins with the eviction that was accepted, and is observed when all were."""
    world = make_world(timeout=60, replicas=2)
    budget = Budget(world, refuses=3, after=1)

    assert perform(ALL, world.context)
    assert len(budget.asked) == 5
    assert world.what() == ["begin", "applied", "observed", "end"]


def test_a_budget_that_never_allows_it_is_an_error(make_world: Callable[..., World]) -> None:
    """The message has the reason of the API server; nothing was changed."""
    world = make_world(replicas=2)
    before = pods_of(world, "apple")
    Budget(world, refuses=10**9)

    with pytest.raises(HarnessError, match="needs 2 healthy pods and has 2 currently"):
        perform(ALL, world.context)
    assert world.what() == ["begin", "end"]
    assert pods_of(world, "apple") == before


def test_a_budget_that_allows_only_one_is_named(make_world: Callable[..., World]) -> None:
    """The change is not observed while one pod of several is protected."""
    world = make_world(replicas=2)
    Budget(world, refuses=10**9, after=1)

    assert not perform(ALL, world.context)
    assert "the eviction of pod apple-" in world.missing()
    assert "needs 2 healthy pods" in world.missing()


def test_a_drain_evicts_the_workload_and_opens_the_node_again(make_world: Callable[..., World]) -> None:
    """While the pods are evicted the node is cordoned; pods without a controller stay."""
    world = make_world(timeout=60, replicas=2)
    alone = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "alone"}, "spec": {"nodeName": NODE}}
    world.kube.put({**alone, "status": {"conditions": []}}, NS)
    before = pods_of(world, "apple") | pods_of(world, "banana")
    seen: list[bool] = []
    world.kube.budgets.append(lambda _pod: seen.append(is_cordoned(world)))

    assert perform(DRAIN, world.context)
    assert seen == [True] * 3
    assert (pods_of(world, "apple") | pods_of(world, "banana")) & before == set()
    assert world.kube.get("Pod", "alone", NS)
    assert world.what() == ["begin", "applied", "observed", "undone", "undo-observed", "end"]
    assert not is_cordoned(world)


@pytest.mark.parametrize(
    ("part", "missing"),
    [(WorkloadPart.OLD_PODS, "the end of the pods on node"), (WorkloadPart.NEW_PODS, "the pods of apple")],
)
def test_a_drain_that_does_not_happen_is_not_observed(world: World, part: WorkloadPart, missing: str) -> None:
    """The old pods must end, and after it all replicas must be there; the node takes pods again in any case."""
    world.workloads.broken.add(part)

    assert not perform(DRAIN, world.context)
    assert missing in world.missing()
    assert not is_cordoned(world)


def test_a_protected_pod_keeps_the_node_from_being_drained(world: World) -> None:
    """The drain is not observed, with the reason, and the node takes pods again."""
    Budget(world, refuses=10**9)

    assert not perform(DRAIN, world.context)
    assert "needs 2 healthy pods" in world.missing()
    assert not is_cordoned(world)


def test_a_drain_that_is_cut_short_opens_the_node_again(world: World) -> None:
    """The node outlives the namespace, so its undo is not left to the end of the namespace."""

    def ended() -> None:
        if is_cordoned(world):
            raise HarnessError("the cluster has ended")

    world.context = replace(world.context, check=ended)

    with pytest.raises(HarnessError, match="the cluster has ended"):
        perform(DRAIN, world.context)
    assert not is_cordoned(world)
    assert world.context.undo.open_entries() == ()


def test_an_empty_node_is_an_error(world: World) -> None:
    """The message says how to find the right one."""
    world.kube.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "other"}, "spec": {}}, "")

    with pytest.raises(HarnessError, match="Node other runs no pod of the workload that a drain evicts"):
        perform(replace(DRAIN, node="other"), world.context)


def test_a_node_of_others_is_never_changed(world: World) -> None:
    """On a cluster that the harness has not made, no request leaves the harness."""
    world.context = replace(world.context, kube=ConfinedKube(world.kube, NS))

    with pytest.raises(ScopeError):
        perform(DRAIN, world.context)
    assert not is_cordoned(world)
    with pytest.raises(ScopeError):
        world.context.kube.evict("p", "other")


def test_a_missing_right_is_an_error(world: World) -> None:
    """A 403 is no refusal of a budget: it is not requested again."""
    world.kube.refusals["evict"] = ForbiddenError("evict Pod", 403, "Forbidden", "no")

    with pytest.raises(ForbiddenError):
        perform(ALL, world.context)


def answers_of(world: World) -> Any:
    """Return the details of the applied event."""
    return next(event.detail for event in world.events if event.what == "applied")


def test_the_change_begins_before_its_first_accepted_request(make_world: Callable[..., World]) -> None:
    """Refused requests change nothing, so they are not its beginning."""
    world = make_world(timeout=60)
    Budget(world, refuses=2)
    asked = world.context.clock.now()

    assert perform(ALL, world.context)
    assert asked <= answers_of(world)["begun"]
    assert answers_of(world)["object"].startswith("Pod/apple-")
