"""Refuses cluster-scoped objects on shared clusters: they would affect others, and would not be removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.errors import InvalidInputError, Problem
from harness.kube.api import KubeApi
from harness.kube.errors import NotFoundError
from harness.kube.manifests import name_of
from harness.kube.scopes import is_cluster_scoped, is_custom
from harness.model.controllers import is_controller_settings

HINT = "create it before the run, remove it from the workload, or run on the embedded cluster: --cluster local"


def check_object(manifest: Mapping[str, Any]) -> Problem | None:
    """Return the problem of a cluster-scoped object of a built-in kind; None for any other object.

    Only the API server knows the scope of custom kinds; ``refuse_cluster_scoped`` asks it.
    """
    return _problem(manifest) if is_cluster_scoped(manifest) else None


def check_object_of_kind(manifest: Mapping[str, Any]) -> Problem | None:
    """Return the problem of an object that a run on kind may not write; None for any other object."""
    if not is_controller_settings(manifest):
        return check_object(manifest)
    message = f"{_title(manifest)} has settings of the ingress controller, and a run on kind does not change those"
    return Problem(message, hint="run on the embedded cluster (--cluster local), or remove it from the workload")


def reason_to_omit_on_existing(manifest: Mapping[str, Any]) -> str:
    """Return why an object is left out on an existing cluster; empty for any other object."""
    return "the cluster's ingress controller has settings of its own" if is_controller_settings(manifest) else ""


def refuse_cluster_scoped(kube: KubeApi, manifests: Sequence[Mapping[str, Any]]) -> None:
    """Check with the API server that every object of a workload is namespaced.

    Objects of custom kinds that are not served are no problem: ``not_served`` names them, and a trial does without.

    Raises:
        InvalidInputError: Names every cluster-scoped object, and every object of a built-in kind that is not served.
    """
    problems = list(_problems(kube, manifests))
    if problems:
        raise InvalidInputError(problems)


def not_served(kube: KubeApi, manifests: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Return the objects of custom kinds that the API server does not have."""
    return tuple(each for each in manifests if is_custom(each) and not _is_served(kube, each))


def sentence_about(manifest: Mapping[str, Any]) -> str:
    """Return the notice about an object that the cluster cannot have."""
    return f"{_title(manifest)} is left out: the cluster has no kind {manifest.get('kind')} in {manifest['apiVersion']}"


def _is_served(kube: KubeApi, manifest: Mapping[str, Any]) -> bool:
    try:
        kube.is_namespaced(manifest)
    except NotFoundError:
        return False
    return True


def _problems(kube: KubeApi, manifests: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    for manifest in manifests:
        try:
            if not kube.is_namespaced(manifest):
                yield _problem(manifest)
        except NotFoundError:
            if is_custom(manifest):
                continue
            version = manifest.get("apiVersion")
            yield Problem(f"{_title(manifest)}: the cluster has no kind {manifest.get('kind')} in {version}")


def _problem(manifest: Mapping[str, Any]) -> Problem:
    message = f"{_title(manifest)} is cluster-scoped: it would affect others on this cluster, and stay after the run"
    return Problem(message, hint=HINT)


def _title(manifest: Mapping[str, Any]) -> str:
    return f"{manifest.get('kind')} {name_of(manifest)}".strip()
