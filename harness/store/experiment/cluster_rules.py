"""What one kind of cluster does not take: asked while an Experiment is read, so that each answer gets its line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.errors import Problem
from harness.model.changes import ChangeSpec
from harness.model.experiment import Manifest

ImageCheck = Callable[[str], Problem | None]
ObjectCheck = Callable[[Manifest], Problem | None]
ChangeCheck = Callable[[ChangeSpec], Problem | None]


def takes_any(_subject: object) -> None:
    """Return no problem: whether the cluster takes it is known to the cluster alone."""


@dataclass(frozen=True, slots=True)
class ClusterRules:
    """The checks of one kind of cluster; each returns a problem without its place, or None.

    Attributes:
        image: Asked of the name of every image in the workload and in its updates.
        object: Asked of every object of the workload.
        change: Asked of every change.
    """

    image: ImageCheck = takes_any
    object: ObjectCheck = takes_any
    change: ChangeCheck = takes_any


#: The rules of a cluster that takes everything.
ANYTHING = ClusterRules()
