"""The context of a check: the workload in one configuration, the traffic, the ingress controller."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.experiment.cluster_rules import ANYTHING, ClusterRules
from harness.experiment.naming import service_of
from harness.experiment.objects import WorkloadObjects
from harness.experiment.problems import Problems, listed, near
from harness.kit.located_yaml import Place
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
        if not self.has("Deployment", deployment, place):
            return False
        if self.objects.replicas(deployment):
            return True
        message = f"Deployment {deployment} has no replicas: there is no pod to change"
        self.add(ProblemCode.NO_PODS, place, message)
        return False

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
