"""Causes in the way of a request to a Service: another application or version got it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from harness.causes.cause_type import CauseType, patched
from harness.causes.context import LossContext
from harness.causes.endpoints import FORCED_ADVICE, empty_around, ended_pods
from harness.causes.loss import NOT_FOUND, Loss, Sign, stopped_pod
from harness.causes.pods import owned
from harness.causes.remedies import more_replicas
from harness.causes.stopping import Stopping
from harness.findings.finding_type import Sentence
from harness.model.attempt import Outcome
from harness.model.causes import Certainty, RemedyPatch


@dataclass(frozen=True, kw_only=True)
class OldVersionRemoved(Stopping, code="old-version-removed-at-switch", certainty=Certainty.CERTAIN):
    """The old version was removed at the switch to the new one, before the controller knew of the switch."""

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if the selector changed, and the pod belonged to a version that was removed."""
        pod = stopped_pod(loss)
        if pod is None or not context.is_selected(loss.service) or not pod.deployment:
            return False
        return not any(other.created >= (pod.deleted or 0.0) for other in owned(context.pods, pod.deployment))

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"The pods of {self.whose}, the old version, ended at the switch, and {self.controller} still sent to "
            "them.",
            f"Keep the old version for {self.seconds} s after the switch, or let its pods serve longer. "
            f"{self.derivation}",
        )


@dataclass(frozen=True, kw_only=True)
class RouteFellThrough(CauseType, code="route-fell-through", certainty=Certainty.CERTAIN, needs=Sign.EMPTY_SERVICE):
    """The controller dropped the route of a Service without endpoints; another application, or nobody, answered.

    Attributes:
        service: The Service.
        deployment: The Deployment behind it; empty if unknown.
        controller: The controller.
        is_answered: True if another application answered; False if no rule matched.
        ended: True if the pods behind the Service had been deleted.
        replicas: Pods that the Deployment asks for.
        forced: True if they were deleted without a grace period.
    """

    service: str
    deployment: str
    controller: str
    is_answered: bool
    ended: bool
    replicas: int
    forced: bool = False

    @classmethod
    def subject(cls, loss: Loss, context: LossContext) -> str:
        """Return the Service."""
        del context
        return loss.service

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if the answer was wrong or 404 while the Service had no endpoint."""
        fell = loss.outcome is Outcome.WRONG_ANSWER or loss.status == NOT_FOUND
        return fell and context.controller.drops_routes and empty_around(loss, context) is not None

    @classmethod
    def of(cls, subject: str, losses: Sequence[Loss], context: LossContext) -> Self:
        """Return the cause with the numbers of its losses."""
        selector = context.objects.selector(subject)
        deployment = next(iter(context.objects.deployments_with(selector) if selector else []), "")
        change, gone = context.evidence.change, [pod for loss in losses for pod in ended_pods(loss, context)]
        return cls(
            service=subject,
            deployment=deployment,
            controller=context.sender,
            is_answered=any(loss.outcome is Outcome.WRONG_ANSWER for loss in losses),
            ended=not change.selects if change.during is None else bool(gone),
            replicas=context.objects.replicas(deployment) if deployment else 0,
            forced=any(pod.grace == 0 for pod in gone),
        )

    def place(self) -> tuple[str, str]:
        """Return the Service."""
        return f"Service/{self.service}", "spec.selector"

    @classmethod
    def remedies(cls, found: Self, context: LossContext) -> tuple[RemedyPatch, ...]:
        """Return a second pod if the only one was deleted, but not by force: that costs requests with any number."""
        if not found.ended or found.forced:
            return ()
        replicas = found.replicas + 1
        return patched(context, "Deployment", found.deployment, lambda it: more_replicas(it, replicas, context))

    def sentence(self) -> Sentence:
        """Return text and advice."""
        then = "a wider rule gave its requests to another application" if self.is_answered else "no rule matched"
        text = f"Service {self.service} had no endpoint, so {self.controller} dropped its route, and {then}."
        if self.forced:
            return Sentence(f"{text} Its pod was deleted by force.", f"{FORCED_ADVICE} Delete without --force.")
        return Sentence(
            text,
            "Keep a ready pod behind the Service at all times: select old and new pods first, and then only the new "
            "ones. A wider rule for the same host makes the outage look like success.",
        )


@dataclass(frozen=True, kw_only=True)
class CandidateAnsweredWrong(
    CauseType, code="candidate-answered-wrong", certainty=Certainty.LIKELY, needs=Sign.WRONG_ANSWER | Sign.KNOWN_POD
):
    """The version that got a share of the requests gave an answer that the route may not give.

    Attributes:
        deployment: The Deployment of that version; empty if the log does not show it.
    """

    deployment: str

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if the answer was wrong, and not merely at its time, while requests were split."""
        wrong = loss.outcome is Outcome.WRONG_ANSWER and not context.facts.mistimed.is_wrong(loss.row)
        splits = any(part.facts.splits_requests for part in context.evidence.change.parts)
        if not (wrong and splits and loss.pod is not None):
            return False
        return loss.pod.deployment not in context.objects.deployments_with(context.objects.selector(loss.service))

    @classmethod
    def of(cls, subject: str, losses: Sequence[Loss], context: LossContext) -> Self:
        """Return the cause."""
        del losses, context
        return cls(deployment=subject)

    def place(self) -> tuple[str, str]:
        """Return the Deployment."""
        return f"Deployment/{self.deployment}", ""

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"Pods of Deployment {self.deployment} got a share of the requests, and gave answers that the route may "
            "not give.",
            "No field helps: correct the new version, or add its answer to the route's `answers`.",
        )
