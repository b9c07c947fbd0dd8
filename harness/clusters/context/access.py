"""What we must be allowed to do on somebody else's cluster, and whether we are: asked before anything is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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


#: What every change in place needs, in the application's own namespace.
_IN_PLACE = (
    Need("apps", "deployments", ("get", "list", "watch"), "the application, and whether others change it meanwhile"),
    Need("", "services", ("get", "list", "watch"), "where traffic goes"),
    Need("", "pods", ("get", "list", "watch"), "their lives"),
    Need("discovery.k8s.io", "endpointslices", ("list", "watch"), "where traffic may go"),
    Need("", "events", ("list", "watch"), "what kubelets say"),
)
_READ_INGRESSES = Need("networking.k8s.io", "ingresses", ("get", "list", "watch"), "the Ingress that is edited")
_PATCH_DEPLOYMENTS = Need("apps", "deployments", ("patch",), "restart, scale, rolling-update")

#: What each change needs beside that.
OF_CHANGE: Mapping[str, tuple[Need, ...]] = {
    "restart": (_PATCH_DEPLOYMENTS,),
    "scale": (_PATCH_DEPLOYMENTS,),
    "rolling-update": (_PATCH_DEPLOYMENTS,),
    "delete-pod": (Need("", "pods", ("delete",), "delete-pod"),),
    "selector-patch": (Need("", "services", ("patch",), "selector-patch"),),
    "ingress-edit": (
        _READ_INGRESSES,
        Need("networking.k8s.io", "ingresses", ("patch",), "ingress-edit"),
    ),
}
#: What can be done without; what it would show is then unknown, and said to be.
OPTIONAL = (Need("autoscaling", "horizontalpodautoscalers", ("list",), "whether an autoscaler scales it"),)


def needs_in_place(change: str) -> tuple[Need, ...]:
    """What a change in place needs, by the change's kind."""
    return (*_IN_PLACE, *OF_CHANGE[change])


def check_access(
    kube: KubeApi, context: str, needs: Sequence[Need] = NEEDS, *, namespace: str = "", page: str = "clusters.md"
) -> None:
    """Ask the API server about every need.

    Args:
        kube: The API server.
        context: How the user calls it.
        needs: What is asked about.
        namespace: Where; the whole cluster where empty.
        page: The page of the documentation that has them as a Role.

    Raises:
        InvalidInputError: With everything that is not allowed.
    """
    try:
        refused = [problem for need in needs for problem in _refused(kube, need, namespace)]
    except NotFoundError:
        return  # an API server that can't be asked will refuse by itself
    if refused:
        where = f" in namespace {namespace}" if namespace else ""
        message = f"the user of context {context} may not do what is needed{where}; see docs/{page} for a Role"
        raise InvalidInputError([Problem(message), *refused])


def _refused(kube: KubeApi, need: Need, namespace: str) -> Iterator[Problem]:
    resource, _, subresource = need.resource.partition("/")
    for verb in need.verbs:
        attributes = {"verb": verb, "group": need.group, "resource": resource, "subresource": subresource}
        if namespace:
            attributes["namespace"] = namespace
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
