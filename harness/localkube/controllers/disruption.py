"""The disruption controller: computes how many evictions each PodDisruptionBudget allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from harness.kube.budgets import desired_healthy
from harness.localkube.controllers.context import Context
from harness.localkube.controllers.pod_order import is_ready
from harness.localkube.controllers.revisions import replicas_of
from harness.localkube.machinery.budgets import allowed_conditions, budgets_of, protects
from harness.localkube.machinery.client import Conflict, EventType, NotFound
from harness.localkube.machinery.objects import (
    Key,
    Object,
    controller_of,
    is_deleting,
    key_of,
    parse_timestamp,
)
from harness.localkube.machinery.workqueue import WorkQueue

#: Time after which an evicted pod that still exists counts as healthy again.
_DELETION_TIMEOUT = timedelta(minutes=2)
_COUNTS = ("currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods")


class DisruptionController:
    """A controller that watches PodDisruptionBudgets and pods.

    Args:
        context: Caches and client.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.queue: WorkQueue[Key] = WorkQueue(self._sync, name="disruption")

    def start(self) -> None:
        """Subscribe to the resources it watches."""
        self._context.budgets.subscribe(lambda _kind, _old, new: self.queue.add(key_of(new)))
        self._context.pods.subscribe(self._on_pod)

    def _on_pod(self, _kind: EventType, old: Object | None, pod: Object) -> None:
        """Sync the budgets that select the pod, or selected it before."""
        budgets = self._context.budgets.in_namespace(pod["metadata"]["namespace"])
        for each in (old, pod):
            for budget in budgets_of(each, budgets) if each is not None else ():
                self.queue.add(key_of(budget))

    async def _sync(self, key: Key) -> None:
        budget = self._context.budgets.get(key)
        if budget is None or is_deleting(budget):
            return
        now = datetime.now(UTC)
        pods = [pod for pod in self._context.pods.in_namespace(key[0]) if protects(budget, pod)]
        disrupted = disrupted_pods(budget, pods, now)
        if disrupted:
            first = min(parse_timestamp(moment) for moment in disrupted.values()) + _DELETION_TIMEOUT
            self.queue.add_after(key, max(0.0, (first - now).total_seconds()) + 1)
        try:
            demand = demand_of(budget, pods, self._scales(pods))
        except BudgetError as error:
            await self._write(budget, failed_status(budget, str(error)))
            return
        await self._write(budget, new_status(budget, demand, pods, disrupted))

    def _scales(self, pods: Sequence[Object]) -> dict[str, WantedPods]:
        """Return the scale behind each known ReplicaSet of the pods, by the uid of the ReplicaSet."""
        owners = [(pod["metadata"]["namespace"], owner) for pod in pods if (owner := controller_of(pod)) is not None]
        found = {owner["uid"]: self._scale(namespace, owner) for namespace, owner in owners}
        return {uid: scale for uid, scale in found.items() if scale is not None}

    def _scale(self, namespace: str, owner: Object) -> WantedPods | None:
        found = self._context.replicasets.get((namespace, owner["name"]))
        if found is None or found["metadata"]["uid"] != owner["uid"]:
            return None
        above = controller_of(found)
        deployment = self._context.deployments.get((namespace, above["name"])) if above is not None else None
        top = found if deployment is None else deployment
        return WantedPods(top["metadata"]["uid"], replicas_of(top))

    async def _write(self, budget: Object, status: Object) -> None:
        before = budget.get("status") or {}
        if all(before.get(name) == value for name, value in status.items()):
            return
        gone = {name: None for name in before.get("disruptedPods") or {} if name not in status["disruptedPods"]}
        status = {**status, "disruptedPods": {**gone, **status["disruptedPods"]} or None}
        # An eviction may have changed the status meanwhile: it must not be overwritten.
        body = {"metadata": {"resourceVersion": budget["metadata"]["resourceVersion"]}, "status": status}
        with suppress(NotFound, Conflict):  # After a conflict, the watch brings the other version, and with it a sync.
            await self._context.budgets.patch(budget, body, subresource="status")


class BudgetError(Exception):
    """A budget whose number of wanted pods cannot be computed."""


@dataclass(frozen=True, slots=True)
class Demand:
    """The pods that a budget asks for.

    Attributes:
        expected: Number of pods that should exist.
        healthy: Number of ready pods that must remain.
    """

    expected: int
    healthy: int


@dataclass(frozen=True, slots=True)
class WantedPods:
    """The wanted number of pods of a Deployment, or of a ReplicaSet without one.

    Attributes:
        uid: Uid of the object. The ReplicaSets of one Deployment have the same.
        replicas: The number.
    """

    uid: str
    replicas: int


def demand_of(budget: Object, pods: Sequence[Object], scales: Mapping[str, WantedPods]) -> Demand:
    """Compute the demand of a budget. Percentages refer to the wanted number of pods, not to the existing ones.

    Args:
        budget: The budget.
        pods: The pods that it selects.
        scales: The scale behind each ReplicaSet of the pods, by the uid of the ReplicaSet.

    Raises:
        BudgetError: A pod belongs to an unknown controller.
    """
    spec = budget["spec"]
    is_number = spec.get("maxUnavailable") is None and isinstance(spec.get("minAvailable"), int)
    expected = len(pods) if is_number else _expected(pods, scales)
    healthy = desired_healthy(spec, expected)
    return Demand(0, 0) if healthy is None else Demand(expected, healthy)


def _expected(pods: Sequence[Object], scales: Mapping[str, WantedPods]) -> int:
    """Return the sum of the scales behind the pods; pods without a controller do not count."""
    wanted: set[WantedPods] = set()
    for pod in pods:
        owner = controller_of(pod)
        if owner is not None and owner["uid"] not in scales:
            raise BudgetError(f'found no controllers for pod "{pod["metadata"]["name"]}"')
        if owner is not None:
            wanted.add(scales[owner["uid"]])
    return sum(scale.replicas for scale in wanted)


def disrupted_pods(budget: Object, pods: Sequence[Object], now: datetime) -> dict[str, str]:
    """Return the pods whose eviction was allowed and whose deletion has not begun yet, with the time of each."""
    known = (budget.get("status") or {}).get("disruptedPods") or {}
    names = [pod["metadata"]["name"] for pod in pods if not is_deleting(pod)]
    return {name: known[name] for name in names if name in known and _is_expected_to_go(known[name], now)}


def _is_expected_to_go(since: str, now: datetime) -> bool:
    return parse_timestamp(since) + _DELETION_TIMEOUT > now


def new_status(budget: Object, demand: Demand, pods: Sequence[Object], disrupted: Mapping[str, str]) -> Object:
    """Return the status of a budget.

    Args:
        budget: The budget.
        demand: The pods that it asks for.
        pods: The pods that it selects.
        disrupted: Those about to be deleted, which do not count as healthy.
    """
    healthy = sum(is_ready(pod) and not is_deleting(pod) and pod["metadata"]["name"] not in disrupted for pod in pods)
    allowed = max(0, healthy - demand.healthy) if demand.expected > 0 else 0
    return {
        **dict(zip(_COUNTS, (healthy, demand.healthy, allowed, demand.expected), strict=True)),
        "disruptedPods": dict(disrupted),
        "observedGeneration": budget["metadata"].get("generation", 0),
        "conditions": allowed_conditions(budget, allowed),
    }


def failed_status(budget: Object, why: str) -> Object:
    """Return the status of a budget that cannot be computed: it allows nothing."""
    before = budget.get("status") or {}
    return {
        "disruptionsAllowed": 0,
        "disruptedPods": dict(before.get("disruptedPods") or {}),
        "conditions": allowed_conditions(budget, 0, why),
    }
