"""Says which replicas a HorizontalPodAutoscaler moves into its bounds: at the beginning, and after a change."""

from __future__ import annotations

from collections.abc import Iterator

from harness.experiment.objects import WorkloadObjects
from harness.experiment.stages import ResolvedExperiment
from harness.kube.autoscalers import ScaleBounds, bounds_of
from harness.kube.nested import at
from harness.model.changes import ChangeSpec
from harness.wording import plural


def autoscaler_notices(experiment: ResolvedExperiment) -> tuple[str, ...]:
    """Return a sentence for each number of replicas that an autoscaler does not leave as it is, each once."""
    found: dict[str, None] = {}
    for row in experiment.configurations:
        objects = experiment.objects_of(row)
        for bounds in bounds_of(objects.manifests):
            for sentence in _of_workload(bounds, objects):
                found[sentence] = None
            for cell in row.cells:
                for part in cell.change.spec.parts:
                    for sentence in _of_change(bounds, part, objects):
                        found[sentence] = None
    return tuple(found)


def _of_workload(bounds: ScaleBounds, objects: WorkloadObjects) -> Iterator[str]:
    target = objects.find(bounds.kind, bounds.target)
    replicas = at(target, "spec", "replicas")
    before = 1 if replicas is None else replicas
    if target is not None and isinstance(before, int) and (after := bounds.moved(before)) is not None:
        what = f"{bounds.kind} {bounds.target} from {before} to {plural(after, 'replica')}"
        yield f"HorizontalPodAutoscaler {bounds.name} moves {what}; the requests begin after that"


def _of_change(bounds: ScaleBounds, spec: ChangeSpec, objects: WorkloadObjects) -> Iterator[str]:
    same = (spec.target.value, spec.target_name) == (bounds.kind, bounds.target)
    target = objects.find(bounds.kind, bounds.target)
    patch = spec.patch_of(target, 1) if same and target is not None else None
    asked = at(patch.body, "spec", "replicas") if patch is not None else None
    if isinstance(asked, int) and (after := bounds.moved(asked)) is not None:
        what = f"{bounds.kind} {bounds.target} from {asked} to {plural(after, 'replica')}"
        yield (
            f"{spec.name}: HorizontalPodAutoscaler {bounds.name} moves {what} within about 15 s of the change; "
            "remove the autoscaler, or give the change a number within its bounds"
        )
