"""Times at which the kubelet relists a pod's containers and acts on the result.

The kubelet lists containers once a second and syncs a pod after a relist. It therefore reports at a relist that a
container runs or has ended, not at the moment it happens. A change that arrives while a pod waits for the next relist
waits too, such as the deletion of a pod that has just become ready. A pod's relists are whole periods after the first
one, which finds its containers running.
"""

from __future__ import annotations

import math

#: Number of relists for which the kubelet is busy with a new pod: the first, which finds it running, and the next two.
_BUSY_RELISTS = 3


class RelistTimes:
    """The relist times of one pod, on the loop's clock.

    Args:
        period: Seconds between two relists; 0 for a kubelet that sees every change at once.
        first: Time of the first relist that finds the pod's containers running.

    Attributes:
        first: The same, or a later relist if the containers started late.
    """

    def __init__(self, period: float, first: float) -> None:
        self._period = period
        self.first = first

    def begin(self, now: float) -> float:
        """Return the time at which a container that starts now is first reported running.

        That is the first relist, or the next one if the container starts later.
        """
        self.first = self.next(now)
        return self.first

    def next(self, now: float) -> float:
        """Return the first relist that is not before ``now``."""
        if now <= self.first or self._period <= 0:
            return max(now, self.first)
        return self.first + math.ceil((now - self.first) / self._period) * self._period

    def following(self, now: float) -> float:
        """Return the relist after the one at about ``now``."""
        return self.next(now + self._period / 2)

    def sync(self, now: float) -> float:
        """Return the time at which the kubelet acts on a probe result: at once, unless it is busy with the pod."""
        return self.next(now) if now < self.first + (_BUSY_RELISTS - 1) * self._period else now

    def stop(self, now: float) -> float:
        """Return the time at which the kubelet begins to stop a pod that is marked for deletion now.

        It finishes the sync that began at one relist, and starts the next sync at the relist after that.
        """
        if now < self.first or self._period <= 0:
            return now
        passed = (now - self.first) / self._period
        if passed >= _BUSY_RELISTS:
            return now
        return self.first + min(math.floor(passed) + 2, _BUSY_RELISTS) * self._period
