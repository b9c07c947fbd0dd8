"""Refuses cluster-scoped objects on shared clusters: they would affect others, and would not be removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.errors import InvalidInputError, Problem
from harness.kube.api import KubeApi
from harness.kube.errors import NotFoundError
from harness.kube.manifests import name_of
from harness.kube.scopes import is_cluster_scoped

HINT = "create it before the run, remove it from the workload, or run on the embedded cluster: --cluster local"


def check_object(manifest: Mapping[str, Any]) -> Problem | None:
    """Return the problem of a cluster-scoped object of a built-in kind; None for any other object.

    Only the API server knows the scope of custom kinds; ``refuse_cluster_scoped`` asks it.
    """
    return _problem(manifest) if is_cluster_scoped(manifest) else None


def refuse_cluster_scoped(kube: KubeApi, manifests: Sequence[Mapping[str, Any]]) -> None:
    """Check with the API server that every object of a workload is namespaced.

    Raises:
        InvalidInputError: Names every cluster-scoped object, and every object of a kind that is not served.
    """
    problems = list(_problems(kube, manifests))
    if problems:
        raise InvalidInputError(problems)


def _problems(kube: KubeApi, manifests: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    for manifest in manifests:
        try:
            if not kube.is_namespaced(manifest):
                yield _problem(manifest)
        except NotFoundError:
            version = manifest.get("apiVersion")
            yield Problem(f"{_title(manifest)}: the cluster has no kind {manifest.get('kind')} in {version}")


def _problem(manifest: Mapping[str, Any]) -> Problem:
    message = f"{_title(manifest)} is cluster-scoped: it would affect others on this cluster, and stay after the run"
    return Problem(message, hint=HINT)


def _title(manifest: Mapping[str, Any]) -> str:
    return f"{manifest.get('kind')} {name_of(manifest)}".strip()
