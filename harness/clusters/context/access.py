"""Checks, before anything is created, that the user has the rights which a run needs on an existing cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from harness.errors import InvalidInputError, Problem
from harness.kube.api import KubeApi
from harness.kube.errors import NotFoundError
from harness.model.change_facts import TargetKind
from harness.model.changes import facts_of
from harness.model.rights import Right, united

#: Rights of every run: for its own namespaces and the workload in them.
_BASE = (
    Right("", "namespaces", ("create", "get", "delete"), "a namespace per trial"),
    Right("", "pods", ("get", "list", "watch"), "their states"),
    Right("", "pods/log", ("get",), "their logs"),
    Right("", "services", ("create", "get", "list", "watch"), "the workload"),
    Right("", "events", ("list", "watch"), "events of kubelets"),
    Right("apps", "deployments", ("create", "get", "list"), "the workload"),
    Right("apps", "replicasets", ("list",), "why a rollout can't become ready"),
    Right("discovery.k8s.io", "endpointslices", ("list", "watch"), "endpoints of Services"),
    Right("networking.k8s.io", "ingresses", ("create", "get", "list"), "the workload"),
    Right("networking.k8s.io", "ingressclasses", ("get",), "check that the class exists"),
)
#: Rights of every change in place, in the application's namespace.
_IN_PLACE = (
    Right("apps", "deployments", ("get", "list", "watch"), "the application, and changes of it by others"),
    Right("apps", "replicasets", ("list",), "why a rollout can't become ready"),
    Right("", "services", ("get", "list", "watch"), "the Services of the application"),
    Right("", "pods", ("get", "list", "watch"), "their states"),
    Right("discovery.k8s.io", "endpointslices", ("list", "watch"), "endpoints of Services"),
    Right("", "events", ("list", "watch"), "events of kubelets"),
)
#: Further rights of a change in place of an Ingress.
_IN_PLACE_INGRESS = (Right("networking.k8s.io", "ingresses", ("get", "list", "watch"), "the changed Ingress"),)
#: Rights that a run can do without. The report then says what is unknown.
OPTIONAL = (Right("autoscaling", "horizontalpodautoscalers", ("list",), "find autoscalers of the application"),)


def rights_of_run(kinds: Iterable[str], controller: str) -> tuple[Right, ...]:
    """Return the rights that a run needs on an existing cluster.

    Args:
        kinds: Kinds of its changes, as ``ChangeSpec.made``.
        controller: The ingress controller, by its name in an Experiment.
    """
    return united((*_BASE, *(right for kind in kinds for right in _of_change(kind, controller))))


def rights_in_place(kinds: Iterable[str]) -> tuple[Right, ...]:
    """Return the rights that changes in place of these kinds need."""
    rights = list(_IN_PLACE)
    for kind in kinds:
        rights += _IN_PLACE_INGRESS if facts_of(kind).target is TargetKind.INGRESS else ()
        rights += _of_change(kind, "")
    return united(rights)


def _of_change(kind: str, controller: str) -> tuple[Right, ...]:
    word, _, field = kind.partition(" ")
    facts = facts_of(word)
    target = next((each for each in facts.targets if each.field == field), None)
    return tuple(replace(right, why=kind) for right in facts.rights_behind(controller, target))


def check_access(kube: KubeApi, context: str, rights: Sequence[Right], *, namespace: str = "") -> None:
    """Check with the API server that the user has every right.

    Args:
        kube: The API server.
        context: Name of the context, for the message.
        rights: The rights to check.
        namespace: Namespace in which they are needed; empty for the whole cluster.

    Raises:
        InvalidInputError: A right is missing; lists all missing ones.
    """
    try:
        refused = [problem for right in rights for problem in _refused(kube, right, namespace)]
    except NotFoundError:
        return  # the API server has no access reviews; it will refuse what is not allowed
    if refused:
        where = f" in namespace {namespace}" if namespace else ""
        page = "docs/reference/rights.md"
        message = f"the user of context {context} lacks rights{where}; {page} has a Role with all of them"
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
