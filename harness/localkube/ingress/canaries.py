"""Assign canary backends to main backends, as ingress-nginx merges alternative backends.

A canary Ingress creates no location. Its backend becomes an alternative of the backends that a main Ingress has at the
same host, path and path type. Without such a main Ingress it serves nothing (``mergeAlternativeBackends`` in
ingress-nginx v1.11).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from harness.localkube.ingress.paths import IngressPath
from harness.localkube.ingress.traffic_shaping import Affinity

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class MergedPaths:
    """The paths of all Ingresses, merged.

    Attributes:
        served: The path that is served for each host, path and path type; only of main Ingresses.
        first_paths: The oldest path that names each backend, which defines the backend. A backend that a canary Ingress
            named first is not a main backend.
        alternatives: The alternative backends of each backend; only the first receives requests.
        affinity: The session affinity of each backend.
    """

    served: dict[tuple[str, str, str], IngressPath] = field(default_factory=dict)
    first_paths: dict[str, IngressPath] = field(default_factory=dict)
    alternatives: dict[str, tuple[str, ...]] = field(default_factory=dict)
    affinity: dict[str, Affinity] = field(default_factory=dict)


def merge_paths(paths: Iterable[IngressPath]) -> MergedPaths:
    """Merge paths of main and canary Ingresses.

    Args:
        paths: Paths of all Ingresses, the oldest first.
    """
    merged = MergedPaths()
    canaries: list[IngressPath] = []
    for path in paths:
        first = merged.first_paths.setdefault(path.backend, path)
        if path.annotations.canary is not None:
            canaries.append(path)
        elif first.annotations.canary is None:
            merged.served.setdefault(path.key, path)
            _keep_sessions(merged, path)
    for path in canaries:
        _add_alternative(merged, path)
    return merged


def _keep_sessions(merged: MergedPaths, path: IngressPath) -> None:
    """Set a backend's affinity: the cookie of the last Ingress that wants one, with the mode of the first."""
    if path.annotations.affinity is None:
        return
    before = merged.affinity.get(path.backend, replace(path.annotations.affinity, locations=()))
    merged.affinity[path.backend] = replace(
        path.annotations.affinity, mode=before.mode, locations=(*before.locations, path.host + path.path)
    )


def _add_alternative(merged: MergedPaths, canary: IngressPath) -> None:
    first = merged.first_paths.get(canary.backend)
    if first is None:  # Another path of the canary had no main path, so the backend was removed.
        return
    if first.annotations.canary is None:
        _log.warning("ingress %s: %s is a main backend and cannot be a canary", canary.ingress, canary.backend)
        return
    main = merged.served.get(canary.key)
    if main is None:
        _log.warning("ingress %s: no main Ingress has the path %s%s", canary.ingress, canary.host, canary.path)
        if any(path.host == canary.host for path in merged.served.values()):
            del merged.first_paths[canary.backend]
        return
    alternatives = merged.alternatives.get(main.backend, ())
    if canary.backend in alternatives:
        return
    merged.alternatives[main.backend] = (*alternatives, canary.backend)
    if main.backend in merged.affinity and not canary.annotations.legacy:
        merged.affinity[canary.backend] = merged.affinity[main.backend]
