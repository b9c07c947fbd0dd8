"""Ask, before anything is made, whether the user has the rights that a run needs on somebody else's cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from harness.errors import InvalidInputError, Problem
from harness.kube.api import KubeApi
from harness.kube.errors import NotFoundError
from harness.model.change_facts import TargetKind
from harness.model.changes import facts_of
from harness.model.rights import Right, united

#: What every run needs, whatever it changes: a namespace of its own, and the workload in it.
_BASE = (
    Right("", "namespaces", ("create", "get", "delete"), "a namespace per trial"),
    Right("", "pods", ("get", "list", "watch"), "their lives"),
    Right("", "pods/log", ("get",), "their logs"),
    Right("", "services", ("create", "get", "list", "watch"), "the workload"),
    Right("", "events", ("list", "watch"), "what kubelets say"),
    Right("apps", "deployments", ("create", "get", "list"), "the workload"),
    Right("discovery.k8s.io", "endpointslices", ("list", "watch"), "where traffic may go"),
    Right("networking.k8s.io", "ingresses", ("create", "get", "list"), "the workload"),
    Right("networking.k8s.io", "ingressclasses", ("get",), "whether the class is there"),
)
#: What every change in place needs, in the application's own namespace.
_IN_PLACE = (
    Right("apps", "deployments", ("get", "list", "watch"), "the application, and whether others change it meanwhile"),
    Right("", "services", ("get", "list", "watch"), "where traffic goes"),
    Right("", "pods", ("get", "list", "watch"), "their lives"),
    Right("discovery.k8s.io", "endpointslices", ("list", "watch"), "where traffic may go"),
    Right("", "events", ("list", "watch"), "what kubelets say"),
)
#: What a change in place of an Ingress needs as well.
_IN_PLACE_INGRESS = (Right("networking.k8s.io", "ingresses", ("get", "list", "watch"), "the Ingress that is changed"),)
#: What can be done without; what it would show is then unknown, and the report says so.
OPTIONAL = (Right("autoscaling", "horizontalpodautoscalers", ("list",), "whether an autoscaler scales it"),)


def rights_of_run(kinds: Iterable[str], controller: str) -> tuple[Right, ...]:
    """Return what a run needs on somebody's cluster.

    Args:
        kinds: The kinds of its changes.
        controller: The ingress controller's word.
    """
    return united((*_BASE, *(right for kind in kinds for right in _of_change(kind, controller))))


def rights_in_place(kinds: Iterable[str]) -> tuple[Right, ...]:
    """Return what changes in place need, by their kinds."""
    rights = list(_IN_PLACE)
    for kind in kinds:
        rights += _IN_PLACE_INGRESS if facts_of(kind).target is TargetKind.INGRESS else ()
        rights += _of_change(kind, "")
    return united(rights)


def _of_change(kind: str, controller: str) -> tuple[Right, ...]:
    return tuple(replace(right, why=kind) for right in facts_of(kind).rights_behind(controller))


def check_access(kube: KubeApi, context: str, rights: Sequence[Right], *, namespace: str = "") -> None:
    """Ask the API server whether the user has every right.

    Args:
        kube: The API server.
        context: How the user calls it.
        rights: What is asked about.
        namespace: Where; the whole cluster where empty.

    Raises:
        InvalidInputError: With everything that is not allowed.
    """
    try:
        refused = [problem for right in rights for problem in _refused(kube, right, namespace)]
    except NotFoundError:
        return  # an API server that can't be asked will refuse by itself
    if refused:
        where = f" in namespace {namespace}" if namespace else ""
        message = (
            f"the user of context {context} may not do what is needed{where}; see docs/reference/rights.md for a Role"
        )
        raise InvalidInputError([Problem(message), *refused])


def _refused(kube: KubeApi, right: Right, namespace: str) -> Iterator[Problem]:
    resource, _, subresource = right.resource.partition("/")
    for verb in right.verbs:
        attributes = {"verb": verb, "group": right.group, "resource": resource, "subresource": subresource}
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
            where = f"{right.group}/{right.resource}" if right.group else right.resource
            yield Problem(f"{verb} {where}", hint=right.why)
