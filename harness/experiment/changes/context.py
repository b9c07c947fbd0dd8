"""The context of a check: the workload in one configuration, the traffic, the ingress controller."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.experiment.cluster_rules import ANYTHING, ClusterRules
from harness.experiment.naming import service_of
from harness.experiment.objects import WorkloadObjects
from harness.experiment.problems import Problems, listed, near
from harness.kit.located_yaml import Place
from harness.kube.nested import at
from harness.model.changes import ChangeSpec
from harness.model.experiment import Route, TrafficPlan
from harness.problem_codes import ProblemCode


@dataclass(frozen=True, slots=True)
class CheckContext:
    """The context of a check.

    Attributes:
        objects: The workload in one configuration.
        problems: Gets the errors.
        plan: The traffic; None if it is unknown: then routes are not checked.
        ingress: The controller's word; empty if it is unknown.
        rules: The rules of the cluster; by default it accepts everything.
        whole: Noun for the place of the objects, in messages.
    """

    objects: WorkloadObjects
    problems: Problems
    plan: TrafficPlan | None = None
    ingress: str = ""
    rules: ClusterRules = ANYTHING
    whole: str = "workload"

    def add(self, code: ProblemCode, place: Place, message: str, hint: str = "") -> None:
        """Add a problem at a place of the Experiment file."""
        self.problems.add(code, place, message, hint)

    def has(self, kind: str, name: str, place: Place) -> bool:
        """Return whether there is an object; add a problem at ``place`` if there is none."""
        there = self.objects.names(kind)
        if name not in there:
            message = f"no {kind} {name!r} in the {self.whole}; it has {listed(there)}"
            self.add(ProblemCode.UNKNOWN_NAME, place, message, near(name, there))
        return name in there

    def has_pods(self, deployment: str, place: Place) -> bool:
        """Return whether there is a Deployment that asks for pods; add a problem at ``place`` if there is none."""
        return self.has("Deployment", deployment, place) and self.asks_for_pods(deployment, place)

    def asks_for_pods(self, name: str, place: Place, kind: str = "Deployment") -> bool:
        """Return whether an object asks for pods; add a problem at ``place`` if it does not."""
        if self.objects.replicas(name, kind):
            return True
        message = f"{kind} {name} has no replicas: there is no pod to change"
        self.add(ProblemCode.NO_PODS, place, message)
        return False

    def can_roll_out(self, spec: ChangeSpec, place: Place) -> bool:
        """Return whether the object of a change exists; exactly one of the fields that can name it must do so.

        Add a problem if it does not exist, and if a new template would replace none of its pods.
        """
        fields = [target.field for target in spec.facts.targets]
        given = [field for field in fields if getattr(spec, field)]
        if len(given) != 1:
            code = ProblemCode.CONFLICT if given else ProblemCode.REQUIRED
            message = f"{' and '.join(given)} both name an object" if given else f"{fields[0]} is required"
            self.add(code, place, message, f"name one object, by {' or '.join(fields)}")
            return False
        kind, name = spec.target.value, spec.target_name
        if not self.has(kind, name, (*place, given[0])):
            return False
        strategy = at(self.objects.find(kind, name), "spec", "updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            message = f"{kind} {name} has the update strategy OnDelete: a new template replaces none of its pods"
            hint = "give it the strategy RollingUpdate, or delete its pods with kubectl: [delete, pod, NAME]"
            self.add(ProblemCode.NO_EFFECT, (*place, given[0]), message, hint)
        partition = at(strategy, "rollingUpdate", "partition") or 0
        if isinstance(partition, int) and partition >= max(1, self.objects.replicas(name, kind)):
            message = f"{kind} {name} keeps all pods below its partition {partition}: none would be replaced"
            self.add(ProblemCode.NO_EFFECT, (*place, given[0]), message, "lower the partition")
        return True

    def routes(self, keys: Iterable[str], place: Place) -> list[Route]:
        """Return the routes of these keys; add a problem at ``place`` for each key that gets no traffic."""
        if self.plan is None:
            return []
        known = {route.key: route for route in self.plan.routes}
        for key in keys:
            if key not in known:
                message = f"no route {key!r} gets traffic; there are {listed(known)}"
                self.add(ProblemCode.UNKNOWN_NAME, place, message, near(key, known))
        return [known[key] for key in keys if key in known]

    def service_of(self, route: Route) -> str | None:
        """Return the Service that gets a route's requests; None if it is unknown."""
        return None if self.plan is None else service_of(route, self.plan, self.objects)
