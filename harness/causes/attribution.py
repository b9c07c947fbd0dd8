"""Assigns a cause to each lost request of a trial."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness.analysis.facts import Facts, losses_by_label
from harness.causes.cause_type import CauseType
from harness.causes.context import LossContext
from harness.causes.endpoints import empty_around
from harness.causes.loss import Loss, Sign, losses_of, stopped_pod
from harness.causes.registry import TYPES
from harness.causes.unknown import Unexplained
from harness.model.attempt import Outcome
from harness.model.causes import Cause
from harness.model.failed import FailedAttempt, FailedAttempts


class CauseFinder:
    """Finds the cause of each loss of a trial.

    Losses that are alike within 10 ms have the same cause, so the rules are asked once for all of them.

    Args:
        context: The events of the trial.
    """

    def __init__(self, context: LossContext) -> None:
        self._context = context
        self._of_trial = Sign(0)
        if context.reloads:
            self._of_trial |= Sign.RELOAD
        if context.unwell:
            self._of_trial |= Sign.UNWELL_NODE
        self._candidates: dict[Sign, tuple[type[CauseType], ...]] = {}
        self._known: dict[tuple[object, ...], type[CauseType]] = {}

    def cause_of(self, loss: Loss) -> type[CauseType]:
        """Return the first cause that explains a loss."""
        key = (loss.alike, loss.tries, loss.pod.name if loss.pod is not None else "", loss.is_guessed)
        known = self._known.get(key)
        if known is None:
            candidates = self._candidates_of(self.signs_of(loss))
            known = next((kind for kind in candidates if kind.explains(loss, self._context)), Unexplained)
            self._known[key] = known
        return known

    def _candidates_of(self, signs: Sign) -> tuple[type[CauseType], ...]:
        """Return the causes that need no other signs, in the order in which they are tried."""
        if signs not in self._candidates:
            self._candidates[signs] = tuple(kind for kind in TYPES.values() if kind.needs in signs)
        return self._candidates[signs]

    def signs_of(self, loss: Loss) -> Sign:
        """Return the signs that a loss has."""
        signs = self._of_trial
        if loss.is_silent:
            signs |= Sign.SILENT
        if loss.outcome is Outcome.WRONG_ANSWER:
            signs |= Sign.WRONG_ANSWER
        if loss.pod is not None:
            signs |= Sign.KNOWN_POD
        if stopped_pod(loss) is not None:
            signs |= Sign.ENDED_POD
        if empty_around(loss, self._context) is not None:
            signs |= Sign.EMPTY_SERVICE
        return signs


def attributed(facts: Facts) -> Iterator[tuple[Loss, type[CauseType]]]:
    """Yield each loss since the change began, with its cause, in the order in which they were sent."""
    context = LossContext(facts)
    finder = CauseFinder(context)
    for loss in losses_of(facts, context) if facts.moments.begin is not None else ():
        yield loss, finder.cause_of(loss)


@dataclass(frozen=True, slots=True)
class Attribution:
    """The causes of a trial.

    Attributes:
        causes: Unexplained losses first, then the most frequent first.
        failed: The failed attempts, each with its cause and the pod that it was meant for.
    """

    causes: tuple[Cause, ...]
    failed: FailedAttempts


def attribute(facts: Facts, failed: FailedAttempts) -> Attribution:
    """Assign a cause to each loss since the change began.

    Args:
        facts: The trial's facts.
        failed: Those of its failed attempts that its verdict keeps.
    """
    if not facts.is_lost.any() or facts.moments.begin is None:
        return Attribution((), failed)
    context, ids = LossContext(facts), {attempt.id for attempt in failed.kept}
    finder = CauseFinder(context)
    groups: dict[tuple[type[CauseType], str], list[Loss]] = {}
    known: dict[str, tuple[str, str]] = {}
    for loss in losses_of(facts, context):
        kind = finder.cause_of(loss)
        groups.setdefault((kind, kind.subject(loss, context)), []).append(loss)
        if loss.id in ids:
            known[loss.id] = (meant_for(loss), kind.code)
    causes = [kind.record(subject, losses, context) for (kind, subject), losses in groups.items()]
    kept = (_with_cause(attempt, *known.get(attempt.id, ("", ""))) for attempt in failed.kept)
    return Attribution(ranked(causes), replace(failed, kept=tuple(kept)))


def not_attributed(facts: Facts, error: str) -> Cause:
    """Return the cause of all losses of a trial whose rules can't be applied.

    Args:
        facts: The trial's facts.
        error: What went wrong, as text.
    """
    lost = facts.is_lost & ~facts.is_before
    labels = losses_by_label(facts.outcome[lost])
    found = Unexplained(
        lost=int(lost.sum()), classes=", ".join(f"{label} {n}" for label, n in labels.items()), logged=0, error=error
    )
    return Cause(Unexplained.code, Unexplained.certainty, found.lost, found.numbers())


def causes_of(facts: Facts) -> tuple[Cause, ...]:
    """Return the causes of a trial's losses."""
    return attribute(facts, FailedAttempts()).causes


def meant_for(loss: Loss) -> str:
    """Return the pod that a request was meant for, or else the address that the log has; empty if unknown."""
    if loss.pod is not None:
        return loss.pod.name
    return loss.tries.addresses[-1] if loss.tries and loss.tries.addresses else ""


def ranked(causes: Sequence[Cause]) -> tuple[Cause, ...]:
    """Return causes in the order of reports: unexplained ones first, then the most frequent first."""
    return tuple(sorted(causes, key=lambda cause: (cause.code != Unexplained.code, -cause.lost, cause.code)))


def _with_cause(attempt: FailedAttempt, upstream: str, cause: str) -> FailedAttempt:
    return replace(attempt, upstream=upstream, cause=cause) if cause else attempt
