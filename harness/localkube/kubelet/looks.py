"""When the kubelet looks at a pod: it lists its containers once a second, and works on a pod after a list.

So it tells that a container runs or has ended at one of these looks, and not when it happens. What comes while it still
waits for the next list of a pod, such as the deletion of a pod that has just become ready, waits as well. The looks of
a pod are whole periods after its first one, at which its containers are said to run.
"""

from __future__ import annotations

import math

#: Looks for which the kubelet is busy with a new pod: it works on the pod at the first one, when it is told that the
#: pod runs, and at the two that follow.
_BUSY = 3


class Looks:
    """The moments at which the kubelet looks at one pod, on the loop's clock.

    Args:
        period: Seconds between two looks; 0 for a kubelet that sees everything at once.
        first: When it first finds the pod's containers running.

    Attributes:
        first: The same; later if the containers were late.
    """

    def __init__(self, period: float, first: float) -> None:
        self._period = period
        self.first = first

    def begin(self, now: float) -> float:
        """Return when a container that starts now is first said to run: at the first look, or now if it is late."""
        self.first = max(self.first, now)
        return self.first

    def next(self, now: float) -> float:
        """Return the first look that is not before a moment."""
        if now <= self.first or self._period <= 0:
            return max(now, self.first)
        return self.first + math.ceil((now - self.first) / self._period) * self._period

    def following(self, now: float) -> float:
        """Return the look after the one that is at about this moment."""
        return self.next(now + self._period / 2)

    def sync(self, now: float) -> float:
        """Return when the kubelet acts on a probe's result of this moment: at once, unless it is busy with the pod."""
        return self.next(now) if now < self.first + (_BUSY - 1) * self._period else now

    def stop(self, now: float) -> float:
        """Return when the kubelet begins to stop a pod that is marked for deletion now.

        It finishes the work that it has begun at one look, and begins with what is new at the look after that.
        """
        if now < self.first or self._period <= 0:
            return now
        passed = (now - self.first) / self._period
        if passed >= _BUSY:
            return now
        return self.first + min(math.floor(passed) + 2, _BUSY) * self._period
