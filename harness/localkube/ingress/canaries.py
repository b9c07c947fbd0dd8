"""Which backend is whose canary, and whose sessions it shares: ingress-nginx's merging of alternative backends.

A canary Ingress makes no location of its own. Its backend stands beside those that a main Ingress has at the same host,
path and kind of path; without such a one it serves nothing (``mergeAlternativeBackends`` in ingress-nginx v1.11).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from harness.localkube.ingress.paths import IngressPath
from harness.localkube.ingress.shaping import Affinity

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Placing:
    """The paths of all Ingresses, put in their places.

    Attributes:
        served: The path that counts, by its place; main Ingresses' only.
        makers: By backend, the path it is made from: the oldest that names it. A backend that a canary Ingress named
            first is nobody's main backend.
        alternatives: By backend, those that stand beside it; requests are shared with the first alone.
        affinity: By backend, what keeps its sessions.
    """

    served: dict[tuple[str, str, str], IngressPath] = field(default_factory=dict)
    makers: dict[str, IngressPath] = field(default_factory=dict)
    alternatives: dict[str, tuple[str, ...]] = field(default_factory=dict)
    affinity: dict[str, Affinity] = field(default_factory=dict)


def placed(paths: Iterable[IngressPath]) -> Placing:
    """Put paths in their places.

    Args:
        paths: Of all Ingresses, the oldest first.
    """
    placing = Placing()
    canaries: list[IngressPath] = []
    for path in paths:
        maker = placing.makers.setdefault(path.backend, path)
        if path.notes.canary is not None:
            canaries.append(path)
        elif maker.notes.canary is None:
            placing.served.setdefault(path.place, path)
            _keep_sessions(placing, path)
    for path in canaries:
        _stand_beside(placing, path)
    return placing


def _keep_sessions(placing: Placing, path: IngressPath) -> None:
    """A backend's cookie is what the last Ingress says that wants one; its mode what the first says."""
    if path.notes.affinity is None:
        return
    before = placing.affinity.get(path.backend, replace(path.notes.affinity, locations=()))
    placing.affinity[path.backend] = replace(
        path.notes.affinity, mode=before.mode, locations=(*before.locations, path.host + path.path)
    )


def _stand_beside(placing: Placing, canary: IngressPath) -> None:
    maker = placing.makers.get(canary.backend)
    if maker is None:  # Another path of the canary had no place, and took the backend with it.
        return
    if maker.notes.canary is None:
        _log.warning("ingress %s: %s is a main backend, and so no canary", canary.ingress, canary.backend)
        return
    main = placing.served.get(canary.place)
    if main is None:
        _log.warning("ingress %s: no main Ingress has %s%s", canary.ingress, canary.host, canary.path)
        if any(path.host == canary.host for path in placing.served.values()):
            del placing.makers[canary.backend]
        return
    beside = placing.alternatives.get(main.backend, ())
    if canary.backend in beside:
        return
    placing.alternatives[main.backend] = (*beside, canary.backend)
    if main.backend in placing.affinity and not canary.notes.legacy:
        placing.affinity[canary.backend] = placing.affinity[main.backend]
