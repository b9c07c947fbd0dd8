"""Faults in objects of an ingress controller's own kinds: it would answer each request with an error."""

from __future__ import annotations

from collections.abc import Iterator

from harness.controllers.base import RoutedRequest, RouteFault, Surroundings
from harness.controllers.registry import faults_on_the_way
from harness.experiment.admission import title
from harness.experiment.problems import Problems
from harness.experiment.stages import ResolvedConfiguration, ResolvedExperiment
from harness.kube.manifests import name_of
from harness.kube.schema import KINDS
from harness.kube.scopes import is_custom
from harness.model.experiment import Manifest, Route


def check_route_faults(experiment: ResolvedExperiment, problems: Problems) -> None:
    """Check the way of each route through the objects that only its ingress controller reads."""
    for row in experiment.configurations:
        for fault in _faults(experiment, row):
            wanted = (fault.manifest.get("kind"), name_of(fault.manifest))
            for item in row.objects:
                if (item.manifest.get("kind"), name_of(item.manifest)) == wanted:
                    message = f"{title(item)}: {fault.message}"
                    problems.extend([item.problem_at(fault.code, fault.path, message, fault.hint)])


def has_fault(experiment: ResolvedExperiment, row: ResolvedConfiguration, route: Route) -> bool:
    """Return True if the controller's own objects have a fault on the way of a route, which is reported there."""
    return any(_faults_of(experiment, row, route))


def may_be_created(manifest: Manifest) -> bool:
    """Return True for an object of a custom kind whose controller may create what the workload does not have."""
    return is_custom(manifest) and (str(manifest.get("apiVersion")), str(manifest.get("kind"))) not in KINDS


def _faults(experiment: ResolvedExperiment, row: ResolvedConfiguration) -> Iterator[RouteFault]:
    for route in experiment.plan.routes if experiment.plan is not None and not experiment.parsed.entry else ():
        yield from _faults_of(experiment, row, route)


def _faults_of(experiment: ResolvedExperiment, row: ResolvedConfiguration, route: Route) -> list[RouteFault]:
    host = route.host or (experiment.plan.host if experiment.plan is not None else "")
    objects, rules = experiment.objects_of(row), experiment.rules
    ingress, service = objects.ingress_at(route.path, host, route.headers)
    surroundings = Surroundings(
        controller=experiment.parsed.ingress,
        settings=rules.runs_controller,
        secrets=rules.bare_namespaces and not any(may_be_created(item.manifest) for item in row.objects),
    )
    request = RoutedRequest(route.path, host, route.headers, ingress, service or "")
    return faults_on_the_way(objects.manifests, request, surroundings)
