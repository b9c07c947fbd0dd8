"""A rolling update of a Deployment, a StatefulSet or a DaemonSet to a new version."""

from __future__ import annotations

from dataclasses import replace

from harness.changes.applied import AppliedChange, patch_target
from harness.changes.context import Missing
from harness.changes.repetition import Repetition
from harness.changes.rollouts import current, pod_uids, replaced_missing, rollout_missing
from harness.errors import HarnessError
from harness.kube.api import Object
from harness.kube.rollout import Rollout, rollout_state
from harness.model.changes import RollingUpdate, substituted


def carry_out(repetition: Repetition[RollingUpdate]) -> bool:
    """Patch the container.

    The update is observed when the rollout of the new generation is complete, the old pods are gone and, if the spec
    has the new version's answer, traffic has got it. With ``until: progress-deadline``, it is observed when the
    Deployment exceeds its progress deadline. The old template is then restored, and that rollout awaited.
    """
    spec, context = repetition.spec, repetition.context

    def make() -> AppliedChange:
        target = context.kube.get(spec.target.value, spec.target_name, context.namespace)
        old = pod_uids(context, target)
        _find_container(spec, target)
        applied = patch_target(context, spec, repetition.number)
        return replace(applied, before={"generation": target["metadata"].get("generation", 0), "pods": old})

    def missing(applied: AppliedChange) -> Missing:
        if spec.is_meant_to_fail:
            failed = rollout_state(current(context, applied)) is Rollout.DEADLINE_EXCEEDED
            return () if failed else ("the rollout to exceed its progress deadline",)
        return (*replaced_missing(context, applied), *_answer_missing(repetition, applied))

    def missing_after_undo(applied: AppliedChange, _begun: int) -> Missing:
        return rollout_missing(current(context, applied), since=applied.target["metadata"].get("generation", 0))

    return repetition.act(make, missing, missing_after_undo, undone_between=False)


def _answer_missing(repetition: Repetition[RollingUpdate], applied: AppliedChange) -> Missing:
    pattern = substituted(repetition.spec.answer, repetition.number)
    seen = not pattern or repetition.context.answered(pattern, applied.begun)
    return () if seen else (f"an answer like {pattern!r} in the traffic",)


def _find_container(spec: RollingUpdate, target: Object) -> None:
    """Check that the container exists: a patch with another name would add one."""
    names = [container["name"] for container in target["spec"]["template"]["spec"]["containers"]]
    if spec.container and spec.container not in names:
        raise HarnessError(
            f"{spec.target} {spec.target_name} has no container {spec.container}.", hint=f"It has: {', '.join(names)}"
        )
