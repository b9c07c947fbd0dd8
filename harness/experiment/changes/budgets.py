"""Finds PodDisruptionBudgets that never allow an eviction, before a run waits for one."""

from __future__ import annotations

from harness.experiment.changes.context import CheckContext
from harness.kit.located_yaml import Place
from harness.kube.budgets import desired_healthy, selects
from harness.kube.manifests import name_of
from harness.kube.nested import at
from harness.model.experiment import Manifest
from harness.problem_codes import ProblemCode


def check_budgets(deployment: str, place: Place, context: CheckContext) -> None:
    """Add a problem for each budget that allows no eviction of a Deployment's pods even if all of them are ready."""
    for budget in context.objects.manifests:
        if budget.get("kind") != "PodDisruptionBudget" or not selects(budget, _labels(context, deployment)):
            continue
        expected = sum(context.objects.replicas(name) for name in _selected(budget, context))
        try:
            healthy = desired_healthy(at(budget, "spec") or {}, expected)
        except ValueError:
            continue  # The API server refuses it, which is a problem of its own.
        if healthy is None or healthy >= expected:
            wanted = "sets no bound" if healthy is None else f"wants {healthy} of {expected} pods"
            message = f"PodDisruptionBudget {name_of(budget)} allows no eviction of {deployment}: it {wanted}"
            context.add(ProblemCode.NO_EFFECT, place, message, "maxUnavailable: 1 allows one at a time")


def _selected(budget: Manifest, context: CheckContext) -> list[str]:
    """Return the Deployments whose pods a budget selects."""
    return [name for name in context.objects.names("Deployment") if selects(budget, _labels(context, name))]


def _labels(context: CheckContext, deployment: str) -> dict[str, str]:
    found = context.objects.find("Deployment", deployment)
    return dict(at(found, "spec", "template", "metadata", "labels") or {})
