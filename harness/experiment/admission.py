"""Checks of a finished object by the rules of an API server, at the place in the workload or the patch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import Problem
from harness.experiment.cluster_rules import ImageCheck
from harness.experiment.problems import listed, near
from harness.experiment.workload import RenderedObject
from harness.kube.admission.problems import FieldProblem
from harness.kube.admission.refusals import refusals
from harness.kube.manifests import name_of
from harness.kube.nested import at
from harness.kube.schema import missing_fields, path_text
from harness.problem_codes import ProblemCode

#: The grace period of a pod that sets none, in seconds.
DEFAULT_GRACE = 30

_PART = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_IMAGE = re.compile(r".*\.(?:containers|initContainers)\[\d+\]\.image")


@dataclass(frozen=True, slots=True)
class _OwnProblem:
    """A problem in words of our own.

    Attributes:
        problem: The problem.
        field: Path of the field, as an API server has it: refusals of it, or of what is in it, say the same.
    """

    problem: Problem
    field: str

    def covers(self, refusal: FieldProblem) -> bool:
        """Return whether a refusal says the same."""
        return refusal.field == self.field or refusal.field.startswith((f"{self.field}.", f"{self.field}["))


def object_problems(item: RenderedObject, check_image: ImageCheck) -> Iterator[Problem]:
    """Yield what an API server refuses in an object, and images that the cluster lacks. Unknown fields are not here."""
    own = list(_own_problems(item))
    yield from (each.problem for each in own)
    yield from _image_problems(item, check_image)
    for refusal in refusals(item.manifest):
        if not any(each.covers(refusal) for each in own):
            yield _problem(item, refusal)


def title(item: RenderedObject) -> str:
    """Return kind and name: ``Deployment apple``."""
    return f"{item.manifest.get('kind')} {name_of(item.manifest)}".strip()


def _own_problems(item: RenderedObject) -> Iterator[_OwnProblem]:
    if len(item.sources) > 1:  # the parser checks the workload's own files
        for violation in missing_fields(item.manifest):
            message = f"{title(item)}: {violation.message}"
            problem = item.problem_at(ProblemCode.REQUIRED, violation.path, message)
            yield _OwnProblem(problem, path_text((*violation.path, violation.field)))
    pod = _pod(item)
    if isinstance(pod, Mapping):
        yield from _hook_problems(item, pod)
    if item.manifest.get("kind") == "Deployment":
        yield from _selector_problems(item)


def _pod(item: RenderedObject) -> Any:
    """Return the spec of the object's pods; None if it has none."""
    own = at(item.manifest, "spec") if item.manifest.get("kind") == "Pod" else None
    return at(item.manifest, "spec", "template", "spec") or own


def _pod_path(item: RenderedObject) -> tuple[str, ...]:
    return ("spec",) if item.manifest.get("kind") == "Pod" else ("spec", "template", "spec")


def _problem(item: RenderedObject, refusal: FieldProblem) -> Problem:
    path = _path(refusal.field)
    if _IMAGE.fullmatch(refusal.field) and refusal.reason == "FieldValueRequired":
        return _without_image(item, path)
    message = f"an API server refuses {title(item)}: {refusal}"
    return item.problem_at(ProblemCode.API_REFUSES, path, message)


def _without_image(item: RenderedObject, path: tuple[str | int, ...]) -> Problem:
    """Return the problem of a container without an image; if only a patch has it, its name is probably misspelled."""
    name = str(_value(item.manifest, (*path[:-1], "name")))
    first = _value(item.sources[0].manifest, path[:-2])
    there = [str(container.get("name")) for container in first or [] if isinstance(container, Mapping)]
    if name in there:
        message = f"the container {name!r} of {title(item)} has no image"
        return item.problem_at(ProblemCode.NO_IMAGE, path, message, unpatched=True)
    message = f"the patch adds a container {name!r} without an image; {title(item)} has: {listed(there)}"
    return item.problem_at(ProblemCode.NO_IMAGE, path, message, near(name, there))


def _image_problems(item: RenderedObject, check_image: ImageCheck) -> Iterator[Problem]:
    if not isinstance(_pod(item), Mapping):
        return
    for kind in ("containers", "initContainers"):
        for index, container in enumerate(_value(item.manifest, (*_pod_path(item), kind)) or []):
            image = container.get("image") if isinstance(container, Mapping) else None
            wrong = check_image(image) if isinstance(image, str) and image else None
            if wrong:
                path = (*_pod_path(item), kind, index, "image")
                yield item.problem_at(ProblemCode.IMAGE_UNAVAILABLE, path, wrong.message, wrong.hint)


def _hook_problems(item: RenderedObject, pod: Mapping[str, Any]) -> Iterator[_OwnProblem]:
    grace = pod.get("terminationGracePeriodSeconds")
    grace = DEFAULT_GRACE if grace is None else grace
    for index, container in enumerate(pod.get("containers") or []):
        hook = path_text((*_pod_path(item), "containers", index, "lifecycle", "preStop"))
        sleep = at(container, "lifecycle", "preStop", "sleep", "seconds")
        if isinstance(sleep, int) and isinstance(grace, int) and sleep > grace:
            message = f"preStop.sleep of {sleep} s is longer than terminationGracePeriodSeconds ({grace} s) in"
            message += f" {title(item)}: a real API server refuses that"
            problem = item.problem(ProblemCode.HOOK_EXCEEDS_GRACE, ("sleep", "seconds"), message)
            yield _OwnProblem(problem, f"{hook}.sleep")
        if len(at(container, "lifecycle", "preStop") or {}) > 1:
            message = "a preStop hook must be one of exec, httpGet, sleep; set the others to null in the patch"
            yield _OwnProblem(item.problem(ProblemCode.HOOK_HANDLERS, ("lifecycle", "preStop"), message), hook)


def _selector_problems(item: RenderedObject) -> Iterator[_OwnProblem]:
    wanted = at(item.manifest, "spec", "selector", "matchLabels")
    labels = at(item.manifest, "spec", "template", "metadata", "labels")
    if isinstance(wanted, Mapping) and not wanted.items() <= (labels or {}).items():
        message = f"{title(item)} does not select its own pods' labels"
        problem = item.problem(ProblemCode.SELECTOR_MISSES_PODS, ("selector", "matchLabels"), message)
        yield _OwnProblem(problem, "spec.template.metadata.labels")


def _path(field: str) -> tuple[str | int, ...]:
    """Return the parts of ``spec.containers[0].image``."""
    return tuple(int(match[1]) if match[1] else match[2] for match in _PART.finditer(field))


def _value(here: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        if isinstance(part, int):
            here = here[part] if isinstance(here, list) and part < len(here) else None
        else:
            here = here.get(part) if isinstance(here, Mapping) else None
    return here
