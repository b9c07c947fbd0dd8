"""Notices of changes whose object gets none of the traffic: such a change loses nothing, whatever it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.controllers.registry import is_share
from harness.experiment.changes.reading import services_behind
from harness.experiment.naming import service_of
from harness.experiment.objects import WorkloadObjects
from harness.experiment.problems import listed
from harness.experiment.stages import ResolvedExperiment
from harness.model.change_facts import TargetKind
from harness.model.changes import ChangeSpec
from harness.model.experiment import TrafficPlan

#: Kinds that can name further Services for a route, in ways that the harness does not evaluate.
_NAMING = frozenset({"IngressRoute", "Middleware", "TraefikService"})
_TARGETS = frozenset({TargetKind.DEPLOYMENT, TargetKind.SERVICE})


def unreached_changes(experiment: ResolvedExperiment) -> tuple[str, ...]:
    """Return a sentence, with file and line, for each change of an object to which no path of the traffic leads."""
    found: dict[str, None] = {}
    document = experiment.parsed.document
    for row in experiment.configurations:
        for cell in row.cells:
            # One of two changes that overlap may lead the traffic to the object of the other.
            if experiment.plan is None or len(cell.change.parts) != 1:
                continue
            ((spec, place),) = cell.change.parts
            if _is_unreached(spec, experiment.plan, experiment.objects_of(row)):
                paths = listed(route.key for route in experiment.plan.routes)
                found[
                    f"{document.file}:{document.line_of(place)}: no path of the traffic ({paths}) leads to"
                    f" {spec.target} {spec.target_name}, so a loss by {spec.name} is seen only if another"
                    " application depends on it"
                ] = None
    return tuple(found)


def _is_unreached(spec: ChangeSpec, plan: TrafficPlan, objects: WorkloadObjects) -> bool:
    """Return True if no request is known to go to the changed object, and none could go there in another way."""
    if spec.facts.target not in _TARGETS:
        return False
    reached = {service_of(route, plan, objects) for route in plan.routes}
    services = set(services_behind(spec, objects))
    # What a change makes the traffic go to is not known before it.
    leads = spec.facts.target is TargetKind.SERVICE and spec.facts.splits_requests
    return not leads and None not in reached and services.isdisjoint({*reached, *_further(objects)})


def _further(objects: WorkloadObjects) -> Iterator[str]:
    """Yield every text of the objects that may name a Service which gets a part of the requests of a route."""
    for manifest in objects.manifests:
        if manifest.get("kind") in _NAMING or (manifest.get("kind") == "Ingress" and is_share(manifest)):
            yield from _texts(manifest)
        elif manifest.get("kind") == "Ingress":
            # Such as the default backend, which gets requests for which there is no pod.
            yield from _texts((manifest.get("metadata") or {}).get("annotations"))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _texts(each)
