"""A rollout is complete under the four conditions of kubectl."""

from __future__ import annotations

from typing import Any

import pytest
from documentation import documented_role

from harness.errors import WaitTimeoutError
from harness.kube.errors import RolloutStuckError
from harness.kube.rollout import STATUS_OF, Rollout, rollout_state, rollout_status, wait_rollout
from harness.testing.fake_api import FakeKube
from harness.testing.role_bound_api import RoleBoundKube

COMPLETE = {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}


def deployment(**status: Any) -> dict[str, Any]:
    """Return a Deployment of 3 replicas in generation 2, complete except for the given ``status``."""
    return {
        "kind": "Deployment",
        "metadata": {"name": "apple", "generation": 2},
        "spec": {"replicas": 3},
        "status": {**COMPLETE, **status},
    }


def test_a_rollout_is_complete_when_nothing_old_is_left() -> None:
    """All replicas are new and available, and the controller has seen the spec."""
    assert rollout_state(deployment()) is Rollout.COMPLETE


@pytest.mark.parametrize(
    "status",
    [{"observedGeneration": 1}, {"updatedReplicas": 2}, {"replicas": 4}, {"availableReplicas": 2}],
    ids=lambda status: next(iter(status)),
)
def test_each_condition_alone_keeps_a_rollout_going(status: dict[str, int]) -> None:
    """Each of kubectl's four conditions is required, and the missing one is named."""
    found = rollout_status(deployment(**status))

    assert found.state is Rollout.PROGRESSING
    assert found.missing


def test_a_deployment_without_status_is_progressing() -> None:
    """A Deployment that no controller has seen is not complete."""
    assert rollout_state({"metadata": {"generation": 1}, "spec": {}}) is Rollout.PROGRESSING


def test_an_exceeded_deadline_has_its_own_state() -> None:
    """A failed rollout is neither complete nor progressing."""
    failed = deployment(conditions=[{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}])

    assert rollout_state(failed) is Rollout.DEADLINE_EXCEEDED


def test_the_deadline_of_an_older_spec_does_not_count() -> None:
    """The condition is about the observed generation, not about a newer spec."""
    failed = [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]

    assert rollout_state(deployment(observedGeneration=1, conditions=failed)) is Rollout.PROGRESSING


def test_waiting_gives_the_complete_deployment() -> None:
    """The wait returns the object."""
    kube = FakeKube()
    kube.put({**deployment(), "status": {**COMPLETE, "observedGeneration": 9}}, "ns")

    assert wait_rollout(kube, "apple", "ns", 1)["metadata"]["name"] == "apple"


def test_a_timeout_says_what_was_missing() -> None:
    """The error names the Deployment and the condition."""
    kube = FakeKube()
    kube.put(deployment(observedGeneration=9, availableReplicas=1), "ns")

    with pytest.raises(WaitTimeoutError) as caught:
        wait_rollout(kube, "apple", "ns", 0.01)

    assert "1 of 3 new replicas are available" in str(caught.value)


@pytest.mark.parametrize("role", ["ClusterRole", "Role"])
def test_waiting_needs_no_right_beyond_the_documented_ones(role: str) -> None:
    """While a rollout is not complete, its pods and ReplicaSets are read, too."""
    kube = FakeKube()
    found = kube.put(deployment(observedGeneration=9, availableReplicas=1), "ns")
    owners = [{"kind": "Deployment", "name": "apple", "uid": found["metadata"]["uid"]}]
    kube.put({"kind": "ReplicaSet", "metadata": {"name": "apple-1", "ownerReferences": owners}}, "ns")
    bound = RoleBoundKube(kube, documented_role(role))

    with pytest.raises(WaitTimeoutError):
        wait_rollout(bound, "apple", "ns", 0.01)
    assert bound.refused == set()
    assert {grant.resource for grant in bound.used} == {"deployments", "replicasets", "pods"}


def test_waiting_ends_at_the_progress_deadline() -> None:
    """A failed rollout is not awaited any longer."""
    failed = [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]
    kube = FakeKube()
    kube.put(deployment(observedGeneration=9, conditions=failed), "ns")

    with pytest.raises(RolloutStuckError):
        wait_rollout(kube, "apple", "ns", 60)


STATEFUL = {"observedGeneration": 2, "readyReplicas": 3, "updatedReplicas": 3}
DAEMON = {"observedGeneration": 2, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 3}


@pytest.mark.parametrize(
    ("kind", "spec", "status", "missing"),
    [
        ("StatefulSet", {}, STATEFUL, ""),
        ("StatefulSet", {}, {**STATEFUL, "observedGeneration": 1}, "not seen the new spec"),
        ("StatefulSet", {}, {**STATEFUL, "readyReplicas": 2}, "2 of 3 replicas are ready"),
        ("StatefulSet", {}, {**STATEFUL, "updatedReplicas": 1}, "1 of 3 replicas are new"),
        (
            "StatefulSet",
            {"updateStrategy": {"rollingUpdate": {"partition": 2}}},
            {**STATEFUL, "updatedReplicas": 1},
            "",
        ),
        ("StatefulSet", {"updateStrategy": {"type": "OnDelete"}}, {**STATEFUL, "updatedReplicas": 0}, ""),
        ("StatefulSet", {}, {}, "not seen the new spec"),
        ("DaemonSet", {}, DAEMON, ""),
        ("DaemonSet", {}, {**DAEMON, "observedGeneration": 1}, "not seen the new spec"),
        ("DaemonSet", {}, {**DAEMON, "updatedNumberScheduled": 1}, "1 of 3 pods are new"),
        ("DaemonSet", {}, {**DAEMON, "numberAvailable": 0}, "0 of 3 pods are available"),
    ],
)
def test_stateful_and_daemon_sets_have_conditions_of_their_own(
    kind: str, spec: dict[str, Any], status: dict[str, int], missing: str
) -> None:
    """They are those of ``kubectl rollout status``."""
    obj = {"metadata": {"name": "db", "generation": 2}, "spec": {"replicas": 3, **spec}, "status": status}

    found = STATUS_OF[kind](obj)

    assert (found.state is Rollout.COMPLETE) is not bool(missing)
    assert missing in found.missing


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_where_no_pods_are_run_there_is_nothing_to_wait_for(kind: str) -> None:
    """The embedded cluster stores these objects without a generation, and runs no pods for them."""
    assert STATUS_OF[kind]({"metadata": {"name": "db"}, "spec": {}}).state is Rollout.COMPLETE
