"""Reads the bounds of HorizontalPodAutoscalers, into which they move the replicas of their targets.

For this an autoscaler needs no metric. Within its bounds, the load decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.kube.manifests import name_of


@dataclass(frozen=True, slots=True)
class ScaleBounds:
    """The bounds of one autoscaler.

    Attributes:
        name: Name of the autoscaler.
        kind: Kind of its target.
        target: Name of its target.
        smallest: Least number of replicas.
        largest: Greatest number of replicas.
    """

    name: str
    kind: str
    target: str
    smallest: int
    largest: int

    def moved(self, replicas: int) -> int | None:
        """Return the number of replicas that the autoscaler sets; None if it does not change ``replicas``."""
        if self.smallest <= replicas <= self.largest or (replicas == 0 and self.smallest != 0):
            return None
        return self.smallest if replicas < self.smallest else self.largest


def bounds_of(objects: Iterable[Mapping[str, Any]]) -> Iterator[ScaleBounds]:
    """Yield the bounds of each autoscaler; values of wrong types are another check's problem."""
    for each in objects:
        spec = each.get("spec") if each.get("kind") == "HorizontalPodAutoscaler" else None
        target = spec.get("scaleTargetRef") if isinstance(spec, Mapping) else None
        if not isinstance(spec, Mapping) or not isinstance(target, Mapping):
            continue
        smallest, largest = spec.get("minReplicas", 1), spec.get("maxReplicas")
        if isinstance(smallest, int) and isinstance(largest, int):
            yield ScaleBounds(name_of(each), str(target.get("kind")), str(target.get("name")), smallest, largest)
