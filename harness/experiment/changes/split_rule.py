"""Checks of a split rule: it must exist, and both Services must be able to get its requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from harness.controllers.registry import is_share
from harness.experiment.changes.context import CheckContext
from harness.experiment.changes.versions import check_answer
from harness.experiment.problems import listed, near
from harness.kit.located_yaml import Place
from harness.kube.nested import at
from harness.model.controllers import controller_facts
from harness.problem_codes import ProblemCode


class SplitsRule(Protocol):
    """A change that splits a rule."""

    @property
    def ingress(self) -> str:
        """Name of the Ingress."""

    @property
    def path(self) -> str:
        """Path of the rule."""

    @property
    def service(self) -> str:
        """Name of the Service in the rule."""

    @property
    def answer(self) -> str:
        """Glob of the body of the other version."""


def check_split(spec: SplitsRule, other: str, field: Place, context: CheckContext) -> None:
    """Require the rule and both Services.

    Args:
        spec: The change.
        other: The Service that gets some of the requests.
        field: Path of the field that names it; its parent is the change.
        context: The workload, the traffic, the ingress controller.
    """
    place = field[:-1]
    objects, add = context.objects, context.add
    has_both = [context.has("Service", spec.service, (*place, "service")), context.has("Service", other, field)]
    if spec.service == other:
        add(ProblemCode.NO_EFFECT, field, f"{other} is the Service that the rule names already: nothing would be split")
    if not context.has("Ingress", spec.ingress, (*place, "ingress")):
        return
    paths = _paths(objects.find("Ingress", spec.ingress))
    found = [entry for entry in paths if entry.get("path") == spec.path]
    if not found:
        there = [str(entry.get("path")) for entry in paths]
        message = f"Ingress {spec.ingress} has no rule with the path {spec.path}; it has {listed(there)}"
        add(ProblemCode.UNKNOWN_NAME, (*place, "path"), message, near(spec.path, there))
    elif not any(at(entry, "backend", "service", "name") == spec.service for entry in found):
        named = listed(str(at(entry, "backend", "service", "name")) for entry in found)
        message = f"the rule {spec.path} of Ingress {spec.ingress} names {named}, not {spec.service}"
        add(ProblemCode.WRONG_SERVICE, (*place, "service"), message)
    elif all(has_both):
        _check_ports(found, other, field, context)
        _check_unnamed(other, field, context)
        behind = objects.deployments_with(objects.selector(other))
        check_answer(spec.answer, behind, (*place, "answer"), context)


def _check_ports(entries: list[Mapping[str, Any]], other: str, place: Place, context: CheckContext) -> None:
    """Require that the other Service has the rule's port."""
    port = at(entries[0], "backend", "service", "port") or {}
    ports = at(context.objects.find("Service", other), "spec", "ports") or []
    if not any(one.get("port") == port.get("number") or one.get("name", "") == port.get("name") for one in ports):
        wanted = port.get("number") or port.get("name")
        message = f"Service {other} has no port {wanted}, which the rule asks for"
        context.add(ProblemCode.CANNOT_SPLIT, place, message)


def _check_unnamed(other: str, place: Place, context: CheckContext) -> None:
    """Require that no rule names the other Service, if the controller then cannot give it a share."""
    facts = controller_facts(context.ingress)
    if facts.shares_named_services:
        return
    for ingress in (m for m in context.objects.manifests if m.get("kind") == "Ingress"):
        if is_share(ingress):
            continue
        for entry in _paths(ingress):
            if at(entry, "backend", "service", "name") == other:
                message = f"the rule {entry.get('path')} names {other} as well, and {facts.title} gives no share to it"
                context.add(
                    ProblemCode.CANNOT_SPLIT, place, message, hint="a second Service with the same selector will do"
                )


def _paths(ingress: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    return [entry for rule in at(ingress, "spec", "rules") or [] for entry in at(rule, "http", "paths") or []]
