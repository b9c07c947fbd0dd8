"""What an API server would refuse in a finished object, told where the file says it: in the workload or in a patch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from harness.errors import Problem
from harness.experiment.cluster_rules import ImageCheck
from harness.experiment.objects import at
from harness.experiment.problems import listed, near
from harness.experiment.workload import Rendered
from harness.kube.admission.problems import FieldProblem
from harness.kube.admission.refusals import refusals
from harness.kube.manifests import name_of
from harness.kube.schema import missing_fields

#: Without a word in the manifest, Kubernetes waits this long for a pod to end.
DEFAULT_GRACE = 30

_PART = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_IMAGE = re.compile(r".*\.(?:containers|initContainers)\[\d+\]\.image")


def check(item: Rendered, check_image: ImageCheck) -> Iterator[Problem]:
    """What an API server, or a cluster without its images, would refuse, beside unknown fields."""
    own = list(_own(item, check_image))
    yield from own
    told = [problem.message for problem in own]
    for refusal in refusals(item.manifest):
        if not _is_told(refusal, told):
            yield _problem(item, refusal)


def _own(item: Rendered, check_image: ImageCheck) -> Iterator[Problem]:
    """What is told in words of our own."""
    if len(item.sources) > 1:  # the workload's own files are checked when they are read
        for violation in missing_fields(item.manifest):
            yield item.problem_at(violation.path, f"{title(item)}: {violation.message}")
    pod = at(item.manifest, "spec", "template", "spec") or (
        at(item.manifest, "spec") if item.manifest.get("kind") == "Pod" else None
    )
    if isinstance(pod, Mapping):
        yield from _check_hooks(item, pod)
        yield from _check_images(item, check_image)
    if item.manifest.get("kind") == "Deployment":
        yield from _check_selector(item)


def title(item: Rendered) -> str:
    """``Deployment apple``."""
    return f"{item.manifest.get('kind')} {name_of(item.manifest)}".strip()


def _is_told(refusal: FieldProblem, told: list[str]) -> bool:
    """Whether it was told already, in words of our own or as a field that the schema requires."""
    own = (
        (".lifecycle.preStop.sleep", "preStop.sleep of"),
        (".lifecycle.preStop.", "a preStop hook must be one of"),
        ("spec.template.metadata.labels", "does not select its own pods"),
        (refusal.field, f'"{refusal.field}" is required'),
    )
    return any(field in refusal.field and any(words in text for text in told) for field, words in own)


def _problem(item: Rendered, refusal: FieldProblem) -> Problem:
    path = _path(refusal.field)
    if _IMAGE.fullmatch(refusal.field) and refusal.reason == "FieldValueRequired":
        return _without_image(item, path)
    return item.problem_at(path, f"an API server refuses {title(item)}: {refusal}")


def _without_image(item: Rendered, path: tuple[str | int, ...]) -> Problem:
    """A container without an image; one that only a patch has is most often a mistyped name."""
    name = str(_value(item.manifest, (*path[:-1], "name")))
    first = _value(item.sources[0].manifest, path[:-2])
    there = [str(container.get("name")) for container in first or [] if isinstance(container, Mapping)]
    if name in there:
        return item.problem_at(path, f"the container {name!r} of {title(item)} has no image", unpatched=True)
    message = f"the patch adds a container {name!r} without an image; {title(item)} has: {listed(there)}"
    return item.problem_at(path, message, near(name, there))


def _check_images(item: Rendered, check_image: ImageCheck) -> Iterator[Problem]:
    base: tuple[str, ...] = ("spec",) if item.manifest.get("kind") == "Pod" else ("spec", "template", "spec")
    for kind in ("containers", "initContainers"):
        for index, container in enumerate(_value(item.manifest, (*base, kind)) or []):
            image = container.get("image") if isinstance(container, Mapping) else None
            wrong = check_image(image) if isinstance(image, str) and image else None
            if wrong:
                yield item.problem_at((*base, kind, index, "image"), wrong.message, wrong.hint)


def _check_hooks(item: Rendered, pod: Mapping[str, Any]) -> Iterator[Problem]:
    grace = pod.get("terminationGracePeriodSeconds")
    grace = DEFAULT_GRACE if grace is None else grace
    for container in pod.get("containers") or []:
        sleep = at(container, "lifecycle", "preStop", "sleep", "seconds")
        if isinstance(sleep, int) and isinstance(grace, int) and sleep > grace:
            yield item.problem(
                ("sleep", "seconds"),
                f"preStop.sleep of {sleep} s is longer than terminationGracePeriodSeconds ({grace} s) in"
                f" {title(item)}: a real API server refuses that",
            )
        if len(at(container, "lifecycle", "preStop") or {}) > 1:
            message = "a preStop hook must be one of exec, httpGet, sleep; set the others to null in the patch"
            yield item.problem(("lifecycle", "preStop"), message)


def _check_selector(item: Rendered) -> Iterator[Problem]:
    wanted = at(item.manifest, "spec", "selector", "matchLabels")
    labels = at(item.manifest, "spec", "template", "metadata", "labels")
    if isinstance(wanted, Mapping) and not wanted.items() <= (labels or {}).items():
        yield item.problem(("selector", "matchLabels"), f"{title(item)} does not select its own pods' labels")


def _path(field: str) -> tuple[str | int, ...]:
    """``spec.containers[0].image`` in its parts."""
    return tuple(int(match[1]) if match[1] else match[2] for match in _PART.finditer(field))


def _value(here: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        if isinstance(part, int):
            here = here[part] if isinstance(here, list) and part < len(here) else None
        else:
            here = here.get(part) if isinstance(here, Mapping) else None
    return here
