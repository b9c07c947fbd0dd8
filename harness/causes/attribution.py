"""Assigns a cause to each lost request of a trial."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.analysis.facts import Facts
from harness.causes.cause_type import CauseType
from harness.causes.loss import Loss, losses_of
from harness.causes.registry import TYPES
from harness.causes.scene import Scene
from harness.causes.unknown import Unexplained
from harness.model.causes import Cause


def cause_of(loss: Loss, scene: Scene) -> type[CauseType]:
    """Return the first cause that explains a loss."""
    return next((kind for kind in TYPES.values() if kind.explains(loss, scene)), Unexplained)


def attributed(facts: Facts) -> Iterator[tuple[Loss, type[CauseType]]]:
    """Yield each loss since the change began, with its cause, in the order in which they were sent."""
    scene = Scene(facts)
    for loss in losses_of(facts, scene):
        yield loss, cause_of(loss, scene)


def causes_of(facts: Facts) -> tuple[Cause, ...]:
    """Return the causes of a trial's losses: unexplained ones first, then the most frequent first."""
    if not facts.is_lost.any() or facts.moments.begin is None:
        return ()
    scene = Scene(facts)
    groups: dict[tuple[type[CauseType], str], list[Loss]] = {}
    for loss in losses_of(facts, scene):
        kind = cause_of(loss, scene)
        groups.setdefault((kind, kind.subject(loss, scene)), []).append(loss)
    causes = [kind.record(subject, losses, scene) for (kind, subject), losses in groups.items()]
    return ranked(causes)


def ranked(causes: Sequence[Cause]) -> tuple[Cause, ...]:
    """Return causes in the order of reports: unexplained ones first, then the most frequent first."""
    return tuple(sorted(causes, key=lambda cause: (cause.code != Unexplained.code, -cause.lost, cause.code)))
