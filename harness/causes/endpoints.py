"""Causes in a Service without a ready endpoint: there was nobody to answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypedDict

from harness.analysis.workload import FORCED_GRACE_S
from harness.causes.cause_type import CauseType, manifest_of, patched
from harness.causes.context import SLACK_S, Empty, LossContext
from harness.causes.loss import ENDED, SILENT, Loss, Sign
from harness.causes.pods import PodLifecycle
from harness.causes.remedies import more_replicas, surge_first
from harness.findings.finding_type import Sentence
from harness.kube.nested import at
from harness.model.attempt import Outcome
from harness.model.causes import Certainty, RemedyPatch
from harness.wording import seconds

#: The reason why a deletion by force has no remedy.
FORCED_ADVICE = (
    f"No field helps against a deletion by force: a preStop hook gets {FORCED_GRACE_S:g} s at most, so requests that "
    "are still sent to the pod are lost, also with more replicas."
)


def empty_around(loss: Loss, context: LossContext) -> Empty | None:
    """Return the period without a ready endpoint that a loss fell into; None if there is none.

    The controller knows of both ends of the period late.
    """
    return next((empty for empty in context.empties(loss.service) if _falls_into(loss, empty, context)), None)


def _falls_into(loss: Loss, empty: Empty, context: LossContext) -> bool:
    late = context.needed_s + SLACK_S
    if not (loss.done >= empty.start - SLACK_S and loss.sent <= empty.end + late):
        return False
    if loss.outcome is Outcome.WRONG_ANSWER:
        return True
    if loss.pod is None:
        return loss.is_turned_away or loss.sent <= empty.end or (context.is_direct and _is_unrouted(loss))
    is_old = any(address.rpartition(":")[0] == loss.pod.address for address in empty.before)
    return is_old and loss.pod.deleted is not None


def _is_unrouted(loss: Loss) -> bool:
    """Return True if a new connection ended at once, or led nowhere: kube-proxy does not know the new endpoint yet.

    A TCP proxy, such as that of Docker for the ports of a kind node, accepts a connection before the node refuses it.
    """
    return loss.is_first_on_connection and loss.outcome in ENDED | SILENT


def ended_pods(loss: Loss, context: LossContext) -> tuple[PodLifecycle, ...]:
    """Return the pods whose end left a Service without endpoints; none if they did not end."""
    empty = empty_around(loss, context)
    if empty is None:
        return ()
    found = (context.pod_at(address, empty.start) for address in empty.before)
    return tuple(
        pod for pod in found if pod is not None and pod.deleted is not None and pod.deleted <= empty.start + SLACK_S
    )


def _successors(pods: Sequence[PodLifecycle], context: LossContext) -> tuple[PodLifecycle, ...]:
    """Return the pods that were created in place of others, because those were deleted or replaced."""
    first = min((pod.deleted for pod in pods if pod.deleted is not None), default=math.inf)
    names = {pod.deployment for pod in pods}
    return tuple(pod for pod in context.pods if pod.deployment in names and pod.created >= first - SLACK_S)


def _strategy(pods: Sequence[PodLifecycle], context: LossContext) -> str:
    """Return the update strategy of the Deployment of some pods; empty if it is unknown."""
    manifest = manifest_of(context, "Deployment", pods[0].deployment) if pods else None
    return "" if manifest is None else str(at(manifest, "spec", "strategy", "type") or "RollingUpdate")


def _is_update(pods: Sequence[PodLifecycle], context: LossContext) -> bool:
    """Return True if pods were deleted in favour of those of another template."""
    old = {pod.revision for pod in pods}
    first = min((pod.deleted or math.inf for pod in pods), default=math.inf)
    names = {pod.deployment for pod in pods}
    since = context.begin - SLACK_S
    return any(
        pod.deployment in names and pod.revision not in old and pod.created >= since and pod.created <= first + 10
        for pod in context.pods
    )


class _EndpointNumbers(TypedDict):
    """The fields of ``NoEndpoint``."""

    service: str
    deployment: str
    empty_s: float
    replicas: int


@dataclass(frozen=True, kw_only=True)
class NoEndpoint(CauseType, needs=Sign.EMPTY_SERVICE):
    """The common part: a Service had no ready endpoint.

    Attributes:
        service: The Service.
        deployment: The Deployment whose pods ended; empty if none ended.
        empty_s: Longest period without a ready endpoint, seconds; -1 if it did not end.
        replicas: Pods that the Deployment asks for.
    """

    service: str
    deployment: str
    empty_s: float
    replicas: int

    @classmethod
    def subject(cls, loss: Loss, context: LossContext) -> str:
        """Return the Service."""
        del context
        return loss.service

    @classmethod
    def of(cls, subject: str, losses: Sequence[Loss], context: LossContext) -> Self:
        """Return the cause with the numbers of its losses."""
        return cls(**_measured(subject, losses, context))

    def place(self) -> tuple[str, str]:
        """Return the Deployment and its number of pods."""
        return f"Deployment/{self.deployment}", "spec.replicas"

    @property
    def length(self) -> str:
        """Return how long the Service was without an endpoint, as text."""
        return f"for {seconds(self.empty_s)}" if self.empty_s >= 0 else "until the end"


def _measured(subject: str, losses: Sequence[Loss], context: LossContext) -> _EndpointNumbers:
    """Return the numbers of some losses of one Service."""
    empties = {empty for loss in losses if (empty := empty_around(loss, context)) is not None}
    longest = max((empty.end - empty.start for empty in empties), default=0.0)
    ended = next((pods for loss in losses if (pods := ended_pods(loss, context))), ())
    deployment = ended[0].deployment if ended else next(iter(_behind(subject, context)), "")
    return {
        "service": subject,
        "deployment": deployment,
        "empty_s": round(longest, 3) if math.isfinite(longest) else -1.0,
        "replicas": context.objects.replicas(deployment) if deployment else 0,
    }


def _behind(service: str, context: LossContext) -> list[str]:
    selector = context.objects.selector(service)
    return context.objects.deployments_with(selector) if selector else []


@dataclass(frozen=True, kw_only=True)
class OldPodsFirst(NoEndpoint):
    """The common part: an update ended all old pods before a new one was ready."""

    @classmethod
    def remedies(cls, found: Self, context: LossContext) -> tuple[RemedyPatch, ...]:
        """Return a rolling update that starts the new pod first."""
        return patched(context, "Deployment", found.deployment, lambda it: surge_first(it, context))


@dataclass(frozen=True, kw_only=True)
class RecreateStrategy(OldPodsFirst, code="recreate-strategy", certainty=Certainty.CERTAIN):
    """The strategy Recreate ended all pods before it started new ones."""

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if the pods were replaced by Recreate."""
        pods = ended_pods(loss, context)
        return bool(pods) and _strategy(pods, context) == "Recreate" and bool(_successors(pods, context))

    def place(self) -> tuple[str, str]:
        """Return the Deployment and its strategy."""
        return f"Deployment/{self.deployment}", "spec.strategy.type"

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"Deployment {self.deployment} has the strategy Recreate: all pods ended before new ones started, and "
            f"Service {self.service} had no endpoint {self.length}.",
            "RollingUpdate with maxUnavailable 0 starts the new pod first.",
        )


@dataclass(frozen=True, kw_only=True)
class AllUnavailable(OldPodsFirst, code="all-unavailable", certainty=Certainty.CERTAIN):
    """The rolling update may make all pods unavailable, so the old ones ended before a new one was ready."""

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if pods of another template replaced the pods."""
        pods = ended_pods(loss, context)
        return bool(pods) and _strategy(pods, context) == "RollingUpdate" and _is_update(pods, context)

    def place(self) -> tuple[str, str]:
        """Return the Deployment and its maxUnavailable."""
        return f"Deployment/{self.deployment}", "spec.strategy.rollingUpdate.maxUnavailable"

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"The rolling update of Deployment {self.deployment} may make all of its pods unavailable "
            f"({self.replicas} wanted), so Service {self.service} had no ready endpoint {self.length}.",
            "maxUnavailable 0 keeps the old pods until new ones are ready.",
        )


@dataclass(frozen=True, kw_only=True)
class ScaledToZero(NoEndpoint, code="scaled-to-zero", certainty=Certainty.CERTAIN):
    """All pods of the Deployment ended, and no replacement was wanted."""

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if no pod followed those that ended."""
        pods = ended_pods(loss, context)
        return bool(pods) and not _successors(pods, context)

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"All pods of Deployment {self.deployment} ended and no new one started, so Service {self.service} had no "
            f"endpoint {self.length}.",
            "No field helps without a pod: keep at least one, or remove the route first.",
        )


@dataclass(frozen=True, kw_only=True)
class OnlyPodDeleted(NoEndpoint, code="only-pod-deleted", certainty=Certainty.CERTAIN):
    """The only ready pods were deleted, and their replacement was not ready yet.

    Attributes:
        forced: True if they were deleted without a grace period.
    """

    forced: bool = False

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if pods of the same template replaced the pods."""
        return bool(ended_pods(loss, context))

    @classmethod
    def of(cls, subject: str, losses: Sequence[Loss], context: LossContext) -> Self:
        """Return the cause with the numbers of its losses."""
        ended = (pod for loss in losses for pod in ended_pods(loss, context))
        return cls(**_measured(subject, losses, context), forced=any(pod.grace == 0 for pod in ended))

    @classmethod
    def remedies(cls, found: Self, context: LossContext) -> tuple[RemedyPatch, ...]:
        """Return a second pod; nothing for a deletion by force, which costs requests with any number of pods."""
        if found.forced:
            return ()
        replicas = found.replicas + 1
        return patched(context, "Deployment", found.deployment, lambda it: more_replicas(it, replicas, context))

    def sentence(self) -> Sentence:
        """Return text and advice."""
        replaced = f"ready {seconds(self.empty_s)} later" if self.empty_s >= 0 else "not ready until the end"
        if self.forced:
            return Sentence(
                f"The only ready pod behind Service {self.service} was deleted by force, so its endpoint was gone at "
                f"once, and its replacement was {replaced}.",
                f"{FORCED_ADVICE} Delete without --force, and run {self.replicas + 1} replicas.",
            )
        return Sentence(
            f"The only ready pod behind Service {self.service} was deleted, and its replacement was {replaced}: a "
            "terminating endpoint gets no new requests, with or without a preStop hook.",
            f"No field helps a single pod: run {self.replicas + 1} replicas, and protect them from evictions with a "
            "PodDisruptionBudget (minAvailable 1).",
        )


@dataclass(frozen=True, kw_only=True)
class NewVersionNotReady(NoEndpoint, code="new-version-not-ready", certainty=Certainty.CERTAIN):
    """The Service's selector was switched to a version whose pods were not ready yet."""

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if the selector changed, and the new pods became ready later."""
        return bool(_selected(loss, context))

    @classmethod
    def of(cls, subject: str, losses: Sequence[Loss], context: LossContext) -> Self:
        """Return the cause; its Deployment is that of the new version."""
        measured = _measured(subject, losses, context)
        new = next((pods for loss in losses if (pods := _selected(loss, context))), ())
        measured["deployment"] = new[0].deployment if new else ""
        return cls(**measured)

    def place(self) -> tuple[str, str]:
        """Return the Service and its selector."""
        return f"Service/{self.service}", "spec.selector"

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"Service {self.service} was switched to pods of Deployment {self.deployment} that were not ready: it had "
            f"no ready endpoint {self.length}.",
            "No field helps: wait until the new pods are ready (kubectl rollout status), and then patch the selector.",
        )


def _selected(loss: Loss, context: LossContext) -> tuple[PodLifecycle, ...]:
    """Return the pods of another Deployment that ended the period without endpoints, if the selector changed."""
    empty = empty_around(loss, context)
    if empty is None or not context.is_selected(loss.service):
        return ()
    before = {pod.deployment for address in empty.before if (pod := context.pod_at(address, empty.start))}
    after = [pod for address in empty.after if (pod := context.pod_at(address, empty.end))]
    return tuple(
        pod for pod in after if pod.deployment not in before and pod.ready is not None and pod.ready > empty.start
    )


@dataclass(frozen=True, kw_only=True)
class SelectorWithoutPods(NoEndpoint, code="selector-without-pods", certainty=Certainty.CERTAIN):
    """The Service's selector matches no ready pod."""

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if the change changes the selector of the Service, which had no endpoint.

        Causes that are tried earlier cover a Service whose pods ended.
        """
        empty = empty_around(loss, context)
        return empty is not None and context.is_selected(loss.service)

    def place(self) -> tuple[str, str]:
        """Return the Service and its selector."""
        return f"Service/{self.service}", "spec.selector"

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"The selector of Service {self.service} matched no ready pod {self.length}.",
            "No other field helps: patch the selector to labels that ready pods have, first to those that "
            "old and new pods share.",
        )


@dataclass(frozen=True, kw_only=True)
class NoReadyEndpoint(NoEndpoint, code="no-ready-endpoint", certainty=Certainty.LIKELY):
    """The Service had no ready endpoint, for a reason that the evidence does not show."""

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if the Service had no ready endpoint around the loss."""
        return empty_around(loss, context) is not None

    def place(self) -> tuple[str, str]:
        """Return the Service."""
        return f"Service/{self.service}", ""

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"Service {self.service} had no ready endpoint {self.length}.",
            "See the readiness of its pods in the event list.",
        )
