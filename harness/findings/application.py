"""Findings about the application and its rollout; they do not change the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.analysis.facts import Facts
from harness.analysis.thresholds import GRACE_SLACK_S
from harness.analysis.workload import (
    FORCED_GRACE_S,
    deployments_of,
    has_prestop,
    kubelet_times,
    pod_lives,
    replaced,
)
from harness.findings.finding_type import Sentence, TrialFinding
from harness.model.timeline import EventKind
from harness.model.verdict import Weight
from harness.wording import plural, seconds


@dataclass(frozen=True, kw_only=True)
class FalseGreen(TrialFinding, code="false-green", weight=Weight.NOTE, warns=True):
    """Nothing was lost without a preStop hook, because the old pods ignored SIGTERM and served until SIGKILL."""

    pods: int
    grace_s: float
    image: str

    @classmethod
    def check(cls, facts: Facts) -> Iterator[FalseGreen]:
        """Yield a finding if nothing was lost, and replaced pods without a preStop hook used up their grace period."""
        evidence, begin = facts.evidence, facts.moments.begin
        if begin is None or facts.is_lost.any():
            return
        ignoring = [
            life
            for deployment in deployments_of(evidence)
            if not has_prestop(evidence, deployment)
            for life in replaced(evidence, deployment, begin)
            if life.grace > 2 * GRACE_SLACK_S.value
            and life.gone is not None
            and life.gone - (life.terminating or 0.0) >= life.grace - GRACE_SLACK_S.value
        ]
        if ignoring:
            yield cls(pods=len(ignoring), grace_s=ignoring[0].grace, image=ignoring[0].labels.get("image", ""))

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        image = f" ({self.image})" if self.image else ""
        return Sentence(
            "A false green: nothing was lost although no preStop hook delays SIGTERM. "
            f"The old pods{image} ignore SIGTERM and served until SIGKILL at the end of their "
            f"{self.grace_s:.0f} s grace period.",
            "As soon as the application handles SIGTERM, as it should, this configuration loses requests: "
            "add a preStop sleep (5 s or more behind ingress-nginx, 3 s or more behind Traefik).",
        )


@dataclass(frozen=True, kw_only=True)
class RolloutStuck(TrialFinding, code="rollout-stuck", weight=Weight.NOTE):
    """A rollout that was meant to get stuck did, and was reported as failed at its deadline."""

    deadline_s: float

    @classmethod
    def check(cls, facts: Facts) -> Iterator[RolloutStuck]:
        """Yield a finding if the change was observed to reach the progress deadline."""
        stuck = [part.target_name for part in facts.evidence.change.parts if part.is_meant_to_fail]
        if not stuck or not facts.moments.observed:
            return
        found = (each for each in deployments_of(facts.evidence) if each["metadata"]["name"] in stuck)
        yield cls(deadline_s=next(found, {}).get("spec", {}).get("progressDeadlineSeconds", 600))

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"The rollout got stuck, as it was meant to, and was reported as failed at its deadline of "
            f"{seconds(self.deadline_s)}. progressDeadlineSeconds loses nothing: the old pods continue to serve.",
        )


@dataclass(frozen=True, kw_only=True)
class PrestopFailed(TrialFinding, code="prestop-failed", weight=Weight.NOTE, warns=True):
    """A preStop hook failed, or ran until the grace period was over, so its container was stopped.

    Attributes:
        count: Pods whose hook failed.
        message: The kubelet's message about the first of them.
        cut_off: Pods whose hook ran until the grace period was over.
        forced: Pods among these that were deleted by force.
    """

    count: int
    message: str
    cut_off: int = 0
    forced: int = 0

    @classmethod
    def check(cls, facts: Facts) -> Iterator[PrestopFailed]:
        """Yield a finding if the kubelet reports a failed hook.

        The kubelet reports a hook that the grace period cut off in the same way; its time shows the difference.
        """
        reported: dict[str, str] = {}
        for event in facts.evidence.timeline:
            if event.kind is EventKind.KUBELET and event.what == "FailedPreStopHook":
                reported.setdefault(event.subject, str(event.detail.get("message", "")))
        if not reported:
            return
        times = kubelet_times(facts.evidence)
        cut = [life for life in pod_lives(facts.evidence) if life.is_hook_cut(times)]
        messages = [text for pod, text in reported.items() if pod not in {life.name for life in cut}]
        forced = sum(life.grace == 0 for life in cut)
        yield cls(count=len(messages), message=messages[0] if messages else "", cut_off=len(cut), forced=forced)

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        found = [each for each in (self._failed(), self._cut(), self._forced()) if each is not None]
        return Sentence(" ".join(each.text for each in found), " ".join(each.advice for each in found))

    def _failed(self) -> Sentence | None:
        if self.cut_off and not self.count:
            return None
        return Sentence(
            f"The preStop hook of {plural(self.count, 'pod')} failed, so SIGTERM followed at once: "
            f"{self.message.rstrip('.') or 'no message'}.",
            "An exec hook needs its program in the image. Use the native preStop.sleep, which needs no program.",
        )

    def _cut(self) -> Sentence | None:
        pods = self.cut_off - self.forced
        if not pods:
            return None
        return Sentence(
            f"The preStop hook of {plural(pods, 'pod')} still ran at the end of the grace period, so SIGTERM came "
            "before the end of the hook.",
            "Make terminationGracePeriodSeconds longer than the hook.",
        )

    def _forced(self) -> Sentence | None:
        if not self.forced:
            return None
        return Sentence(
            f"{plural(self.forced, 'pod')} with a preStop hook "
            f"{'was' if self.forced == 1 else 'were'} deleted by force, which cuts the hook off after "
            f"{FORCED_GRACE_S:g} s.",
            "Delete without --force, so that the hook can end.",
        )
