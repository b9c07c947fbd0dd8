"""Causes between the ingress controller and healthy pods: kept connections and repeated requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from harness.causes.cause_type import CauseType
from harness.causes.context import LossContext
from harness.causes.loss import BAD_GATEWAY, Loss, Sign
from harness.findings.finding_type import Sentence
from harness.model.attempt import Method
from harness.model.causes import Certainty

#: Methods that a proxy may send again, since a second request has the effect of one (RFC 9110, 9.2.2).
_REPEATABLE = frozenset({Method.GET, Method.HEAD, Method.PUT, Method.DELETE})


@dataclass(frozen=True, kw_only=True)
class ProxyRepeatedPost(CauseType, code="proxy-repeated-post", certainty=Certainty.LIKELY, needs=Sign.KNOWN_POD):
    """The proxy sent a POST to several pods, although an earlier try may have been executed.

    Attributes:
        controller: The controller.
        tries: Most tries of one request.
    """

    controller: str
    tries: int

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if a request that is not safe to repeat was sent to different pods that are well."""
        del context
        several = loss.tries is not None and len(set(loss.tries.addresses)) > 1
        return several and loss.stream.method not in _REPEATABLE and loss.pod is not None and loss.pod.deleted is None

    @classmethod
    def of(cls, subject: str, losses: Sequence[Loss], context: LossContext) -> Self:
        """Return the cause with the numbers of its losses."""
        del subject
        most = max(len(loss.tries.addresses) if loss.tries else 1 for loss in losses)
        return cls(controller=context.sender, tries=most)

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"{self.controller} sent a POST up to {self.tries} times, although an earlier try may have been executed.",
            "Retries must be limited to requests that are safe to repeat (without non_idempotent in "
            "proxy-next-upstream).",
        )


@dataclass(frozen=True, kw_only=True)
class UpstreamIdleTimeout(CauseType, code="upstream-idle-timeout", certainty=Certainty.POSSIBLE, needs=Sign.KNOWN_POD):
    """A healthy pod closed a kept connection of the proxy while a request was sent on it.

    Attributes:
        deployment: The Deployment.
        controller: The controller.
    """

    deployment: str
    controller: str

    @classmethod
    def explains(cls, loss: Loss, context: LossContext) -> bool:
        """Return True if the controller answered 502 although its last try had a connection to a pod that stayed."""
        pod = loss.pod
        if context.is_direct or pod is None or pod.deleted is not None or loss.status != BAD_GATEWAY:
            return False
        return loss.is_kept_upstream

    @classmethod
    def of(cls, subject: str, losses: Sequence[Loss], context: LossContext) -> Self:
        """Return the cause."""
        del losses
        return cls(deployment=subject, controller=context.sender)

    def place(self) -> tuple[str, str]:
        """Return the Deployment, whose program has the idle timeout; it is no field of a manifest."""
        return f"Deployment/{self.deployment}", ""

    def sentence(self) -> Sentence:
        """Return text and advice."""
        return Sentence(
            f"Pods of Deployment {self.deployment} closed kept connections of {self.controller} while a request was on "
            "its way: their idle timeout is shorter than that of the controller.",
            "Make the application's idle timeout longer than the controller's (60 s, upstream-keepalive-timeout of "
            "ingress-nginx; 90 s, idleConnTimeout of Traefik), or shorten the controller's.",
        )
