"""The context of a check: the workload in one configuration, the traffic, the ingress controller."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.experiment.cluster_rules import ANYTHING, ClusterRules
from harness.experiment.naming import exists, service_of
from harness.experiment.objects import Objects
from harness.experiment.problems import Problems, listed, near
from harness.kit.located_yaml import Place
from harness.model.experiment import Route, TrafficPlan


@dataclass(frozen=True, slots=True)
class CheckContext:
    """The context of a check.

    Attributes:
        objects: The workload in one configuration.
        problems: Gets what is wrong.
        plan: The traffic; None where it could not be read or is not known: then nothing is said about routes.
        ingress: The controller's word; empty where it is not known.
        rules: What the cluster does not take; by default it takes everything.
    """

    objects: Objects
    problems: Problems
    plan: TrafficPlan | None = None
    ingress: str = ""
    rules: ClusterRules = ANYTHING

    def has(self, kind: str, name: str, place: Place) -> bool:
        """Return whether the workload has an object; a problem at ``place`` otherwise."""
        return exists(kind, name, place, self.objects, self.problems)

    def has_pods(self, deployment: str, place: Place) -> bool:
        """Return whether the workload has a Deployment that asks for pods; a problem at ``place`` otherwise."""
        if not self.has("Deployment", deployment, place):
            return False
        if self.objects.replicas(deployment):
            return True
        self.problems.add(place, f"Deployment {deployment} has no replicas: there is no pod to change")
        return False

    def routes(self, keys: Iterable[str], place: Place) -> list[Route]:
        """Return the routes of these keys; a problem at ``place`` for each that gets no traffic."""
        if self.plan is None:
            return []
        known = {route.key: route for route in self.plan.routes}
        for key in keys:
            if key not in known:
                self.problems.add(place, f"no route {key!r} gets traffic; there are {listed(known)}", near(key, known))
        return [known[key] for key in keys if key in known]

    def service_of(self, route: Route) -> str | None:
        """Return the Service that a route's requests are sent to; None where that is not known."""
        return None if self.plan is None else service_of(route, self.plan, self.objects)
