"""Names that a change refers to: Services behind routes, texts of containers."""

from __future__ import annotations

from collections.abc import Sequence

from harness.experiment.objects import WorkloadObjects
from harness.model.experiment import Route, TrafficPlan


def service_of(route: Route, plan: TrafficPlan, objects: WorkloadObjects) -> str | None:
    """Return the Service that gets a route's requests; None if no rule routes it."""
    return objects.service_at(route.path, route.host or plan.host, route.headers)


def texts_of(objects: WorkloadObjects, deployments: Sequence[str]) -> list[str]:
    """Return the fixed answers of some Deployments' containers, from their arguments (``-text=…``)."""
    arguments = [str(a) for name in deployments for c in objects.containers(name) for a in c.get("args") or ()]
    return [argument.partition("=")[2] for argument in arguments if argument.startswith(("-text=", "--text="))]
