"""The timeline cases, by what they are about. A case is data: a name and a script."""

from differential.running import Case
from differential.timeline_cases import controllers, kubelet, pods

CASES: tuple[Case, ...] = (*kubelet.CASES, *pods.CASES, *controllers.CASES)

__all__ = ["CASES"]
