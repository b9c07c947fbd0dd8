"""Releases: every name in them must be there, and who answers must be told apart by the answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.experiment.naming import Ground
from harness.experiment.splits import check_ab_test, check_canary
from harness.experiment.telling import check_answer, check_leads_to, check_told_apart
from harness.kit.located_yaml import Place
from harness.model.changes import AbTest, BlueGreen, Canary, ChangeSpec

#: A change as read, and where it is.
Located = tuple[ChangeSpec, Place]


def check_releases(changes: Sequence[Located], grounds: Iterable[Ground]) -> None:
    """Whatever a release names must be there in every configuration, and be told apart by the traffic.

    Args:
        changes: All changes.
        grounds: One for each configuration.
    """
    for ground in grounds:
        for spec, place in changes:
            _check(spec, (*place, spec.kind), ground)


def _check(spec: ChangeSpec, place: Place, ground: Ground) -> None:
    if isinstance(spec, BlueGreen):
        check_blue_green(spec, place, ground)
    elif isinstance(spec, Canary):
        check_canary(spec, place, ground)
    elif isinstance(spec, AbTest):
        check_ab_test(spec, place, ground)


def check_blue_green(spec: BlueGreen, place: Place, ground: Ground) -> None:
    """The Service, the Deployments, the routes, and that the versions differ."""
    for field, deployment in (("retire", spec.retire), ("start", spec.start)):
        if deployment is not None:
            ground.has("Deployment", deployment.deployment, (*place, field))
    public = ground.routes(spec.public, (*place, "public"))
    check_told_apart(public, spec.answer, place, ground)
    if not ground.has("Service", spec.service, (*place, "service")):
        return
    present = ground.objects.selector(spec.service)
    if spec.selector.items() <= present.items():
        message = f"Service {spec.service} has this selector already: nothing would change"
        ground.problems.add((*place, "selector"), message)
    check_leads_to([spec.service], public, (*place, "public"), ground)
    _check_private(spec, place, ground)
    behind = ground.objects.deployments_with({**present, **spec.selector})
    check_answer(spec.answer, behind, (*place, "answer"), ground)
    if spec.retire and spec.retire.deployment in behind:
        ground.problems.add((*place, "retire"), f"Deployment {spec.retire.deployment} is the new version")


def _check_private(spec: BlueGreen, place: Place, ground: Ground) -> None:
    for route in ground.routes(spec.private, (*place, "private")):
        if route.key in spec.public or ground.service_of(route) == spec.service:
            message = f"{route.key} leads to Service {spec.service}, as the public does: it is not private"
            ground.problems.add((*place, "private"), message)
