"""Objects outside of namespaces: a run on a shared cluster makes none, since they change it for others and stay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.errors import InvalidInputError, Problem
from harness.kube.api import KubeApi
from harness.kube.errors import NotFoundError
from harness.kube.manifests import name_of
from harness.kube.scopes import is_cluster_scoped

HINT = "create it yourself beforehand, or leave it out of the workload, or run on the embedded cluster: --cluster local"


def check_object(manifest: Mapping[str, Any]) -> Problem | None:
    """Return the problem of an object of Kubernetes' own kinds outside of namespaces; None where there is none.

    Kinds that others have added are known to the API server alone; ``refuse_cluster_scoped`` asks it.
    """
    return _problem(manifest) if is_cluster_scoped(manifest) else None


def refuse_cluster_scoped(kube: KubeApi, manifests: Sequence[Mapping[str, Any]]) -> None:
    """Check with the API server that every object of a workload lives in namespaces.

    Raises:
        InvalidInputError: Naming every object that does not, and every object of a kind that is not served.
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
            yield Problem(f"{_title(manifest)}: the cluster serves no kind {manifest.get('kind')} of {version}")


def _problem(manifest: Mapping[str, Any]) -> Problem:
    message = f"{_title(manifest)} lives outside of namespaces: it would change this cluster for others, and stay"
    return Problem(message, hint=HINT)


def _title(manifest: Mapping[str, Any]) -> str:
    return f"{manifest.get('kind')} {name_of(manifest)}".strip()
