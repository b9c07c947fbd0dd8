"""Compute the next size of each ReplicaSet during a rollout. Pure.

Each number decides if a request finds a ready pod, so rounding and order are the same as in Kubernetes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.kube.shares import resolve


@dataclass(frozen=True, slots=True)
class SetSize:
    """The numbers of a ReplicaSet that the rollout computes with.

    Attributes:
        name: Its name.
        desired: ``spec.replicas``.
        available: ``status.availableReplicas``.
        age: Sort key: older ReplicaSets have smaller values.
        largest: The Deployment's replicas plus surge when it was last resized (``max-replicas``); 0 if unknown.
    """

    name: str
    desired: int
    available: int
    age: str = ""
    largest: int = 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of a rolling update, relative to the number of replicas.

    Attributes:
        replicas: Number of pods wanted.
        surge: Number of pods allowed beyond that.
        unavailable: Number of pods that may be unavailable.
    """

    replicas: int
    surge: int
    unavailable: int

    @property
    def most(self) -> int:
        """Return the largest number of pods allowed at once."""
        return self.replicas + self.surge

    @property
    def fewest(self) -> int:
        """Return the smallest number of pods that must be available."""
        return self.replicas - self.unavailable


def resolve_bounds(replicas: int, max_surge: int | str, max_unavailable: int | str) -> Bounds:
    """Resolve numbers or percentages to numbers.

    Surge is rounded up, unavailable down. If both are 0, unavailable becomes 1.
    """
    surge = resolve(max_surge, replicas, up=True)
    unavailable = resolve(max_unavailable, replicas, up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return Bounds(replicas, surge, min(unavailable, replicas))


def new_size(bounds: Bounds, new_desired: int, all_desired: int) -> int:
    """Return the next size of the new ReplicaSet: as many pods as the limit on pods at once allows."""
    if new_desired >= bounds.replicas:
        return bounds.replicas
    room = max(0, bounds.most - all_desired)
    return min(new_desired + room, bounds.replicas)


def next_rolling(bounds: Bounds, new: SetSize, olds: Sequence[SetSize]) -> Mapping[str, int]:
    """Return the next step of a rolling update: the sizes that change, by name; empty if nothing may change now.

    The new ReplicaSet grows first. The old ones shrink only in a step in which the new one does not change.
    """
    everything = sum(old.desired for old in olds) + new.desired
    size = new_size(bounds, new.desired, everything)
    if size != new.desired:
        return {new.name: size}
    return _shrink_olds(bounds, new, olds, everything)


def _shrink_olds(bounds: Bounds, new: SetSize, olds: Sequence[SetSize], everything: int) -> Mapping[str, int]:
    allowed = everything - bounds.fewest - (new.desired - new.available)
    if allowed <= 0:
        return {}
    sizes = {old.name: old.desired for old in olds}
    # Unavailable pods serve no requests, so they are removed first.
    for old in sorted(olds, key=lambda each: each.age):
        gone = min(allowed, max(0, old.desired - old.available))
        sizes[old.name] -= gone
        allowed -= gone
    available = new.available + sum(min(old.available, sizes[old.name]) for old in olds)
    spare = available - bounds.fewest
    for old in sorted(olds, key=lambda each: each.age):
        gone = max(0, min(spare, sizes[old.name]))
        sizes[old.name] -= gone
        spare -= gone
    return {old.name: sizes[old.name] for old in olds if sizes[old.name] != old.desired}


def next_scaled(bounds: Bounds, new: SetSize | None, olds: Sequence[SetSize]) -> Mapping[str, int]:
    """Return the sizes that change when the Deployment is scaled.

    A single active ReplicaSet takes the whole change; several share it in proportion.

    Args:
        bounds: The new numbers.
        new: The ReplicaSet of the current template, if there is one.
        olds: All others.
    """
    all_sets = [*olds, *([new] if new else [])]
    active = [each for each in all_sets if each.desired > 0]
    if len(active) <= 1:
        target = active[0] if active else new
        return {target.name: bounds.replicas} if target and target.desired != bounds.replicas else {}
    if new is not None and new.desired == bounds.replicas and new.available == bounds.replicas:
        return {old.name: 0 for old in olds if old.desired}
    return _proportional(bounds, active)


def _proportional(bounds: Bounds, active: Sequence[SetSize]) -> Mapping[str, int]:
    most = bounds.most if bounds.replicas else 0
    left = most - sum(each.desired for each in active)
    # The largest comes first. Among equals, the newest grows first and the oldest shrinks first.
    by_age = sorted(active, key=lambda each: each.age, reverse=left > 0)
    ordered = sorted(by_age, key=lambda each: -each.desired)
    sizes = {}
    for each in ordered:
        step = proportion(bounds, each, left) if left else 0
        sizes[each.name] = each.desired + step
        left -= step
    first = ordered[0].name
    sizes[first] = max(0, sizes[first] + left)
    return {each.name: sizes[each.name] for each in ordered if sizes[each.name] != each.desired}


def proportion(bounds: Bounds, one: SetSize, left: int) -> int:
    """Return the part of a change of the Deployment's size that a ReplicaSet takes, as Kubernetes rounds it.

    Args:
        bounds: The new numbers.
        one: The ReplicaSet; it has pods.
        left: The change that the ReplicaSets before it have left: pods to add, or a negative number.
    """
    wanted = -one.desired
    if bounds.replicas:
        # Halves are rounded away from zero.
        wanted += math.floor(one.desired * bounds.most / (one.largest or bounds.replicas) + 0.5)
    return min(wanted, left) if left > 0 else max(wanted, left)
