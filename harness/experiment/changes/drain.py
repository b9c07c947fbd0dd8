"""``drain``: a node is emptied."""

from __future__ import annotations

from pydantic import Field

from harness.experiment.changes.budgets import check_budgets
from harness.experiment.changes.context import CheckContext
from harness.experiment.changes.schema import ChangeSchema
from harness.experiment.quantities import Duration
from harness.experiment.schema import default_of
from harness.kit.located_yaml import Place
from harness.model.changes import Drain
from harness.problem_codes import ProblemCode


class DrainSchema(ChangeSchema):
    """``drain``."""

    node: str = Field(
        default=default_of(Drain, "node"), description="the node; by default the one with most pods of the workload"
    )
    within: Duration = Field(
        default=default_of(Drain, "within"),
        description="how long to wait for PodDisruptionBudgets, in addition to the time that every change has",
    )
    hold: Duration = Field(
        default=default_of(Drain, "hold"), description="time for which the node stays empty before it takes pods again"
    )


def check(spec: Drain, place: Place, context: CheckContext) -> None:
    """Require a Deployment that has pods, and budgets that allow an eviction."""
    del spec
    deployments = [name for name in context.objects.names("Deployment") if context.objects.replicas(name)]
    if not deployments:
        context.add(ProblemCode.NO_PODS, place, f"the {context.whole} has no Deployment with pods to evict")
    for name in deployments:
        check_budgets(name, place, context)
