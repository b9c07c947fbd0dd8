"""The content of a Service's EndpointSlices."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from harness.localkube.controllers.endpoints import endpoint_of, plan_slices, slice_name, slices_of
from harness.localkube.controllers.endpointslice import EndpointSliceController
from harness.localkube.machinery.objects import Object, key_of
from harness.localkube.profiles import Delay, Profile


def service(**spec: Any) -> Object:
    """Build a Service ``web`` that selects ``app: web``."""
    wanted = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}], **spec}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "default", "uid": "u-1", "labels": {"team": "a"}},
        "spec": wanted,
    }


def pod(
    name: str,
    *,
    address: str = "127.9.1.1",
    ready: bool = True,
    deleting: bool = False,
    phase: str = "Running",
    port: int = 5678,
    port_name: str = "http",
) -> Object:
    """Build a pod with the label ``app: web`` and a port named ``http``."""
    metadata = {"name": name, "namespace": "default", "uid": name, "labels": {"app": "web"}}
    if deleting:
        metadata |= {"deletionTimestamp": "2026-01-01T00:00:00Z"}
    condition = {"type": "Ready", "status": str(ready)}
    return {
        "metadata": metadata,
        "spec": {"nodeName": "n", "containers": [{"ports": [{"name": port_name, "containerPort": port}]}]},
        "status": {"phase": phase, "podIP": address, "conditions": [condition]},
    }


@pytest.mark.parametrize(
    ("ready", "deleting", "expected"),
    [
        (True, False, (True, True, False)),
        (False, False, (False, False, False)),
        (True, True, (False, True, True)),
        (False, True, (False, False, True)),
    ],
)
def test_conditions_follow_readiness_and_deletion(
    ready: bool, deleting: bool, expected: tuple[bool, bool, bool]
) -> None:
    """A pod that is being deleted is never ready, even if it still serves."""
    endpoint = endpoint_of(pod("a", ready=ready, deleting=deleting))

    assert endpoint is not None
    conditions = endpoint["conditions"]
    assert (conditions["ready"], conditions["serving"], conditions["terminating"]) == expected


@pytest.mark.parametrize("facts", [{"address": ""}, {"phase": "Succeeded"}, {"phase": "Failed"}])
def test_pods_without_address_and_ended_ones_are_no_endpoints(facts: dict[str, Any]) -> None:
    """They are omitted, not listed as unready."""
    assert endpoint_of(pod("a", **facts)) is None


def test_publish_not_ready_addresses_makes_all_ready() -> None:
    """With ``publishNotReadyAddresses`` an unready pod is ready."""
    (found,) = slices_of(service(publishNotReadyAddresses=True), [pod("a", ready=False)])

    assert found["endpoints"][0]["conditions"]["ready"] is True


def test_named_ports_are_resolved_and_missing_ones_omitted() -> None:
    """A name becomes the pod's number; a name that no pod has gives no port."""
    two = [{"name": "a", "port": 80, "targetPort": "http"}, {"name": "b", "port": 81, "targetPort": "nope"}]

    assert numbers(slices_of(service(), [pod("a")])) == [(["a"], [5678])]
    assert numbers(slices_of(service(ports=two), [pod("a")])) == [(["a"], [5678])]


def numbers(slices: list[Object]) -> list[tuple[list[str] | None, list[int] | None]]:
    """Return the pods and the port numbers of each slice; None for null."""
    return [
        (
            None if each["endpoints"] is None else [one["targetRef"]["name"] for one in each["endpoints"]],
            None if each["ports"] is None else [port["port"] for port in each["ports"]],
        )
        for each in slices
    ]


def test_each_number_of_a_named_port_has_its_own_slice() -> None:
    """During a rollout that changes the number, each pod is reached at its own number."""
    pods = [pod("new", port=9090), pod("old-1"), pod("old-2")]

    assert numbers(slices_of(service(), pods)) == [(["old-1", "old-2"], [5678]), (["new"], [9090])]


def test_pods_without_the_named_port_get_no_traffic() -> None:
    """They are in a slice whose ports are null."""
    pods = [pod("a"), pod("b", port_name="other")]

    assert numbers(slices_of(service(), pods)) == [(["b"], None), (["a"], [5678])]


def test_the_protocol_of_a_named_port_counts() -> None:
    """A UDP port of the same name is a different port."""
    udp = service(ports=[{"port": 80, "targetPort": "http", "protocol": "UDP"}])

    assert numbers(slices_of(udp, [pod("a")])) == [(["a"], None)]


def test_without_pods_there_is_one_empty_slice() -> None:
    """Its endpoints and ports are null."""
    assert numbers(slices_of(service(), [])) == [(None, None)]


def applied(web: Object, current: list[Object], pods: list[Object]) -> list[Object]:
    """Return the slices after a plan is applied, sorted by name."""
    plan = plan_slices(web, slices_of(web, pods), current)
    left = {each["metadata"]["name"]: each for each in current if each not in plan.delete}
    left |= {each["metadata"]["name"]: each for each in plan.update}
    assert not left.keys() & {each["metadata"]["name"] for each in plan.create}
    left |= {each["metadata"]["name"]: each for each in plan.create}
    return [{**each, "metadata": {**each["metadata"], "resourceVersion": "1"}} for _, each in sorted(left.items())]


def test_a_rollout_adds_and_removes_slices() -> None:
    """The old slice is unchanged while it has pods and then deleted; the new one keeps its name."""
    web = service()
    before = applied(web, [], [pod("old")])
    during = applied(web, before, [pod("old"), pod("new", port=9090)])
    after = applied(web, during, [pod("new", port=9090)])
    (name,) = {each["metadata"]["name"] for each in during} - {each["metadata"]["name"] for each in before}

    assert before[0] in during
    assert sorted(numbers(during), key=str) == [(["new"], [9090]), (["old"], [5678])]
    assert [each["metadata"]["name"] for each in after] == [name]
    assert plan_slices(web, slices_of(web, [pod("new", port=9090)]), after).update == []


def test_a_slice_is_updated_in_place_if_its_ports_change() -> None:
    """A changed target port leaves no moment without endpoints."""
    before = applied(service(), [], [pod("a")])
    plan = plan_slices(service(), slices_of(service(ports=[{"port": 80, "targetPort": 1}]), [pod("a")]), before)

    assert (plan.create, plan.delete) == ([], [])
    assert plan.update[0]["metadata"]["name"] == before[0]["metadata"]["name"]
    assert plan.update[0]["metadata"]["resourceVersion"] == "1"


def test_only_selected_pods_are_listed_in_a_stable_order() -> None:
    """A pod with another label is omitted; the order is by name."""
    stranger = pod("c")
    stranger["metadata"]["labels"] = {"app": "other"}

    (found,) = slices_of(service(), [pod("b"), stranger, pod("a")])

    assert [each["targetRef"]["name"] for each in found["endpoints"]] == ["a", "b"]


def test_the_slice_of_a_service_keeps_its_name() -> None:
    """The name depends only on the Service; a new Service of the same name gets another slice name."""
    other = service()
    other["metadata"]["uid"] = "u-2"

    assert slice_name(service()) == slice_name(service())
    assert slice_name(service()) != slice_name(service(), 1)
    assert slice_name(service()) != slice_name(other)
    assert slice_name(service()).startswith("web-")


class Cache:
    """Objects of one resource in memory; writes are kept in their order."""

    def __init__(self, *objects: Object) -> None:
        self.objects = {key_of(each): each for each in objects}
        self.written: list[Object] = []
        self.wrote = asyncio.Event()
        self.tell: Callable[[str, Object | None, Object], None] = lambda _kind, _old, _new: None

    def subscribe(self, callback: Callable[[str, Object | None, Object], None]) -> None:
        """Call back with each change."""
        self.tell = callback

    def get(self, key: Any) -> Object | None:
        """Return an object."""
        return self.objects.get(key)

    def in_namespace(self, namespace: str) -> list[Object]:
        """Return the objects of a namespace."""
        return [each for key, each in self.objects.items() if key[0] == namespace]

    def owned_by(self, _owner: Object) -> list[Object]:
        """Return all objects: there is only one owner."""
        return list(self.objects.values())

    async def create(self, obj: Object, namespace: str) -> None:
        """Keep an object."""
        made = {**obj, "metadata": {**obj["metadata"], "namespace": namespace, "resourceVersion": "1"}}
        await self.update(made)

    async def update(self, obj: Object) -> None:
        """Keep an object."""
        await asyncio.sleep(0)
        self.objects[key_of(obj)] = obj
        self.written.append(obj)
        self.wrote.set()


def change(pods: Cache, kind: str, new: Object) -> None:
    """Put a pod into the cache, and report it to the subscribers."""
    old = pods.objects.get(key_of(new))
    pods.objects[key_of(new)] = new
    pods.tell(kind, old, new)


class Draws(random.Random):
    """A generator of given numbers."""

    def __init__(self, *numbers: float) -> None:
        super().__init__()
        self._numbers = iter(numbers)

    def random(self) -> float:
        """Return the next number."""
        return next(self._numbers)


def states_of(written: Object) -> list[tuple[str, bool]]:
    """Return the pods of a slice, each with its readiness."""
    return [(each["targetRef"]["name"], each["conditions"]["ready"]) for each in written.get("endpoints") or []]


async def reported(slices: Cache, *states: tuple[str, bool]) -> list[Object]:
    """Wait until the slice has these pods, and return all that was written before."""
    async with asyncio.timeout(180):
        while True:
            slices.wrote.clear()
            if slices.written and states_of(slices.written[-1]) == list(states):
                return slices.written
            await slices.wrote.wait()


def controlled(profile: Profile, *draws: float) -> tuple[Cache, Cache, EndpointSliceController]:
    """Return the pods, the slices and a controller of Service ``web``, started, with the drawn delays."""
    pods, slices = Cache(), Cache()
    context: Any = SimpleNamespace(
        pods=pods,
        services=Cache(service()),
        slices=slices,
        profile=profile,
        rng=Draws(*draws),
    )
    controller = EndpointSliceController(context)
    controller.start()
    return pods, slices, controller


A, B = "127.9.1.1", "127.9.1.2"
HOUR = 3600.0
INSTANT = Profile.by_name("instant")


@pytest.mark.parametrize("draws", [(0.0, 1.0), (1.0, 0.0)], ids=str)
def test_pods_that_are_deleted_together_leave_one_after_the_other(draws: tuple[float, float]) -> None:
    """Each mark comes after a delay of its own, the first one first, so a slice shows one ending and one ready."""

    async def scenario() -> Object:
        pods, slices, controller = controlled(
            replace(INSTANT, endpoints_terminating=Delay(0.0, HOUR)), 0.0, 0.0, *draws
        )
        async with controller.queue:
            for name, address in (("a", A), ("b", B)):
                change(pods, "ADDED", pod(name, address=address))
            await reported(slices, ("a", True), ("b", True))
            for name, address in (("a", A), ("b", B)):
                change(pods, "MODIFIED", pod(name, address=address, deleting=True))
            return (await reported(slices, ("a", False), ("b", True)))[-1]

    found = asyncio.run(scenario())["endpoints"]

    assert [each["conditions"]["terminating"] for each in found] == [True, False]


def test_an_old_pod_never_leaves_before_the_new_one_is_in() -> None:
    """A new pod's readiness may take long, but what follows it is not known sooner."""

    async def scenario() -> list[Object]:
        pods, slices, controller = controlled(replace(INSTANT, endpoints=Delay(0.0, HOUR)), 0.0, 0.0, 1.0, 0.0)
        async with controller.queue:
            change(pods, "ADDED", pod("a", address=A))
            await reported(slices, ("a", True))
            change(pods, "ADDED", pod("b", address=B, ready=False))
            await reported(slices, ("a", True), ("b", False))
            change(pods, "MODIFIED", pod("b", address=B))
            change(pods, "MODIFIED", pod("a", address=A, deleting=True))
            return await reported(slices, ("a", False), ("b", True))

    assert all(any(ready for _, ready in states_of(each)) for each in asyncio.run(scenario()))


def test_a_pod_that_is_gone_leaves_after_its_earlier_changes() -> None:
    """Its removal does not overtake the changes that came before it."""

    async def scenario() -> list[list[tuple[str, bool]]]:
        pods, slices, controller = controlled(replace(INSTANT, endpoints=Delay(0.0, HOUR)), 0.0, 1.0, 0.0)
        async with controller.queue:
            change(pods, "ADDED", pod("a", address=A))
            await reported(slices, ("a", True))
            change(pods, "ADDED", pod("b", address=B))
            gone = pods.objects.pop(("default", "a"))
            pods.tell("DELETED", gone, gone)
            return [states_of(each) for each in await reported(slices, ("a", True), ("b", True))]

    assert [("b", True)] not in asyncio.run(scenario())
