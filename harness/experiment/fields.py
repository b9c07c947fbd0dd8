"""Fields that decide about requests and that the cluster does not carry out: refused, or assumed to have no effect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.errors import InvalidInputError, Problem
from harness.experiment.admission import title
from harness.experiment.changes.reading import Located
from harness.experiment.cluster_rules import FieldCheck, any_field
from harness.experiment.objects import Objects
from harness.experiment.problems import Problems, near
from harness.experiment.workload import Rendered
from harness.kube.fieldclasses import REFUSED, Classified, FieldClass
from harness.kube.manifests import name_of
from harness.kube.strategic import PatchError, json_merge, strategic_merge
from harness.model.changes import ChangeSpec
from harness.model.experiment import Assumption, Configuration, Experiment, Manifest

#: Server fields that a report need not list.
_UNLISTED = frozenset({"apiVersion", "kind", "status"})


@dataclass(slots=True)
class FieldReview:
    """Looks at all fields of an Experiment's objects and remembers what was assumed.

    Attributes:
        check: Classifies the fields of an object.
        assume: The fields that are assumed to have no effect, by name.
        ingress: The ingress controller, by its word in the Experiment.
    """

    check: FieldCheck = any_field
    assume: frozenset[str] = frozenset()
    ingress: str = ""
    _assumed: dict[tuple[str, str], Assumption] = field(default_factory=dict)
    _inert: dict[str, dict[str, None]] = field(default_factory=dict)

    @property
    def assumed(self) -> tuple[Assumption, ...]:
        """The refused fields that are assumed to have no effect, in the order in which they were met."""
        return tuple(self._assumed.values())

    @property
    def inert(self) -> tuple[str, ...]:
        """Every field without effect on requests, each once, with its objects: ``spec.… (Deployment web)``."""
        return tuple(f"{name} ({', '.join(objects)})" for name, objects in self._inert.items())

    def look(self, objects: Sequence[Rendered], problems: Problems) -> None:
        """Look at the objects of one configuration; what is refused becomes a problem with its file and line."""
        manifests = [item.manifest for item in objects]
        for item in objects:
            for found in self.refused(item.manifest, manifests):
                problems.extend([item.problem_at(found.path, *_told(found, title(item)))])

    def look_at_changes(
        self, changes: Sequence[Located], configurations: Sequence[Configuration], problems: Problems
    ) -> None:
        """Look at the objects that changes patch, as they will be."""
        for configuration in configurations:
            for spec, place in changes:
                for told in self.refused_after(spec, configuration):
                    problems.add((*place, spec.kind), *told)

    def refused(self, manifest: Manifest, objects: Sequence[Manifest]) -> Iterator[Classified]:
        """Yield the fields of an object that are refused and not assumed; remember the inert and the assumed ones."""
        named = _named(manifest)
        for found in self.check(manifest, self.ingress, objects):
            if found.found in REFUSED and found.field in self.assume:
                self._assumed.setdefault((named, found.field), Assumption(found.field, named, _effect(found)))
            elif found.found in REFUSED:
                yield found
            elif found.found is FieldClass.INERT and found.field not in _UNLISTED:
                self._inert.setdefault(found.field, {}).setdefault(named)

    def refused_after(self, spec: ChangeSpec, configuration: Configuration) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with an object as a change makes it, where the object itself was not refused for it."""
        manifests = configuration.manifests
        for before, after in _patched(spec, Objects(manifests)):
            known = {(found.field, found.text) for found in self.check(before, self.ingress, manifests)}
            changed = [after if each is before else each for each in manifests]
            for found in self.refused(after, changed):
                if (found.field, found.text) not in known:
                    yield _told(found, f"{_named(after)}, as this change makes it")


def review(experiment: Experiment, check: FieldCheck) -> Experiment:
    """Look at all fields of an Experiment for the cluster that it will run on.

    Returns:
        The Experiment with what that cluster assumes and what has no effect there.

    Raises:
        InvalidInputError: The cluster does not carry out a field that decides about requests, and nobody assumed it
            to be inert. What has files and lines is found when the Experiment is loaded for the cluster.
    """
    looked = FieldReview(check, frozenset(each.field for each in experiment.assumed), experiment.ingress)
    told: dict[tuple[str, str], None] = {}
    for cell in experiment.cells:
        manifests = cell.configuration.manifests
        for manifest in manifests:
            told |= {_told(found, _named(manifest)): None for found in looked.refused(manifest, manifests)}
        told |= dict.fromkeys(looked.refused_after(cell.change, cell.configuration))
    if told:
        raise InvalidInputError([Problem(message, experiment.source, hint=hint) for message, hint in told])
    return replace(experiment, assumed=looked.assumed, inert=looked.inert)


def _named(manifest: Manifest) -> str:
    return f"{manifest.get('kind')} {name_of(manifest)}"


def check_assumed(names: Iterable[str], experiments: Iterable[Experiment]) -> None:
    """Make sure that each name of ``--assume-inert`` is that of a field that is refused otherwise.

    Args:
        names: As the user gave them.
        experiments: The Experiment, as it was read for each controller that it will run behind.

    Raises:
        InvalidInputError: With every name that no such field has.
    """
    known = sorted({each.field for experiment in experiments for each in experiment.assumed})
    problems = [
        Problem(f"--assume-inert {name}: no field of that name is refused here", hint=near(name, known))
        for name in dict.fromkeys(names)
        if name not in known
    ]
    if problems:
        raise InvalidInputError(problems)


def _effect(found: Classified) -> str:
    return found.text if found.found is FieldClass.UNKNOWN else f"a real cluster {found.text}"


def _told(found: Classified, named: str) -> tuple[str, str]:
    """Return what is wrong with a refused field, and the ways out."""
    ways = f"remove it, use --cluster kind, or --assume-inert {found.field} for a verdict that is inconclusive at best"
    hint = f"{found.hint} Or {ways}" if found.hint else ways
    what = "is unknown" if found.found is FieldClass.UNKNOWN else "is not implemented by the embedded cluster"
    return f"{named}: {found.field} {what}: {_effect(found)}", hint


def _patched(spec: ChangeSpec, objects: Objects) -> Iterator[tuple[Manifest, Manifest]]:
    """Yield each object that a change patches, before and after, for every repetition that differs."""
    seen: list[Any] = []
    for number in range(1, spec.times + 1):
        found = _patched_once(spec, objects, number)
        if found is None or found[1] in seen:
            return
        seen.append(found[1])
        yield found


def _patched_once(spec: ChangeSpec, objects: Objects, number: int) -> tuple[Manifest, Manifest] | None:
    target = objects.find(spec.facts.target, spec.target_name) if spec.target_name else None
    patch = spec.patch_of(target, number) if target is not None else None
    if target is None or patch is None:
        return None
    merge = strategic_merge if patch.strategy == "strategic" else json_merge
    try:
        return target, merge(target, patch.body)
    except PatchError:
        return None  # The check of the change reports it.
