"""Rules of one kind of cluster, applied while an Experiment is checked, so that each problem has a line."""

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
    """Return no problem: only the cluster itself can refuse this."""


def any_field(_manifest: Manifest, _ingress: str, _objects: Sequence[Manifest]) -> Sequence[Classified]:
    """Refuse no field: a real cluster implements all of them."""
    return ()


@dataclass(frozen=True, slots=True)
class ClusterRules:
    """The checks of one kind of cluster; each returns a problem without its place, or None.

    Attributes:
        image: Checks the name of every image in the workload and in its updates.
        object: Checks every object of the workload.
        change: Checks every change.
        fields: Classifies the fields of every object of the workload, before and after changes.
    """

    image: ImageCheck = takes_any
    object: ObjectCheck = takes_any
    change: ChangeCheck = takes_any
    fields: FieldCheck = any_field


#: The rules of a cluster that accepts everything.
ANYTHING = ClusterRules()
