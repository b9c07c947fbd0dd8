"""Causes in the way a pod stops: it stopped serving before those who send to it knew."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypedDict

from harness.analysis.workload import FORCED_GRACE_S
from harness.causes.cause_type import CauseType, manifest_of, needed_seconds, patched
from harness.causes.context import STOP_S, LossContext
from harness.causes.loss import BAD_GATEWAY, ENDED, Loss, Sign, stopped_pod
from harness.causes.pods import serving_container
from harness.causes.remedies import NEXT_UPSTREAM, longer_grace, next_upstream, sleep_before_stop, whole_seconds
from harness.findings.finding_type import Sentence
from harness.model.causes import Certainty, RemedyPatch
from harness.model.controllers import reads_annotation
from harness.wording import seconds

#: The number in place of the duration of a hook that nobody knows.
UNKNOWN_S = -1.0
#: A request was in flight at SIGTERM if it was sent more than so many seconds before it, and ended after it.
_IN_FLIGHT_S = 0.05


class _StoppingNumbers(TypedDict):
    """The fields of ``Stopping``."""

    deployment: str
    container: str
    sync_s: float
    apply_s: float
    stop_s: float
    needed_s: float
    seconds: int
    hook_s: float
    controller: str


def _measured(subject: str, losses: Sequence[Loss], context: LossContext) -> _StoppingNumbers:
    """Return the numbers of some losses whose pods belong to one Deployment."""
    needed = needed_seconds(losses)
    manifest = manifest_of(context, "Deployment", subject)
    hook = next((loss.pod.hook.seconds for loss in losses if loss.pod is not None), 0.0)
    return {
        "deployment": subject,
        "container": str(serving_container(manifest).get("name", "")) if manifest is not None else "",
        "sync_s": context.sync_s,
        "apply_s": context.apply_s,
        "stop_s": STOP_S,
        "needed_s": needed,
        "seconds": whole_seconds(context.needed_s, needed),
        "hook_s": hook if math.isfinite(hook) else UNKNOWN_S,
        "controller": context.sender,
    }


@dataclass(frozen=True, kw_only=True)
class Stopping(CauseType, needs=Sign.ENDED_POD):
    """The common part: a pod of a Deployment ended while requests were still sent to it.

    Attributes:
        deployment: The Deployment.
        container: Its serving container.
        sync_s: Longest time between two configurations that the controller applies, seconds.
        apply_s: Longest time until every part of its data plane uses one, seconds.
        stop_s: Time until the deletion is known to the cluster, seconds.
        needed_s: Time after the start of the end at which the last lost request was sent, seconds.
        seconds: Duration of the preStop sleep that outlasts all of this, seconds.
        hook_s: Duration of the present hook, seconds.
        controller: Those who send to the pod.
    """

    deployment: str
    container: str
    sync_s: float
    apply_s: float
    stop_s: float
    needed_s: float
    seconds: int
    hook_s: float
    controller: str

    @classmethod
    def of(cls, subject: str, losses: Sequence[Loss], context: LossContext) -> Self:
        """Return the cause with the numbers of its losses."""
        return cls(**_measured(subject, losses, context))

    def place(self) -> tuple[str, str]:
        """Return the Deployment and its hook."""
        field = f"spec.template.spec.containers[{self.container}].lifecycle.preStop"
        return (f"Deployment/{self.deployment}", field) if self.deployment else ("", "")

    @classmethod
    def remedies(cls, found: Self, context: LossContext) -> tuple[RemedyPatch, ...]:
        """Return a preStop sleep that is long enough."""
        return patched(
            context, "Deployment", found.deployment, lambda it: sleep_before_stop(it, found.seconds, context.answer_s)
        )

    @property
    def derivation(self) -> str:
        """Return the number that the remedy needs, and its parts."""
        timer = f" + {self.apply_s:g} s timer" if self.apply_s else ""
        return (
            f"preStop sleep {self.seconds} s: {self.controller} syncs at most every {self.sync_s:g} s{timer} + "
            f"{self.stop_s:g} s stop + 1 s margin; {seconds(self.needed_s)} were needed in this run."
        )

    @property
    def whose(self) -> str:
        """Return the pods as text."""
        return f"Deployment {self.deployment}" if self.deployment else "the workload"


@dataclass(frozen=True, kw_only=True)
class ForceDeleted(Stopping, code="force-deleted", certainty=Certainty.CERTAIN):
    """A pod was deleted without a grace period, so it ended while requests were still sent to it."""

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if the pod was deleted with a grace period of 0."""
        del context
        pod = stopped_pod(loss)
        return pod is not None and pod.grace == 0

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"A pod of {self.whose} was deleted by force: its preStop hook gets {FORCED_GRACE_S:g} s at most, and "
            f"{self.controller} still sent to it {seconds(self.needed_s)} later.",
            "No field helps against a deletion by force: delete without --force, or drain the node.",
        )

    def place(self) -> tuple[str, str]:
        """Return the Deployment alone."""
        return (f"Deployment/{self.deployment}", "") if self.deployment else ("", "")

    @classmethod
    def remedies(cls, found: Self, context: LossContext) -> tuple[RemedyPatch, ...]:
        """Return nothing: no field helps."""
        del found, context
        return ()


@dataclass(frozen=True, kw_only=True)
class KilledInFlight(Stopping, code="killed-in-flight", certainty=Certainty.CERTAIN):
    """A pod was killed at the end of its grace period with requests in flight.

    Attributes:
        grace_s: The grace period, seconds.
        answer_s: Longest time for which a lost request asked the application to answer, or else was under way, seconds.
        grace: The grace period that is long enough, whole seconds.
    """

    grace_s: float = 0.0
    answer_s: float = 0.0
    grace: int = 0

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if the pod had the request when it was killed."""
        del context
        pod = stopped_pod(loss)
        if pod is None or pod.sigkill is None or pod.sigterm is None:
            return False
        return loss.sent < min(pod.sigterm, pod.sigkill) and loss.met(pod.sigkill)

    @classmethod
    def of(cls, subject: str, losses: Sequence[Loss], context: LossContext) -> Self:
        """Return the cause with the numbers of its losses."""
        measured = _measured(subject, losses, context)
        answer = max((loss.stream.delay for loss in losses), default=0.0) or _under_way_s(losses)
        had = max((loss.pod.grace for loss in losses if loss.pod), default=0.0)
        needed = whole_seconds(_hook_within(measured["hook_s"], had) + answer + STOP_S, had)
        return cls(**measured, grace_s=had, answer_s=answer, grace=needed)

    def place(self) -> tuple[str, str]:
        """Return the Deployment and its grace period."""
        return f"Deployment/{self.deployment}", "spec.template.spec.terminationGracePeriodSeconds"

    @classmethod
    def remedies(cls, found: Self, context: LossContext) -> tuple[RemedyPatch, ...]:
        """Return a longer grace period."""
        return patched(context, "Deployment", found.deployment, lambda it: longer_grace(it, found.grace))

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"A pod of {self.whose} was killed at the end of its grace period of {self.grace_s:g} s, with requests in "
            "flight.",
            f"Grace period {self.grace} s: {_hook_within(self.hook_s, self.grace_s):g} s preStop + {self.answer_s:g} s "
            f"for the longest answer + {self.stop_s:g} s stop + 1 s margin.",
        )


def _hook_within(hook_s: float, grace_s: float) -> float:
    """Return the duration of a hook; the grace period that it may have taken if nobody knows it."""
    return hook_s if hook_s >= 0 else grace_s


def _under_way_s(losses: Sequence[Loss]) -> float:
    """Return the longest time for which a loss was under way until it ended, seconds; 0 if none ended."""
    return round(max((loss.done - loss.sent for loss in losses if math.isfinite(loss.done)), default=0.0), 3)


@dataclass(frozen=True, kw_only=True)
class StoppedInFlight(Stopping, code="stopped-in-flight", certainty=Certainty.LIKELY):
    """The application ended at SIGTERM without finishing the requests that it had."""

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if the pod had a request with a delayed answer at SIGTERM, and ended before it was killed."""
        del context
        pod = stopped_pod(loss)
        if pod is None or pod.sigterm is None or pod.sigkill is not None or loss.stream.delay <= 0:
            return False
        return loss.sent < pod.sigterm - _IN_FLIGHT_S and loss.met(pod.sigterm)

    @classmethod
    def of(cls, subject: str, losses: Sequence[Loss], context: LossContext) -> Self:
        """Return the cause; the sleep has to outlast the longest answer, too."""
        measured = _measured(subject, losses, context)
        answer = max((loss.stream.delay for loss in losses), default=0.0)
        measured["seconds"] = whole_seconds(context.needed_s + answer, measured["needed_s"])
        return cls(**measured)

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"The application of {self.whose} ended at SIGTERM without finishing its requests.",
            f"It has to finish them first. A preStop sleep of {self.seconds} s delays SIGTERM until they are answered.",
        )


@dataclass(frozen=True, kw_only=True)
class HookFailed(Stopping, code="hook-failed", certainty=Certainty.CERTAIN):
    """The preStop hook failed, usually because the image lacks its program, so the pod was stopped at once."""

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if the kubelet reported that the hook of the pod failed."""
        del context
        pod = stopped_pod(loss)
        return pod is not None and pod.hook_failed is not None

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"The preStop hook of {self.whose} failed (FailedPreStopHook), so its pods stopped at once, while "
            f"{self.controller} still sent to them.",
            f"The kubelet's own sleep needs no program in the image. {self.derivation}",
        )


@dataclass(frozen=True, kw_only=True)
class GraceCutsHook(Stopping, code="grace-cuts-hook", certainty=Certainty.CERTAIN):
    """The preStop hook takes at least as long as the grace period, so it was abandoned and the pod stopped too soon.

    Attributes:
        grace_s: The grace period, seconds.
    """

    grace_s: float = 0.0

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if the hook of the pod was abandoned at the end of its grace period."""
        del context
        pod = stopped_pod(loss)
        return pod is not None and bool(pod.hook.kind) and pod.is_hook_cut

    @classmethod
    def of(cls, subject: str, losses: Sequence[Loss], context: LossContext) -> Self:
        """Return the cause with the numbers of its losses."""
        grace = max((loss.pod.grace for loss in losses if loss.pod), default=0.0)
        return cls(**_measured(subject, losses, context), grace_s=grace)

    def place(self) -> tuple[str, str]:
        """Return the Deployment and its grace period."""
        return f"Deployment/{self.deployment}", "spec.template.spec.terminationGracePeriodSeconds"

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"The preStop hook of {self.whose} takes {self.hook_s:g} s, and the grace period is {self.grace_s:g} s: "
            f"the hook was abandoned, and the pod stopped while {self.controller} still sent to it.",
            f"The grace period has to be longer than the hook. {self.derivation}",
        )


@dataclass(frozen=True, kw_only=True)
class PodClosedKeptConnection(Stopping, code="pod-closed-kept-connection", certainty=Certainty.LIKELY):
    """A pod that stopped closed a kept connection of the client while a request was on its way."""

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if a kept connection straight to the pod ended."""
        return stopped_pod(loss) is not None and context.is_direct and loss.is_kept and loss.outcome in ENDED

    def place(self) -> tuple[str, str]:
        """Return the Deployment alone."""
        return (f"Deployment/{self.deployment}", "") if self.deployment else ("", "")

    @classmethod
    def remedies(cls, found: Self, context: LossContext) -> tuple[RemedyPatch, ...]:
        """Return nothing: no field helps."""
        del found, context
        return ()

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"A pod of {self.whose} closed kept connections when it stopped, while requests were on their way.",
            "No field helps: the application has to answer with Connection: close before it stops, for as long as its "
            "preStop hook lasts.",
        )


@dataclass(frozen=True, kw_only=True)
class UpstreamToDyingPod(Stopping, code="upstream-to-dying-pod", certainty=Certainty.LIKELY):
    """The controller reused a kept connection to a pod that was ending, although its preStop hook was long enough.

    Attributes:
        ingress: An Ingress with a rule for the Service; empty if none is in the manifests.
    """

    ingress: str = ""

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if the pod served long enough, and the controller still got no answer from it."""
        pod = stopped_pod(loss)
        if pod is None or context.is_direct or loss.status != BAD_GATEWAY:
            return False
        return pod.hook_failed is None and context.needed_s <= pod.hook.seconds < pod.grace

    @classmethod
    def of(cls, subject: str, losses: Sequence[Loss], context: LossContext) -> Self:
        """Return the cause with the numbers of its losses."""
        return cls(**_measured(subject, losses, context), ingress=next(iter(context.objects.names("Ingress")), ""))

    def place(self) -> tuple[str, str]:
        """Return the Ingress and the annotation."""
        return (f"Ingress/{self.ingress}", "metadata.annotations") if self.ingress else ("", "")

    @classmethod
    def remedies(cls, found: Self, context: LossContext) -> tuple[RemedyPatch, ...]:
        """Return retries at the proxy, which only hide the losses."""
        is_read = reads_annotation(context.controller.word, NEXT_UPSTREAM)
        return patched(context, "Ingress", found.ingress, next_upstream) if is_read else ()

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"{self.controller} sent requests on kept connections to a pod of {self.whose} that was ending, although "
            f"its preStop hook of {self.hook_s:g} s was long enough.",
            "The application has to answer with Connection: close during its preStop hook. Retries at the proxy hide "
            "the losses, and may repeat a POST.",
        )


@dataclass(frozen=True, kw_only=True)
class PrestopTooShort(Stopping, code="prestop-too-short", certainty=Certainty.CERTAIN):
    """The preStop hook ended while requests were still sent to the pod."""

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if the pod has a hook and was still sent to after it."""
        del context
        pod = stopped_pod(loss)
        return pod is not None and bool(pod.hook.kind)

    def sentence(self) -> Sentence:
        """Return text and advice."""
        had = f"takes {self.hook_s:g} s" if self.hook_s >= 0 else "is too short"
        return Sentence(
            f"The preStop hook of {self.whose} {had}, and {self.controller} still sent to its pods "
            f"{seconds(self.needed_s)} after they began to end.",
            self.derivation,
        )


@dataclass(frozen=True, kw_only=True)
class NetworkSilent(Stopping, code="network-silent", certainty=Certainty.CERTAIN):
    """The pod was gone with its network, so requests to it waited without an answer."""

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if a request to a pod that had stopped got no answer at all."""
        del context
        return stopped_pod(loss) is not None and loss.is_silent

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"Pods of {self.whose} were gone with their network while {self.controller} still sent to them, so "
            "requests timed out without an answer.",
            f"The pod has to serve until nothing sends to it any more. {self.derivation}",
        )


@dataclass(frozen=True, kw_only=True)
class ListenerClosedEarly(Stopping, code="listener-closed-early", certainty=Certainty.CERTAIN):
    """The pod closed its listener at SIGTERM, while requests were still sent to it."""

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if a request met a pod that had stopped."""
        del context
        return stopped_pod(loss) is not None

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"Pods of {self.whose} closed their listener at SIGTERM, and {self.controller} still sent to them "
            f"{seconds(self.needed_s)} later.",
            f"The pod has to serve until nothing sends to it any more. {self.derivation}",
        )
