"""Whether what a change names is there: objects of the workload, routes of the traffic."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.experiment.objects import Objects
from harness.experiment.problems import Problems, listed, near
from harness.kit.located_yaml import Place
from harness.model.experiment import Route, TrafficPlan


def exists(kind: str, name: str, place: Place, objects: Objects, problems: Problems) -> bool:
    """Whether the workload has an object; a problem at ``place`` otherwise."""
    there = objects.names(kind)
    if name not in there:
        problems.add(place, f"no {kind} {name!r} in the workload; it has {listed(there)}", near(name, there))
    return name in there


def service_of(route: Route, plan: TrafficPlan, objects: Objects) -> str | None:
    """The Service that a route's requests are sent to."""
    return objects.service_at(route.path, route.host or plan.host, route.headers)


def texts_of(objects: Objects, deployments: Sequence[str]) -> list[str]:
    """The fixed texts that the containers of some Deployments say they answer (``-text=…``)."""
    arguments = [str(a) for name in deployments for c in objects.containers(name) for a in c.get("args") or ()]
    return [argument.partition("=")[2] for argument in arguments if argument.startswith(("-text=", "--text="))]


@dataclass(frozen=True, slots=True)
class Ground:
    """What a change is checked against.

    Attributes:
        objects: The workload in one configuration.
        plan: The traffic.
        problems: Where what is wrong goes.
        ingress: The controller's word; ``none`` where there is none.
    """

    objects: Objects
    plan: TrafficPlan
    problems: Problems
    ingress: str

    def has(self, kind: str, name: str, place: Place) -> bool:
        """Whether the workload has an object; a problem at ``place`` otherwise."""
        return exists(kind, name, place, self.objects, self.problems)

    def routes(self, keys: Iterable[str], place: Place) -> list[Route]:
        """The routes of these keys; a problem at ``place`` for each that gets no traffic."""
        known = {route.key: route for route in self.plan.routes}
        for key in keys:
            if key not in known:
                self.problems.add(place, f"no route {key!r} gets traffic; there are {listed(known)}", near(key, known))
        return [known[key] for key in keys if key in known]

    def service_of(self, route: Route) -> str | None:
        """The Service that a route's requests are sent to."""
        return service_of(route, self.plan, self.objects)
