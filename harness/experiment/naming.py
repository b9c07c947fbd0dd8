"""Whether what a change names is there: objects of the workload, routes of the traffic."""

from __future__ import annotations

from collections.abc import Sequence

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
