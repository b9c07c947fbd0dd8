"""Decide when a container that ended is started again, as the kubelet does.

The pause doubles with each start that follows a known end.
The kubelet looks at the end that it knew when its sync of the pod began.
After a crash, that is the crash.
After a failed liveness or startup probe, it stops and starts the container in one sync.
The end that it knew is then that of the run before, and before the first run there is none.
So two runs in a row can fail their probes without a pause.
"""

from __future__ import annotations

from dataclasses import dataclass

#: A container that has run for so many times the longest pause begins with the first pause again.
_FORGOTTEN = 2


@dataclass(slots=True)
class BackOff:
    """The pause of one container.

    Attributes:
        first: The first pause, in seconds.
        longest: The longest pause, in seconds.
        seconds: The pause after the end of a run; 0 before the first start that follows a known end.
    """

    first: float
    longest: float
    seconds: float = 0.0
    _counted: float = 0.0

    def left(self, ended: float | None, now: float) -> float:
        """Return the seconds for which the container may not be started yet; 0 if it may.

        Args:
            ended: Time of the end that the kubelet knows; None if it knows of none.
            now: Time of its sync.
        """
        if ended is None or self._is_forgotten(ended):
            return 0.0
        return max(0.0, ended + self.seconds - now)

    def count(self, ended: float | None, now: float) -> None:
        """Count a start that follows a known end: the next pause is twice as long."""
        if ended is None:
            return
        doubled = 0.0 if self._is_forgotten(ended) else 2 * self.seconds
        self.seconds = min(doubled or self.first, self.longest)
        self._counted = now

    def _is_forgotten(self, ended: float) -> bool:
        return self.seconds > 0 and ended - self._counted > _FORGOTTEN * self.longest
