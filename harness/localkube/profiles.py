"""How long a real cluster takes for each step: facts about the system under test, measured, not settings to tune.

Verdicts depend on these delays: whether a preStop of 3 s is enough is decided by how late the ingress learns of the
pod that replaces the old one. The ``kind`` profile holds distributions that ``bench/fidelity.py`` measured on a real
kind cluster. Each delay is injected in the part that causes it in a real cluster, lessened by what our own part needs
for the same step, so that the end-to-end times come out as measured.
``docs/explanation/measurements.md`` has both side by side.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, init=False)
class Delay:
    """A delay by its measured distribution.

    Attributes:
        quantiles: Seconds, below which even shares of all that was measured lie: the first is the least, the last the
            greatest, one in the middle the median.

    Raises:
        ValueError: There are none, one is negative, or they are not in order.
    """

    quantiles: tuple[float, ...]

    def __init__(self, *quantiles: float) -> None:
        object.__setattr__(self, "quantiles", quantiles)
        if not quantiles or quantiles[0] < 0 or any(a > b for a, b in itertools.pairwise(quantiles)):
            raise ValueError(f"a delay needs quantiles in order, from 0 up, not {quantiles}")

    def at(self, share: float) -> float:
        """Seconds below which this share (0 to 1) of all delays lies; between two quantiles in proportion."""
        place = share * (len(self.quantiles) - 1)
        lower = int(place)
        upper = min(lower + 1, len(self.quantiles) - 1)
        return self.quantiles[lower] + (self.quantiles[upper] - self.quantiles[lower]) * (place - lower)

    def sample(self, rng: random.Random) -> float:
        """Seconds, as often short and long as was measured."""
        return self.at(rng.random())

    def less(self, seconds: float) -> Delay:
        """The delay without a part that passes anyway."""
        return Delay(*(max(0.0, value - seconds) for value in self.quantiles))


_NONE = Delay(0)


@dataclass(frozen=True, slots=True)
class Profile:
    """The delays of one kind of cluster, in seconds.

    Attributes:
        name: Name it is chosen by.
        container_start: Kubelet: pod seen to the start of its containers; never later than what follows.
        startup: Kubelet: pod seen to the running container's status, pod IP in it; Ready, where it has no probe.
        probe_ticks: Kubelet: pod seen to the moment from which the periods of its probes are counted.
        first_probe: Kubelet: from that status to the first readiness probe. The EndpointSlice gets the pod as not
            ready in between.
        relist: Kubelet: seconds between two looks at the containers; 0 if it sees everything at once.
        restart: Kubelet: container said to have ended to the start of the one that follows.
        resync: Kubelet: from one look at a pod that it can't go on with to the next.
        stop: Kubelet: pod marked for deletion to SIGTERM, where there is no preStop hook.
        hook: Kubelet: pod marked for deletion to the beginning of its preStop hook.
        stop_after_hook: Kubelet: end of the preStop hook to SIGTERM.
        network: Kubelet: container of a pod that is to go ended to the end of its network. Until then connections are
            refused, from then on nothing comes back.
        stopped: Kubelet: end of that network to the pod's status saying that the container has stopped.
        removal: Kubelet: last container said to have stopped to the object's final deletion.
        rollout_step: Deployment controller: a ReplicaSet's status changed to the next step of the rollout.
        endpoints: EndpointSlice controller: pod or Service changed to slice updated.
        endpoints_terminating: EndpointSlice controller: pod marked for deletion to slice updated.
        ingress_sync_rate: Ingress controller: syncs per second, in the long run.
        ingress_sync_burst: Ingress controller: syncs that may follow each other at once.
        ingress_timer: Ingress data plane: seconds between two looks of an nginx worker at the endpoints it was given.
        crash_backoff: Kubelet: least seconds before the second restart of a container; doubles each time.
        longest_backoff: Kubelet: where that doubling ends.
    """

    name: str
    container_start: Delay
    startup: Delay
    probe_ticks: Delay
    first_probe: Delay
    relist: float
    restart: Delay
    resync: Delay
    stop: Delay
    hook: Delay
    stop_after_hook: Delay
    network: Delay
    stopped: Delay
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

# Measured by bench/fidelity.py on 2026-11-23 between 01:51 and 02:04 UTC, while the machine (two cores) was quiet: kind
# v0.33, Kubernetes 1.34.4, the 16 cells of experiments/sabotage-rollout.yaml. The numbers are quantiles at even shares;
# behind each stands the step's name in docs/explanation/measurements.md, and how often it was seen.
_POD_READY_TO_ENDPOINTS = Delay(0.001, 0.007, 0.012, 0.016, 0.018, 0.025, 0.031, 0.035, 0.036, 0.082, 0.626)  # 29
_MARKED_TO_ENDPOINTS = Delay(0.002, 0.010, 0.015, 0.017, 0.020, 0.023, 0.027, 0.034, 0.043, 0.051, 0.060)  # 26
_MARKED_TO_REFUSED = Delay(0.003, 0.004, 0.041)  # 3; the status says "stopped" only 0.33 to 0.48 s after the mark
# fmt: off
_CREATED_TO_TOLD = Delay(  # "in the endpoints, not ready", 25; two humps, since the kubelet looks once a second
    0.874, 0.880, 0.888, 0.936, 0.937, 0.954, 0.992, 1.169, 1.534, 1.548, 1.596,
    1.621, 1.628, 1.689, 1.700, 1.713, 1.749, 1.906, 1.933, 2.112, 2.152,
)
_TOLD_TO_READY = Delay(  # 25; readiness period 1 s: about one pod in eight misses its first probe
    0.001, 0.002, 0.007, 0.010, 0.010, 0.011, 0.012, 0.017, 0.017, 0.019, 0.024,
    0.026, 0.026, 0.040, 0.051, 0.058, 0.064, 0.072, 0.961, 0.963, 0.994,
)
# fmt: on
#: From the first request that was refused to the first that waited in vain, 8 pods without a preStop, and from that to
#: the status; together as long as "end of a preStop -> container stopped" (20: 0.35 to 0.82, half of them up to 0.48).
_REFUSED_TO_SILENCE = Delay(0.149, 0.168, 0.262, 0.294, 0.320, 0.320, 0.370, 0.427)
_SILENCE_TO_STOPPED = Delay(0.108, 0.123, 0.139, 0.140, 0.164, 0.199, 0.213, 0.234)
# Measured on 2026-11-29 on the same kind of cluster by an application that logs its start and each probe: 14 pods, and
# 8 pods whose container crashed three times.
_CREATED_TO_STARTED = Delay(0.558, 0.627, 0.643, 0.655, 0.663, 0.677, 0.762).less(0.04)
_CREATED_TO_TICKS = Delay(0.310, 0.326, 0.335, 0.352, 0.383)
_TOLD_TO_RESTARTED = Delay(0.05, 0.08, 0.11, 0.21)
#: A pod that the kubelet can't go on with is tried again after 10 s and up to half of that more.
_SYNC_TO_SYNC = Delay(10, 15)
#: The beginning of a hook can't be seen; nothing that was measured speaks against these.
_MARKED_TO_HOOK = Delay(0.02, 0.05, 0.10)

_KIND = Profile(
    name="kind",
    startup=_CREATED_TO_TOLD.less(_POD_READY_TO_ENDPOINTS.at(0.5) + 3 * _OWN_LATENCY),
    container_start=_CREATED_TO_STARTED,
    probe_ticks=_CREATED_TO_TICKS,
    first_probe=_TOLD_TO_READY,
    relist=1.0,
    restart=_TOLD_TO_RESTARTED,
    resync=_SYNC_TO_SYNC,
    stop=_MARKED_TO_REFUSED,
    hook=_MARKED_TO_HOOK,
    stop_after_hook=_MARKED_TO_REFUSED,
    network=_REFUSED_TO_SILENCE,
    stopped=_SILENCE_TO_STOPPED,
    # "Container stopped -> object gone", 29.
    removal=Delay(0.127, 0.340, 0.394, 0.400, 0.448, 0.479, 0.490, 0.541, 0.565, 0.610, 0.812).less(2 * _OWN_LATENCY),
    # "New pod ready -> old pod marked", 26: ReplicaSet's status, Deployment, ReplicaSet again.
    rollout_step=Delay(0.000, 0.027, 0.043, 0.050, 0.059, 0.062, 0.070, 0.084, 0.108, 0.126, 0.220).less(
        1.5 * _OWN_LATENCY
    ),
    endpoints=_POD_READY_TO_ENDPOINTS.less(0.003),
    endpoints_terminating=_MARKED_TO_ENDPOINTS.less(0.002),
    # ingress-nginx's own: --sync-rate-limit, the queue's burst, the timer in its Lua.
    ingress_sync_rate=0.3,
    ingress_sync_burst=1,
    ingress_timer=1.0,
    crash_backoff=10,
    longest_backoff=300,
)

_INSTANT = Profile(
    name="instant",
    startup=_NONE,
    container_start=_NONE,
    probe_ticks=_NONE,
    first_probe=_NONE,
    relist=0,
    restart=_NONE,
    resync=Delay(0.1),
    stop=_NONE,
    hook=_NONE,
    stop_after_hook=_NONE,
    network=_NONE,
    stopped=_NONE,
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
