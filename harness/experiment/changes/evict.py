"""``evict``: pods of a Deployment are evicted."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from harness.experiment.changes.budgets import check_budgets
from harness.experiment.changes.context import CheckContext
from harness.experiment.changes.schema import ChangeSchema
from harness.experiment.quantities import Duration
from harness.experiment.schema import default_of
from harness.kit.located_yaml import Place
from harness.model.changes import Evict


class EvictSchema(ChangeSchema):
    """``evict``."""

    deployment: str = Field(description="the Deployment whose pods")
    pods: Literal["one", "all"] = Field(
        default=default_of(Evict, "pods"),
        description="`one` evicts the first ready pod, `all` every pod, as the drain of its node does",
    )
    within: Duration = Field(
        default=default_of(Evict, "within"),
        description="how long to wait for PodDisruptionBudgets, in addition to the time that every change has",
    )


def check(spec: Evict, place: Place, context: CheckContext) -> None:
    """Require a Deployment that has pods, and budgets that allow an eviction."""
    if context.has_pods(spec.deployment, (*place, "deployment")):
        check_budgets(spec.deployment, (*place, "deployment"), context)
