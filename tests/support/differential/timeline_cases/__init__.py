"""The timeline cases, by what they are about. A case is data: a name and a script."""

from differential.running import Case
from differential.timeline_cases import controllers, kubelet, nginx, pods, traefik

CASES: tuple[Case, ...] = (*kubelet.CASES, *pods.CASES, *controllers.CASES, *nginx.CASES, *traefik.CASES)
#: The groups of cases.
GROUPS: tuple[str, ...] = tuple(dict.fromkeys(case.group for case in CASES))

__all__ = ["CASES", "GROUPS"]
