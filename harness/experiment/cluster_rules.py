"""What one kind of cluster does not take: asked while an Experiment is read, so that each answer gets its line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.errors import Problem
from harness.kube.fieldclasses import Classified
from harness.model.changes import ChangeSpec
from harness.model.experiment import Manifest

ImageCheck = Callable[[str], Problem | None]
ObjectCheck = Callable[[Manifest], Problem | None]
ChangeCheck = Callable[[ChangeSpec], Problem | None]
#: Classify the fields of an object, given the ingress controller's word and all objects of the workload.
FieldCheck = Callable[[Manifest, str, Sequence[Manifest]], Sequence[Classified]]


def takes_any(_subject: object) -> None:
    """Return no problem: whether the cluster takes it is known to the cluster alone."""


def any_field(_manifest: Manifest, _ingress: str, _objects: Sequence[Manifest]) -> Sequence[Classified]:
    """Refuse no field: a real cluster carries all of them out."""
    return ()


@dataclass(frozen=True, slots=True)
class ClusterRules:
    """The checks of one kind of cluster; each returns a problem without its place, or None.

    Attributes:
        image: Asked of the name of every image in the workload and in its updates.
        object: Asked of every object of the workload.
        change: Asked of every change.
        fields: Asked of every object of the workload, as it is and as changes make it.
    """

    image: ImageCheck = takes_any
    object: ObjectCheck = takes_any
    change: ChangeCheck = takes_any
    fields: FieldCheck = any_field


#: The rules of a cluster that takes everything.
ANYTHING = ClusterRules()
