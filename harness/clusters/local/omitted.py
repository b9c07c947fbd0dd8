"""Kinds that an embedded cluster does not have and that a trial does without, each with its reason."""

from __future__ import annotations

from harness.errors import Problem
from harness.kube.manifests import name_of
from harness.kube.schema import KINDS
from harness.kube.scopes import is_cluster_scoped, is_custom
from harness.model.experiment import Manifest


def reason_to_omit(manifest: Manifest) -> str:
    """Return why an embedded cluster does without an object; empty for an object that it stores or refuses."""
    version, kind = str(manifest.get("apiVersion")), str(manifest.get("kind"))
    if (version, kind) in KINDS:
        return ""
    if is_custom(manifest):
        return (
            f"the embedded cluster has no kind {kind} of {version}, and no controller that acts on it; "
            "with --cluster kind or context, the cluster's API server decides"
        )
    if is_cluster_scoped(manifest) and check_object(manifest) is None:
        return "it belongs to the whole cluster, and the embedded cluster does without it"
    return ""


def check_object(manifest: Manifest) -> Problem | None:
    """Return the problem of an object that can change or refuse other objects on a real cluster; None for any other."""
    if not str(manifest.get("apiVersion")).startswith("admissionregistration.k8s.io/"):
        return None
    title = f"{manifest.get('kind')} {name_of(manifest)}"
    return Problem(
        f"{title}: a real cluster calls webhooks, which can change or refuse objects; the embedded cluster calls none",
        hint="remove it from the workload, or use --cluster kind with the webhook installed",
    )
