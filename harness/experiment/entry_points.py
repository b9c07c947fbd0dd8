"""Checks entry points: a request through an entry point that the controller does not have reaches no application."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.errors import Problem
from harness.experiment.admission import title
from harness.experiment.problems import Problems, listed
from harness.experiment.stages import ResolvedExperiment
from harness.experiment.workload import RenderedObject
from harness.kit.located_yaml import Place
from harness.kube.nested import at
from harness.model.controllers import CONTROLLERS
from harness.problem_codes import ProblemCode

_ANNOTATION = "traefik.ingress.kubernetes.io/router.entrypoints"


def check_entry_points(experiment: ResolvedExperiment, problems: Problems) -> None:
    """Check that the controller has a port for the traffic, and an entry point that each route of Traefik names."""
    facts = CONTROLLERS.get(experiment.parsed.ingress)
    there = facts.entry_points if facts is not None and experiment.rules.runs_controller else ()
    for row in experiment.configurations if there else ():
        for item in row.objects:
            problems.extend(_elsewhere(item, there))
    if experiment.plan is None or experiment.plan.tls is None:
        return
    if not experiment.rules.serves_tls:
        message = "the harness's kind clusters have no port for HTTPS"
        hint = "leave out tls, or use --cluster local or a cluster of your own"
        problems.add(ProblemCode.CONFLICT, ("traffic", "tls"), message, hint)
    elif there:
        message = f"Traefik serves no HTTPS here: its entry points are {listed(there)}"
        hint = "leave out tls, or use ingress-nginx or a cluster of your own"
        problems.add(ProblemCode.CONFLICT, ("traffic", "tls"), message, hint)


def _elsewhere(item: RenderedObject, there: Sequence[str]) -> Iterator[Problem]:
    """Yield the problem of an object whose routes are for other entry points only."""
    place, names = _entry_points(item)
    if names and not set(names) & set(there):
        message = f"{title(item)}: its routes are for the entry point {listed(names)}; Traefik has {listed(there)} here"
        yield item.problem_at(ProblemCode.NO_ROUTE, place, message, f"add {there[0]}")


def _entry_points(item: RenderedObject) -> tuple[Place, list[str]]:
    """Return the entry points that an object names, with their place."""
    if item.manifest.get("kind") == "IngressRoute":
        return ("spec", "entryPoints"), [str(each) for each in at(item.manifest, "spec", "entryPoints") or ()]
    if item.manifest.get("kind") == "Ingress":
        written = str((at(item.manifest, "metadata", "annotations") or {}).get(_ANNOTATION) or "")
        return ("metadata", "annotations", _ANNOTATION), [each.strip() for each in written.split(",") if each.strip()]
    return (), []
