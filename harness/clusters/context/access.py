"""What we must be allowed to do on somebody else's cluster, and whether we are: asked before anything is made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.errors import InvalidInputError, Problem
from harness.kube.api import KubeApi
from harness.kube.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class Need:
    """Verbs on a resource, in namespaces of our own or (for what has none) in the cluster.

    Attributes:
        group: API group; empty for the core.
        resource: With a subresource: ``pods/log``.
        verbs: What is done.
        why: For people.
    """

    group: str
    resource: str
    verbs: tuple[str, ...]
    why: str


#: The documentation's Role is this list; a test holds the two together.
NEEDS = (
    Need("", "namespaces", ("create", "get", "delete"), "a namespace per trial"),
    Need("", "pods", ("get", "list", "watch", "delete"), "their lives; delete-pod"),
    Need("", "pods/log", ("get",), "their logs"),
    Need("", "services", ("create", "get", "list", "watch", "patch"), "the workload; selector-patch"),
    Need("", "events", ("list", "watch"), "what kubelets say"),
    Need("apps", "deployments", ("create", "get", "list", "patch"), "the workload; rolling-update, restart, scale"),
    Need("discovery.k8s.io", "endpointslices", ("list", "watch"), "where traffic may go"),
    Need("networking.k8s.io", "ingresses", ("create", "get", "list", "patch"), "the workload; ingress-edit"),
    Need("networking.k8s.io", "ingressclasses", ("get",), "whether the class is there"),
)


def check_access(kube: KubeApi, context: str) -> None:
    """Ask the API server about every need.

    Raises:
        InvalidInputError: With everything that is not allowed.
    """
    try:
        refused = [problem for need in NEEDS for problem in _refused(kube, need)]
    except NotFoundError:
        return  # an API server that can't be asked will refuse by itself
    if refused:
        hint = Problem(f"the user of context {context} may not do what is needed; see docs/clusters.md for a Role")
        raise InvalidInputError([hint, *refused])


def _refused(kube: KubeApi, need: Need) -> Iterator[Problem]:
    resource, _, subresource = need.resource.partition("/")
    for verb in need.verbs:
        attributes = {"verb": verb, "group": need.group, "resource": resource, "subresource": subresource}
        answer = kube.create(
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "metadata": {},
                "spec": {"resourceAttributes": attributes},
            },
            "",
        )
        if not answer.get("status", {}).get("allowed"):
            where = f"{need.group}/{need.resource}" if need.group else need.resource
            yield Problem(f"{verb} {where}", hint=need.why)
