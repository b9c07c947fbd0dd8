"""Decisive fields that the cluster does not implement: refused, or assumed to have no effect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.errors import InvalidInputError, Problem
from harness.experiment.admission import title
from harness.experiment.changes.reading import LocatedChange
from harness.experiment.cluster_rules import FieldCheck, any_field
from harness.experiment.objects import WorkloadObjects
from harness.experiment.problems import Problems, near
from harness.experiment.workload import RenderedObject
from harness.kube.fieldclasses import REFUSED, Classified, FieldClass
from harness.kube.manifests import name_of
from harness.kube.strategic import PatchError, json_merge, strategic_merge
from harness.model.changes import ChangeSpec
from harness.model.experiment import Assumption, Configuration, Experiment, Manifest
from harness.problem_codes import ProblemCode

#: Server fields that a report need not list.
_UNLISTED = frozenset({"apiVersion", "kind", "status"})


@dataclass(slots=True)
class FieldReview:
    """Check all fields of an Experiment's objects, and collect the assumed and the inert ones.

    Attributes:
        check: Classifies the fields of an object.
        assume: Names of the fields that the user assumes to have no effect.
        ingress: Word of the ingress controller.
    """

    check: FieldCheck = any_field
    assume: frozenset[str] = frozenset()
    ingress: str = ""
    _assumed: dict[tuple[str, str], Assumption] = field(default_factory=dict)
    _inert: dict[str, dict[str, None]] = field(default_factory=dict)

    @property
    def assumed(self) -> tuple[Assumption, ...]:
        """Return the refused fields that are assumed to have no effect, in the order in which they were found."""
        return tuple(self._assumed.values())

    @property
    def inert(self) -> tuple[str, ...]:
        """Return every field without effect on requests, once, with its objects: ``spec.… (Deployment web)``."""
        return tuple(f"{name} ({', '.join(objects)})" for name, objects in self._inert.items())

    def check_objects(self, objects: Sequence[RenderedObject], problems: Problems) -> None:
        """Check the objects of one configuration; a refused field is a problem with its file and line."""
        manifests = [item.manifest for item in objects]
        for item in objects:
            for found in self.refused(item.manifest, manifests):
                message, hint = _refusal(found, title(item))
                problems.extend([item.problem_at(ProblemCode.FIELD_NOT_IMPLEMENTED, found.path, message, hint)])

    def check_changed_objects(self, change: LocatedChange, configuration: Configuration, problems: Problems) -> None:
        """Check the objects of one configuration that a change patches, as the change makes them."""
        for message, hint in self.refused_after(change.spec, configuration):
            problems.add(ProblemCode.FIELD_NOT_IMPLEMENTED, (*change.place, change.spec.kind), message, hint)

    def refused(self, manifest: Manifest, objects: Sequence[Manifest]) -> Iterator[Classified]:
        """Yield the refused fields of an object that are not assumed; collect the assumed and the inert ones."""
        named = _named(manifest)
        for found in self.check(manifest, self.ingress, objects):
            if found.found in REFUSED and found.field in self.assume:
                self._assumed.setdefault((named, found.field), Assumption(found.field, named, _effect(found)))
            elif found.found in REFUSED:
                yield found
            elif found.found is FieldClass.INERT and found.field not in _UNLISTED:
                self._inert.setdefault(found.field, {}).setdefault(named)

    def refused_after(self, spec: ChangeSpec, configuration: Configuration) -> Iterator[tuple[str, str]]:
        """Yield message and hint of each field that is refused in an object after a change and not before it."""
        manifests = configuration.manifests
        objects = WorkloadObjects(manifests)
        for before, after in (pair for part in spec.parts for pair in _patched(part, objects)):
            known = {(found.field, found.text) for found in self.check(before, self.ingress, manifests)}
            changed = [after if each is before else each for each in manifests]
            for found in self.refused(after, changed):
                if (found.field, found.text) not in known:
                    yield _refusal(found, f"{_named(after)}, as this change makes it")


def review(experiment: Experiment, check: FieldCheck) -> Experiment:
    """Check all fields of an Experiment for the cluster that it will run on.

    Returns:
        The Experiment with the assumed and the inert fields of that cluster.

    Raises:
        InvalidInputError: The cluster does not implement a decisive field, and the user does not assume it to be inert.
            Problems have no lines here: ``load_experiment`` finds them with their lines if it gets the cluster's rules.
    """
    found = FieldReview(check, frozenset(each.field for each in experiment.assumed), experiment.ingress)
    refused: dict[tuple[str, str], None] = {}
    for cell in experiment.cells:
        manifests = cell.configuration.manifests
        for manifest in manifests:
            refused |= {_refusal(each, _named(manifest)): None for each in found.refused(manifest, manifests)}
        refused |= dict.fromkeys(found.refused_after(cell.change, cell.configuration))
    if refused:
        code = ProblemCode.FIELD_NOT_IMPLEMENTED
        raise InvalidInputError([Problem(text, experiment.source, hint=hint, code=code) for text, hint in refused])
    return replace(experiment, assumed=found.assumed, inert=found.inert)


def _named(manifest: Manifest) -> str:
    return f"{manifest.get('kind')} {name_of(manifest)}"


def check_assumed(names: Iterable[str], experiments: Iterable[Experiment]) -> None:
    """Require that each name of ``--assume-inert`` is a field that is refused otherwise.

    Args:
        names: As the user gave them.
        experiments: The Experiment, as loaded for each controller that it will run behind.

    Raises:
        InvalidInputError: With every name that is no such field.
    """
    known = sorted({each.field for experiment in experiments for each in experiment.assumed})
    problems = [
        Problem(
            f"--assume-inert {name}: no field of that name is refused here",
            hint=near(name, known),
            code=ProblemCode.UNKNOWN_NAME,
        )
        for name in dict.fromkeys(names)
        if name not in known
    ]
    if problems:
        raise InvalidInputError(problems)


def _effect(found: Classified) -> str:
    return found.text if found.found is FieldClass.UNKNOWN else f"a real cluster {found.text}"


def _refusal(found: Classified, named: str) -> tuple[str, str]:
    """Return the message about a refused field, and the ways out."""
    ways = f"remove it, use --cluster kind, or --assume-inert {found.field} for a verdict that is inconclusive at best"
    hint = f"{found.hint} Or {ways}" if found.hint else ways
    what = "is unknown" if found.found is FieldClass.UNKNOWN else "is not implemented by the embedded cluster"
    return f"{named}: {found.field} {what}: {_effect(found)}", hint


def _patched(spec: ChangeSpec, objects: WorkloadObjects) -> Iterator[tuple[Manifest, Manifest]]:
    """Yield each object that a change patches, before and after, for each repetition that differs."""
    seen: list[Any] = []
    for number in range(1, spec.times + 1):
        found = _patched_once(spec, objects, number)
        if found is None or found[1] in seen:
            return
        seen.append(found[1])
        yield found


def _patched_once(spec: ChangeSpec, objects: WorkloadObjects, number: int) -> tuple[Manifest, Manifest] | None:
    target = objects.find(spec.target, spec.target_name) if spec.target_name else None
    patch = spec.patch_of(target, number) if target is not None else None
    if target is None or patch is None:
        return None
    merge = strategic_merge if patch.strategy == "strategic" else json_merge
    try:
        return target, merge(target, patch.body)
    except PatchError:
        return None  # The check of the change reports it.
