"""``rolling-update``: a new pod template for a Deployment, a StatefulSet or a DaemonSet."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from harness.experiment.changes.context import CheckContext
from harness.experiment.changes.schema import RolloutSchema
from harness.experiment.problems import listed, near
from harness.experiment.schema import default_of
from harness.kit.located_yaml import Place
from harness.kube.admission.refusals import refusals
from harness.kube.manifests import CODES, sentence
from harness.kube.schema import container_violations
from harness.kube.strategic import PatchError, strategic_merge
from harness.model.changes import RollingUpdate
from harness.problem_codes import ProblemCode


class RollingUpdateSchema(RolloutSchema):
    """``rolling-update``."""

    set: dict[str, Any] = Field(
        default=default_of(RollingUpdate, "set"), description="fields of the container that get a new value"
    )
    container: str = Field(
        default=default_of(RollingUpdate, "container"), description="name of the container; by default the first one"
    )
    answer: str = Field(default=default_of(RollingUpdate, "answer"), description="body that only the new version gives")
    until: Literal["complete", "progress-deadline"] = Field(
        default=default_of(RollingUpdate, "until"),
        description="`complete`, or `progress-deadline` for a rollout that is meant to get stuck",
    )


def check(spec: RollingUpdate, place: Place, context: CheckContext) -> None:
    """Require the container, and an update that an API server accepts and that changes something each time."""
    add = context.add
    if not spec.set:
        add(
            ProblemCode.REQUIRED,
            place,
            "a rolling update must set something",
            hint='such as set: {args: ["-text=apple-v2"]}',
        )
    wrong = container_violations(spec.set)
    for violation in wrong:
        message = f"in the container: {sentence({}, violation)}"
        add(CODES[violation.kind], (*place, "set", *violation.path), message)
    _check_image(spec, place, context)
    if not context.can_roll_out(spec, place):
        return
    if spec.is_meant_to_fail and not spec.deployment:
        add(ProblemCode.CONFLICT, (*place, "until"), f"a {spec.target} has no progress deadline", "name a Deployment")
    kind, target = spec.target.value, spec.target_name
    containers = context.objects.containers(target, kind)
    names = [str(container.get("name")) for container in containers]
    if spec.container and spec.container not in names:
        message = f"no container {spec.container!r} in {kind} {target}; it has {listed(names)}"
        add(ProblemCode.UNKNOWN_NAME, (*place, "container"), message, near(spec.container, names))
    chosen = [c for c in containers if spec.container in ("", c.get("name"))][:1]
    if chosen and not wrong:
        _check_refusals(spec, str(chosen[0].get("name")), place, context)
    if spec.set and chosen and all(chosen[0].get(field) == value for field, value in spec.set.items()):
        message = "the container has these values already: nothing would be rolled out"
        add(ProblemCode.NO_EFFECT, (*place, "set"), message)
    _check_numbers(spec, place, context)


def _check_numbers(spec: RollingUpdate, place: Place, context: CheckContext) -> None:
    """Require the number of the repetition if repetitions would otherwise be the same."""
    numbered = "{time}" in repr(spec.set)
    if spec.times > 1 and not spec.is_meant_to_fail and spec.set and not numbered:
        message = f"set is the same in all {spec.times} repetitions, so only the first would roll anything out"
        context.add(ProblemCode.NO_EFFECT, (*place, "set"), message, hint='number it: args: ["-text=apple-v2-{time}"]')
    if "{time}" in spec.answer and not numbered:
        message = "the answer contains {time}, but no value in set does"
        context.add(ProblemCode.ANSWER_IMPOSSIBLE, (*place, "answer"), message)


def _check_image(spec: RollingUpdate, place: Place, context: CheckContext) -> None:
    """Require the image on the cluster, unless the rollout is meant to get stuck."""
    image = None if spec.is_meant_to_fail else spec.set.get("image")
    wrong = context.rules.image(image) if isinstance(image, str) else None
    if wrong:
        context.add(ProblemCode.IMAGE_UNAVAILABLE, (*place, "set", "image"), wrong.message, wrong.hint)


def _check_refusals(spec: RollingUpdate, name: str, place: Place, context: CheckContext) -> None:
    """Require that an API server refuses nothing in the updated Deployment that it accepts without the update."""
    target = context.objects.find(spec.target.value, spec.target_name) or {}
    container = {"name": name, **spec.set}
    try:
        updated = strategic_merge(target, {"spec": {"template": {"spec": {"containers": [container]}}}})
    except PatchError as error:
        context.add(ProblemCode.PATCH_FAILS, (*place, "set"), f"this can't be applied: {error}")
        return
    before = refusals(target)
    for refusal in refusals(updated):
        if refusal not in before:
            message = f"an API server refuses {spec.target} {spec.target_name} with this: {refusal}"
            context.add(ProblemCode.API_REFUSES, (*place, "set"), message)
