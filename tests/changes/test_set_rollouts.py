"""A restart and a rolling update of a StatefulSet and of a DaemonSet are observed by their status and their pods."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from harness.changes.perform import perform
from harness.changes.rollouts import is_replaced
from harness.kube.rollout import Rollout, daemon_set_status, stateful_set_status
from harness.model.change_facts import TargetKind
from harness.model.changes import ChangeSpec, Restart, RollingUpdate
from harness.testing.fake_api import FakeKube
from harness.testing.fake_workloads import WorkloadPart

if TYPE_CHECKING:
    from tests.changes.conftest import World
NS = "demo"

RESTARTS = (Restart(name="restart-db", statefulset="db"), Restart(name="restart-agent", daemonset="agent"))
UPDATES = (
    RollingUpdate(name="update-db", statefulset="db", set={"args": ["-text={time}"]}),
    RollingUpdate(name="update-agent", daemonset="agent", set={"args": ["-text={time}"]}),
)


def pods_of(kube: FakeKube, name: str) -> dict[str, str]:
    """Return the uid of each pod, by its name."""
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in kube.list("Pod", NS, labels=f"app={name}")}


@pytest.mark.parametrize("spec", [*RESTARTS, *UPDATES], ids=lambda spec: spec.name)
def test_every_pod_is_replaced(world: World, spec: ChangeSpec) -> None:
    """The change is observed once, and the pods are others under the same names."""
    world.with_sets()
    before = pods_of(world.kube, spec.target_name)

    assert perform(spec, world.context), world.missing()

    after = pods_of(world.kube, spec.target_name)
    assert world.what() == ["begin", "applied", "observed", "end"]
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())
    assert world.events[1].detail["object"] == f"{spec.target}/{spec.target_name}"


@pytest.mark.parametrize("spec", [*RESTARTS, *UPDATES], ids=lambda spec: spec.name)
@pytest.mark.parametrize(
    ("part", "missing"),
    [
        (WorkloadPart.DEPLOYMENT_CONTROLLER, "the rollout: its controller has not seen the new spec"),
        (WorkloadPart.OLD_PODS, "the end of the old pods"),
        (WorkloadPart.NEW_PODS, "the rollout: 0 of "),
    ],
)
def test_each_condition_alone_prevents_the_observation(
    world: World, spec: ChangeSpec, part: WorkloadPart, missing: str
) -> None:
    """The event says what was missing."""
    world.with_sets()
    world.workloads.broken.add(part)

    assert not perform(spec, world.context)
    assert missing in world.missing()


def test_the_reason_of_a_pod_that_does_not_start_is_named(world: World) -> None:
    """A set itself does not say why its pods are not ready."""
    world.with_sets()
    world.workloads.broken.add(WorkloadPart.NEW_PODS)

    def waits(kube: FakeKube) -> None:
        for pod in kube.list("Pod", NS, labels="app=db"):
            state = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
            pod["status"]["containerStatuses"] = [{"name": "echo", "restartCount": 0, "state": state}]
            kube.put(pod, NS)

    world.kube.reactions.append(waits)

    assert not perform(UPDATES[0], world.context)
    assert "ImagePullBackOff: no such image" in world.missing()


def test_pods_below_the_partition_stay(world: World) -> None:
    """Only those from the partition on are awaited."""
    world.with_sets(updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 1}})
    before = pods_of(world.kube, "db")

    assert perform(RESTARTS[0], world.context), world.missing()

    after = pods_of(world.kube, "db")
    assert [name for name in before if before[name] == after[name]] == ["db-0"]


@pytest.mark.parametrize(
    ("spec", "replaced"),
    [
        ({"updateStrategy": {"rollingUpdate": {"partition": 2}}}, []),
        ({"updateStrategy": {"rollingUpdate": {"partition": 2}}, "ordinals": {"start": 4}}, ["db-6", "db-7"]),
        ({"ordinals": {"start": 4}}, ["db-4", "db-5", "db-6", "db-7"]),
    ],
)
def test_a_partition_counts_from_the_first_pod(spec: dict[str, Any], replaced: list[str]) -> None:
    """The numbers of the pods begin where ``ordinals`` says."""
    target = {"kind": "StatefulSet", "metadata": {"name": "db"}, "spec": spec}
    first = spec.get("ordinals", {}).get("start", -2)
    pods = [{"metadata": {"name": f"db-{number}"}} for number in range(max(first, 0), first + 4)]

    assert [pod["metadata"]["name"] for pod in pods if is_replaced(pod, target)] == replaced


@pytest.mark.parametrize("spec", UPDATES, ids=lambda spec: spec.name)
def test_an_update_is_undone_by_a_second_rollout(make_world: Callable[..., World], spec: ChangeSpec) -> None:
    """The template is as before, and that rollout is awaited."""
    world = make_world(timeout=2).with_sets()
    world.context = replace(world.context, undo_after=0.0)
    before = deepcopy(world.kube.get(spec.target.value, spec.target_name, NS)["spec"])

    assert perform(spec, world.context), world.missing()

    assert world.what() == ["begin", "applied", "observed", "undone", "undo-observed", "end"]
    assert world.kube.get(spec.target.value, spec.target_name, NS)["spec"] == before


def test_the_object_is_that_whose_field_has_a_name() -> None:
    """A change of an older record has a Deployment alone; its rights are only those for its object."""
    assert [spec.target for spec in RESTARTS] == [TargetKind.STATEFUL_SET, TargetKind.DAEMON_SET]
    assert [spec.made for spec in RESTARTS] == ["restart statefulset", "restart daemonset"]
    assert (Restart(name="r", deployment="d").target, Restart(name="r", deployment="d").made) == (
        TargetKind.DEPLOYMENT,
        "restart",
    )


def a_status(**counts: Any) -> dict[str, Any]:
    """Return a StatefulSet of three pods as an API server shows it, complete unless the counts say otherwise."""
    complete = {
        "observedGeneration": 2,
        "readyReplicas": 3,
        "updatedReplicas": 3,
        "currentRevision": "db-2",
        "updateRevision": "db-2",
    }
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": counts.pop("partition", 0)}}
    return {
        "metadata": {"generation": 2},
        "spec": {"replicas": 3, "updateStrategy": strategy},
        "status": {**complete, **counts},
    }


@pytest.mark.parametrize(
    ("counts", "missing"),
    [
        ({}, ""),
        ({"observedGeneration": 1}, "its controller has not seen the new spec"),
        ({"readyReplicas": 2}, "2 of 3 replicas are ready"),
        ({"updatedReplicas": 1}, "1 of 3 replicas are new"),
        ({"currentRevision": "db-1"}, "revision db-2 has not replaced db-1 yet"),
        ({"partition": 2, "updatedReplicas": 1, "currentRevision": "db-1"}, ""),
        ({"partition": 2, "updatedReplicas": 0, "currentRevision": "db-1"}, "0 of 1 replicas are new"),
    ],
)
def test_a_statefulset_is_complete_when_its_status_says_so(counts: dict[str, Any], missing: str) -> None:
    """The pods below the partition keep the old revision."""
    status = stateful_set_status(a_status(**counts))

    assert (status.missing, status.state is Rollout.COMPLETE) == (missing, not missing)


@pytest.mark.parametrize(
    ("counts", "missing"),
    [
        ({}, ""),
        ({"observedGeneration": 1}, "its controller has not seen the new spec"),
        ({"updatedNumberScheduled": 0}, "0 of 2 pods are new"),
        ({"numberAvailable": 1}, "1 of 2 pods are available"),
    ],
)
def test_a_daemonset_is_complete_when_its_status_says_so(counts: dict[str, int], missing: str) -> None:
    """Each node has a new pod that is available."""
    complete = {"observedGeneration": 2, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2}
    status = daemon_set_status({"metadata": {"generation": 2}, "spec": {}, "status": {**complete, **counts}})

    assert (status.missing, status.state is Rollout.COMPLETE) == (missing, not missing)
