"""Causes in the way a pod starts: it got requests before it could serve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from harness.causes.cause_type import CauseType, patched
from harness.causes.context import SLACK_S, LossContext
from harness.causes.loss import BAD_GATEWAY, Loss, Sign
from harness.causes.remedies import readiness_probe
from harness.findings.finding_type import Sentence
from harness.model.attempt import Outcome
from harness.model.causes import Certainty, RemedyPatch
from harness.wording import seconds


@dataclass(frozen=True, kw_only=True)
class ReadyTooEarly(CauseType, code="ready-too-early", certainty=Certainty.CERTAIN, needs=Sign.KNOWN_POD):
    """A new pod counted as ready before it listened, because it has no readiness probe or one that succeeds too early.

    Attributes:
        deployment: The Deployment.
        has_probe: True if its container has a readiness probe.
        early_s: Longest time between readiness and a lost request, seconds.
        path: Path of a lost request.
    """

    deployment: str
    has_probe: bool
    early_s: float
    path: str

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if a pod that was created since the change began refused a request before its deletion."""
        pod = loss.pod
        if pod is None or loss.is_guessed or pod.ready is None or pod.created < context.begin - SLACK_S:
            return False
        is_young = pod.deleted is None or loss.done < pod.deleted
        refused = loss.outcome is Outcome.REFUSED or loss.status == BAD_GATEWAY
        return is_young and refused and not loss.is_kept_upstream

    @classmethod
    def of(cls, subject: str, losses: Sequence[Loss], context: LossContext) -> Self:
        """Return the cause with the numbers of its losses."""
        del context
        early = max((loss.sent - loss.pod.ready for loss in losses if loss.pod and loss.pod.ready), default=0.0)
        has = any(loss.pod.has_probe for loss in losses if loss.pod)
        return cls(deployment=subject, has_probe=has, early_s=round(early, 3), path=losses[0].stream.path)

    def place(self) -> tuple[str, str]:
        """Return the Deployment and its readiness probe."""
        return f"Deployment/{self.deployment}", "spec.template.spec.containers.readinessProbe"

    @classmethod
    def remedies(cls, found: Self, context: LossContext) -> tuple[RemedyPatch, ...]:
        """Return a readiness probe, if there is none."""
        if found.has_probe:
            return ()
        return patched(context, "Deployment", found.deployment, lambda it: readiness_probe(it, found.path))

    def sentence(self) -> Sentence:
        """Return text and advice."""
        has = "a readiness probe that succeeds too early" if self.has_probe else "no readiness probe"
        return Sentence(
            f"New pods of Deployment {self.deployment} have {has}: they got requests and did not listen yet, "
            f"{seconds(self.early_s)} after they counted as ready.",
            "A readiness probe has to send the same request as users do; a period of 1 s finds the moment within 1 s.",
        )
