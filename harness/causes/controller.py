"""Causes in the ingress controller: its restart, its reloads and its configurations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from harness.causes.cause_type import CauseType
from harness.causes.context import SLACK_S, LossContext
from harness.causes.loss import BAD_GATEWAY, ENDED, UNAVAILABLE, Loss, Sign
from harness.findings.finding_type import Sentence
from harness.model.attempt import Outcome
from harness.model.causes import Certainty
from harness.model.shapes import SHAPES, ConnectionSource
from harness.wording import plural

#: Workers of an earlier configuration may still answer for so long after a reload, seconds.
_OLD_WORKERS_S = 10.0


class OfController(CauseType):
    """The common part: the ingress controller lost the requests; the pods of the workload were well."""

    @classmethod
    def subject(cls, loss: Loss, context: LossContext) -> str:
        """Return the controller."""
        del loss
        return context.sender


def _reload_between(loss: Loss, context: LossContext) -> float | None:
    """Return the last reload between the opening of a loss's connection and its end; None if there is none."""
    since = loss.opened if loss.opened is not None else loss.sent - SLACK_S
    times = [at for at in context.reloads if since - SLACK_S <= at <= loss.done + SLACK_S]
    return times[-1] if times else None


@dataclass(frozen=True, kw_only=True)
class ControllerRestarted(OfController, code="controller-restarted", certainty=Certainty.CERTAIN):
    """The ingress controller itself was restarted, and its pods closed their listeners or connections.

    Attributes:
        controller: The controller.
        deployment: Its Deployment.
        namespace: The namespace of that.
    """

    controller: str
    deployment: str
    namespace: str

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if the change restarts the controller, and no pod of the workload ended.

        If another change overlaps, pods may end: then it must not have been the one of this request, and the loss must
        lie within the restart.
        """
        if not context.restarts:
            return False
        if all(pod.deleted is None for pod in context.pods):
            return True
        if context.evidence.change.during is None or (loss.pod is not None and loss.pod.deleted is not None):
            return False
        return any(begun <= loss.done and loss.sent <= over for begun, over in context.restarts)

    @classmethod
    def of(cls, subject: str, losses: Sequence[Loss], context: LossContext) -> Self:
        """Return the cause."""
        del losses
        address = context.controller.address
        return cls(
            controller=subject,
            deployment=address.deployment if address else "",
            namespace=address.namespace if address else "",
        )

    def place(self) -> tuple[str, str]:
        """Return the controller's Deployment and its hook."""
        return f"Deployment/{self.deployment}", "spec.template.spec.containers.lifecycle.preStop"

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"{self.controller} itself was restarted: one of its pods closed its listener while new connections "
            "still arrived, or had no configuration yet.",
            f"No field of the workload helps. Deployment {self.deployment} in namespace {self.namespace} needs a "
            "preStop hook that outlasts kube-proxy, and a readiness probe that succeeds only with a configuration.",
        )


@dataclass(frozen=True, kw_only=True)
class PreopenedServedOld(OfController, code="preopened-served-old", certainty=Certainty.CERTAIN, needs=Sign.RELOAD):
    """A connection that was opened before a reload was answered by the old configuration, or dropped.

    Attributes:
        controller: The controller.
    """

    controller: str

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if the connection was opened ahead of need and before a reload."""
        ahead = SHAPES[loss.stream.shape].source is ConnectionSource.AHEAD
        return ahead and _reload_between(loss, context) is not None

    @classmethod
    def of(cls, subject: str, losses: Sequence[Loss], context: LossContext) -> Self:
        """Return the cause."""
        del losses, context
        return cls(controller=subject)

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"Connections that were opened before a reload of {self.controller} were served by its old workers: their "
            "requests were answered by the old configuration, or dropped.",
            "No field helps. Keep the old backend until old workers are gone, or patch a Service's selector instead of "
            "the Ingress, which reloads nothing.",
        )


@dataclass(frozen=True, kw_only=True)
class ReloadClosedConnection(
    OfController, code="reload-closed-connection", certainty=Certainty.CERTAIN, needs=Sign.RELOAD
):
    """A reload of the ingress controller closed a kept connection that a client then used.

    Attributes:
        controller: The controller.
        reloads: Number of reloads of the trial since the change began.
    """

    controller: str
    reloads: int

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if a kept connection ended, and a reload lies between its opening and its end."""
        return loss.is_kept and loss.outcome in ENDED and _reload_between(loss, context) is not None

    @classmethod
    def of(cls, subject: str, losses: Sequence[Loss], context: LossContext) -> Self:
        """Return the cause."""
        del losses
        return cls(controller=subject, reloads=sum(at >= context.begin for at in context.reloads))

    def place(self) -> tuple[str, str]:
        """Return no object: the edit itself causes the reload."""
        return "", ""

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"{plural(self.reloads, 'reload')} of {self.controller} closed idle connections, and clients sent on them "
            "before they noticed.",
            "No field of the workload helps. A client has to check that a kept connection is open before it sends, "
            "and to repeat what is safe to repeat. To move traffic without a reload, patch a Service's selector "
            "instead of the Ingress.",
        )


@dataclass(frozen=True, kw_only=True)
class BackendMissing(OfController, code="backend-missing-in-edit", certainty=Certainty.LIKELY, needs=Sign.RELOAD):
    """During an edit of an Ingress, workers of the controller used a backend that they did not have.

    Attributes:
        controller: The controller.
        service: The Service that the requests were meant for.
    """

    controller: str
    service: str

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if the controller turned a request away around a reload, although endpoints were ready."""
        state = context.backends_at(loss.service, loss.sent)
        if loss.status not in (UNAVAILABLE, BAD_GATEWAY) or not (state and state.ready):
            return False
        near = any(at - _OLD_WORKERS_S <= loss.sent <= at + _OLD_WORKERS_S for at in context.reloads)
        return near and not (loss.tries and loss.tries.addresses)

    @classmethod
    def of(cls, subject: str, losses: Sequence[Loss], context: LossContext) -> Self:
        """Return the cause."""
        del context
        return cls(controller=subject, service=losses[0].service)

    def place(self) -> tuple[str, str]:
        """Return the Service."""
        return (f"Service/{self.service}", "") if self.service else ("", "")

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"{self.controller} had no backend for Service {self.service} around a reload, although its pods were "
            "ready: old workers still used a backend that the new configuration had removed, or new ones did "
            "not have it yet.",
            "No field helps. Keep the old Service and its pods until old workers are gone, or patch the Service's "
            "selector instead, which reloads nothing.",
        )


@dataclass(frozen=True, kw_only=True)
class WrongVersionAnswered(
    OfController, code="wrong-version-answered", certainty=Certainty.LIKELY, needs=Sign.WRONG_ANSWER
):
    """A version answered that may not answer then: the controller still used, or already used, other rules.

    Attributes:
        controller: The controller.
        early: Answers of the new version before the change.
        late: Answers of the old version after the change, or of the new one after the undo.
    """

    controller: str
    early: int
    late: int

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if the answer was right in itself, but not at its time."""
        return loss.outcome is Outcome.WRONG_ANSWER and context.facts.mistimed.is_wrong(loss.row)

    @classmethod
    def of(cls, subject: str, losses: Sequence[Loss], context: LossContext) -> Self:
        """Return the cause with the numbers of its losses."""
        rows, mistimed = [loss.row for loss in losses], context.facts.mistimed
        return cls(controller=subject, early=int(mistimed.early[rows].sum()), late=int(mistimed.late[rows].sum()))

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"A version answered that may not answer then ({self.early} before the change, {self.late} after it): "
            f"{self.controller} routed the requests by other rules than those in effect.",
            "No field helps in general: check when the controller applied the change, and whether a wider rule "
            "also matches these requests.",
        )


@dataclass(frozen=True, kw_only=True)
class OtherRuleAnswered(OfController, code="other-rule-answered", certainty=Certainty.LIKELY, needs=Sign.WRONG_ANSWER):
    """A request was answered by another application although its Service had ready pods: another rule took it.

    Attributes:
        controller: The controller.
        service: The Service that the requests were meant for.
    """

    controller: str
    service: str

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if the answer was wrong while the Service had ready endpoints."""
        state = context.backends_at(loss.service, loss.sent)
        return loss.outcome is Outcome.WRONG_ANSWER and state is not None and bool(state.ready)

    @classmethod
    def of(cls, subject: str, losses: Sequence[Loss], context: LossContext) -> Self:
        """Return the cause."""
        del context
        return cls(controller=subject, service=losses[0].service)

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"Another rule of {self.controller} took requests for Service {self.service}, although that Service had "
            "ready pods.",
            "Make the rules disjoint: hosts, paths and headers of one must not match the requests of the other.",
        )
