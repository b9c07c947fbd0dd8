"""How long a real cluster takes for each step: facts about the system under test, measured, not settings to tune.

Verdicts depend on these delays: whether a preStop of 3 s is enough is decided by how late the ingress learns of the
pod that replaces the old one. The ``kind`` profile holds what was measured on a real kind cluster (Kubernetes 1.34, two
cores, idle, 30 trials pooled; readiness period 1 s). Each delay is injected in the part that causes it in a real
cluster, lessened by what our own part needs for the same step, so that the end-to-end times come out as measured.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

#: How fast the upper half of a delay thins out towards its maximum: with 4, three quarters of all samples lie within a
#: sixteenth of the way from the median to it. Many short ones and a few long ones, as was seen.
_TAIL = 4


@dataclass(frozen=True, slots=True)
class Delay:
    """A delay by its measured minimum, median and maximum, in seconds.

    Raises:
        ValueError: The three are not in order.
    """

    min: float
    median: float
    max: float

    def __post_init__(self) -> None:
        if not 0 <= self.min <= self.median <= self.max:
            raise ValueError(f"a delay needs 0 <= min <= median <= max, not {self}")

    def sample(self, rng: random.Random) -> float:
        """Seconds: half of all samples below the median, evenly; half above it, thinning out towards the maximum."""
        u = rng.random()
        if u < 0.5:
            return self.min + (self.median - self.min) * 2 * u
        return self.median + (self.max - self.median) * (2 * u - 1) ** _TAIL

    def less(self, seconds: float) -> Delay:
        """The delay without a part that passes anyway."""
        return Delay(*(max(0.0, value - seconds) for value in (self.min, self.median, self.max)))


_NONE = Delay(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Profile:
    """The delays of one kind of cluster, in seconds.

    Attributes:
        name: Name it is chosen by.
        startup: Kubelet: pod seen to its first readiness probe (or to Ready, where it has none).
        first_probe: Kubelet: the last part of ``startup``, from the running container's status, pod IP in it, to the
            first probe. The EndpointSlice gets the pod as not ready in between.
        stop: Kubelet: pod marked for deletion to SIGTERM, where there is no preStop hook.
        hook: Kubelet: pod marked for deletion to the beginning of its preStop hook.
        stop_after_hook: Kubelet: end of the preStop hook to SIGTERM.
        removal: Kubelet: last container stopped to the object's final deletion.
        rollout_step: Deployment controller: a ReplicaSet's status changed to the next step of the rollout.
        endpoints: EndpointSlice controller: pod or Service changed to slice updated.
        endpoints_terminating: EndpointSlice controller: pod marked for deletion to slice updated.
        ingress_sync_rate: Ingress controller: syncs per second, in the long run.
        ingress_sync_burst: Ingress controller: syncs that may follow each other at once.
        ingress_timer: Ingress data plane: seconds between two looks of an nginx worker at the endpoints it was given.
        crash_backoff: Kubelet: seconds before the first restart of a crashed container; doubles each time.
        longest_backoff: Kubelet: where that doubling ends.
    """

    name: str
    startup: Delay
    first_probe: Delay
    stop: Delay
    hook: Delay
    stop_after_hook: Delay
    removal: Delay
    rollout_step: Delay
    endpoints: Delay
    endpoints_terminating: Delay
    ingress_sync_rate: float
    ingress_sync_burst: int
    ingress_timer: float
    crash_backoff: float
    longest_backoff: float

    @staticmethod
    def by_name(name: str) -> Profile:
        """The profile of this name; raises ``KeyError`` if there is none (``PROFILES`` has all)."""
        return PROFILES[name]


#: What our own API server, client and queues need for a step, seconds: passes anyway, so it is not waited for again.
_OWN_LATENCY = 0.01

_KIND = Profile(
    name="kind",
    # Measured from the pod's creation to Ready, with a readiness probe every second.
    startup=Delay(0.85, 0.96, 1.92).less(3 * _OWN_LATENCY),
    first_probe=Delay(0.05, 0.10, 0.20),
    stop=Delay(0.22, 0.35, 0.62).less(_OWN_LATENCY),
    hook=Delay(0.02, 0.05, 0.10),
    stop_after_hook=Delay(0.25, 0.35, 0.50).less(_OWN_LATENCY),
    removal=Delay(0.30, 0.57, 0.74).less(2 * _OWN_LATENCY),
    # Measured from the new pod Ready to the old one marked: ReplicaSet's status, Deployment, ReplicaSet again.
    rollout_step=Delay(0.021, 0.039, 0.112).less(1.5 * _OWN_LATENCY),
    endpoints=Delay(0.003, 0.033, 0.44).less(0.003),
    endpoints_terminating=Delay(0.002, 0.022, 0.93).less(0.002),
    ingress_sync_rate=0.3,
    ingress_sync_burst=1,
    ingress_timer=1.0,
    crash_backoff=10,
    longest_backoff=300,
)

_INSTANT = Profile(
    name="instant",
    startup=_NONE,
    first_probe=_NONE,
    stop=_NONE,
    hook=_NONE,
    stop_after_hook=_NONE,
    removal=_NONE,
    rollout_step=_NONE,
    endpoints=_NONE,
    endpoints_terminating=_NONE,
    ingress_sync_rate=1000,
    ingress_sync_burst=100,
    ingress_timer=0.02,
    crash_backoff=0.1,
    longest_backoff=0.4,
)

#: All profiles by name: ``kind`` as measured, ``instant`` for tests of what happens rather than when.
PROFILES: Mapping[str, Profile] = {profile.name: profile for profile in (_KIND, _INSTANT)}
