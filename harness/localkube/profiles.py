"""Delays of a real cluster, step by step: measured facts about the system under test, not settings to tune.

Verdicts depend on these delays. For example, a preStop of 3 s is enough only if the ingress learns of the replacement
pod early enough. The ``kind`` profile holds distributions that ``bench/fidelity.py`` measured on a real kind cluster.
Each delay is injected in the component that causes it in a real cluster. It is reduced by the time that our own
component needs for the same step, so that the end-to-end times match the measurement.
``docs/explanation/measurements.md`` compares both.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, init=False)
class Delay:
    """A delay, given by its measured distribution.

    Attributes:
        quantiles: Seconds at evenly spaced quantiles. The first is the minimum, the last the maximum, a middle one the
            median.

    Raises:
        ValueError: There are no quantiles, one is negative, or they are not in ascending order.
    """

    quantiles: tuple[float, ...]

    def __init__(self, *quantiles: float) -> None:
        object.__setattr__(self, "quantiles", quantiles)
        if not quantiles or quantiles[0] < 0 or any(a > b for a, b in itertools.pairwise(quantiles)):
            raise ValueError(f"a delay needs quantiles in ascending order, none below 0, not {quantiles}")

    def at(self, share: float) -> float:
        """Return the quantile in seconds for a share from 0 to 1, interpolated linearly."""
        place = share * (len(self.quantiles) - 1)
        lower = int(place)
        upper = min(lower + 1, len(self.quantiles) - 1)
        return self.quantiles[lower] + (self.quantiles[upper] - self.quantiles[lower]) * (place - lower)

    def sample(self, rng: random.Random) -> float:
        """Return a random delay in seconds, drawn from the measured distribution."""
        return self.at(rng.random())

    def less(self, seconds: float) -> Delay:
        """Return this delay reduced by a time that passes anyway, at least 0."""
        return Delay(*(max(0.0, value - seconds) for value in self.quantiles))


_NONE = Delay(0)


@dataclass(frozen=True, slots=True)
class Profile:
    """The delays of one kind of cluster, in seconds.

    Attributes:
        name: Name by which a user selects it.
        container_start: Kubelet: from seeing the pod to the start of its containers; never later than ``startup``.
        startup: Kubelet: from seeing the pod to the status that has the pod IP and says that the container runs. A
            container without a readiness probe is Ready in that status.
        probe_ticks: Kubelet: from seeing the pod to the moment from which the periods of its probes are counted.
        first_probe: Kubelet: from that status to the first readiness probe. In between, the EndpointSlice lists the pod
            as not ready.
        relist: Kubelet: seconds between two relists of the containers; 0 if it sees every change at once.
        restart: Kubelet: from the status that says a container terminated to the start of its replacement.
        resync: Kubelet: from one sync of a pod that cannot make progress to the next.
        pod_sync: Kubelet: from one periodic sync of a running pod to the next, which updates its volumes.
        stop: Kubelet: from the mark for deletion to SIGTERM, if there is no preStop hook.
        hook: Kubelet: from the mark for deletion to the beginning of the preStop hook.
        stop_after_hook: Kubelet: from the end of the preStop hook to SIGTERM.
        network: Kubelet: from the end of a terminating pod's container to the removal of its network. Connections are
            refused before the removal and get no answer after it.
        stopped: Kubelet: from the removal of the network to the pod status that says the container has stopped.
        removal: Kubelet: from the status that says the last container has stopped to the final deletion of the object.
        rollout_step: Deployment controller: from a changed ReplicaSet status to the next step of the rollout.
        endpoints: EndpointSlice controller: from a changed pod or Service to the updated slice.
        endpoints_terminating: EndpointSlice controller: from a pod's mark for deletion to the updated slice.
        ingress_sync_rate: Ingress controller: syncs per second, in the long run.
        ingress_sync_burst: Ingress controller: number of syncs that may follow each other without a pause.
        ingress_timer: Ingress data plane: seconds between two reads of the endpoints by an nginx worker.
        crash_backoff: Kubelet: shortest time before the second restart of a container; it doubles with each restart.
        longest_backoff: Kubelet: upper limit of that time.
    """

    name: str
    container_start: Delay
    startup: Delay
    probe_ticks: Delay
    first_probe: Delay
    relist: float
    restart: Delay
    resync: Delay
    pod_sync: Delay
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
        """Return the profile of this name from ``PROFILES``; raise ``KeyError`` if there is none."""
        return PROFILES[name]


#: Seconds that our own API server, client and queues need for a step. They pass anyway, so delays are reduced by them.
_OWN_LATENCY = 0.01

# Measured by bench/fidelity.py on 2026-11-23 between 01:51 and 02:04 UTC, on an otherwise idle machine with two cores:
# kind v0.33, Kubernetes 1.34.4, the 16 cells of experiments/sabotage-rollout.yaml. The numbers are evenly spaced
# quantiles. The comments give the step's name in docs/explanation/measurements.md and the number of samples.
_POD_READY_TO_ENDPOINTS = Delay(0.001, 0.007, 0.012, 0.016, 0.018, 0.025, 0.031, 0.035, 0.036, 0.082, 0.626)  # 29
_MARKED_TO_ENDPOINTS = Delay(0.002, 0.010, 0.015, 0.017, 0.020, 0.023, 0.027, 0.034, 0.043, 0.051, 0.060)  # 26
_MARKED_TO_REFUSED = Delay(0.003, 0.004, 0.041)  # 3; the status says "stopped" 0.33 to 0.48 s after the mark
# fmt: off
_CREATED_TO_RUNNING_STATUS = Delay(  # "in the endpoints, not ready", 25; two peaks: one relist per second
    0.874, 0.880, 0.888, 0.936, 0.937, 0.954, 0.992, 1.169, 1.534, 1.548, 1.596,
    1.621, 1.628, 1.689, 1.700, 1.713, 1.749, 1.906, 1.933, 2.112, 2.152,
)
_RUNNING_STATUS_TO_READY = Delay(  # 25; readiness period 1 s: about one pod in eight fails its first probe
    0.001, 0.002, 0.007, 0.010, 0.010, 0.011, 0.012, 0.017, 0.017, 0.019, 0.024,
    0.026, 0.026, 0.040, 0.051, 0.058, 0.064, 0.072, 0.961, 0.963, 0.994,
)
# fmt: on
#: First refused request to first unanswered request, and from there to the status; 8 pods without a preStop.
#: Both together last as long as "end of a preStop -> container stopped" (20: 0.35 to 0.82, median 0.48).
_REFUSED_TO_BLACK_HOLE = Delay(0.149, 0.168, 0.262, 0.294, 0.320, 0.320, 0.370, 0.427)
_BLACK_HOLE_TO_STOPPED = Delay(0.108, 0.123, 0.139, 0.140, 0.164, 0.199, 0.213, 0.234)
# Measured on 2026-11-29 on the same kind of cluster by an application that logs its start and each probe: 14 pods, and
# 8 more pods whose container crashed three times.
_CREATED_TO_STARTED = Delay(0.558, 0.627, 0.643, 0.655, 0.663, 0.677, 0.762).less(0.04)
_CREATED_TO_TICKS = Delay(0.310, 0.326, 0.335, 0.352, 0.383)
_TERMINATED_STATUS_TO_RESTARTED = Delay(0.05, 0.08, 0.11, 0.21)
#: The kubelet retries a pod that cannot make progress after 10 s plus up to half of that.
_SYNC_TO_SYNC = Delay(10, 15)
#: Not measured: the kubelet's default, 60 s plus up to half of that. Its other syncs of a pod are left out, so that an
#: update never comes earlier than on a real cluster.
_PERIODIC_SYNC = Delay(60, 90)
#: The beginning of a hook cannot be observed. These values are an assumption that agrees with all measurements.
_MARKED_TO_HOOK = Delay(0.02, 0.05, 0.10)

_KIND = Profile(
    name="kind",
    startup=_CREATED_TO_RUNNING_STATUS.less(_POD_READY_TO_ENDPOINTS.at(0.5) + 3 * _OWN_LATENCY),
    container_start=_CREATED_TO_STARTED,
    probe_ticks=_CREATED_TO_TICKS,
    first_probe=_RUNNING_STATUS_TO_READY,
    relist=1.0,
    restart=_TERMINATED_STATUS_TO_RESTARTED,
    resync=_SYNC_TO_SYNC,
    pod_sync=_PERIODIC_SYNC,
    stop=_MARKED_TO_REFUSED,
    hook=_MARKED_TO_HOOK,
    stop_after_hook=_MARKED_TO_REFUSED,
    network=_REFUSED_TO_BLACK_HOLE,
    stopped=_BLACK_HOLE_TO_STOPPED,
    # "Container stopped -> object gone", 29.
    removal=Delay(0.127, 0.340, 0.394, 0.400, 0.448, 0.479, 0.490, 0.541, 0.565, 0.610, 0.812).less(2 * _OWN_LATENCY),
    # "New pod ready -> old pod marked", 26: through the ReplicaSet's status, the Deployment, and the ReplicaSet again.
    rollout_step=Delay(0.000, 0.027, 0.043, 0.050, 0.059, 0.062, 0.070, 0.084, 0.108, 0.126, 0.220).less(
        1.5 * _OWN_LATENCY
    ),
    endpoints=_POD_READY_TO_ENDPOINTS.less(0.003),
    endpoints_terminating=_MARKED_TO_ENDPOINTS.less(0.002),
    # Constants of ingress-nginx: --sync-rate-limit, the queue's burst, the timer in its Lua code.
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
    pod_sync=Delay(0.1),
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

#: All profiles by name: ``kind`` as measured, ``instant`` without delays for tests that do not depend on timing.
PROFILES: Mapping[str, Profile] = {profile.name: profile for profile in (_KIND, _INSTANT)}
