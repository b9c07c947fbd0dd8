"""The entry of traffic: the ingress controller, or a Service of the workload."""

from __future__ import annotations

from harness.experiment.objects import WorkloadObjects
from harness.experiment.problems import Problems, listed, near
from harness.experiment.schema import Head
from harness.kube.nested import at
from harness.model.controllers import NO_CONTROLLER
from harness.problem_codes import ProblemCode


def check_one_entry(head: Head, problems: Problems) -> None:
    """Require exactly one entry: an ingress controller or a Service."""
    if head.entry is None and head.ingress == NO_CONTROLLER.word:
        message, hint = (
            "without an ingress nothing says where traffic enters",
            "write entry: {service: NAME}, or name the ingress",
        )
        problems.add(ProblemCode.NO_ENTRY, ("ingress",), message, hint)
    if head.entry is not None and head.ingress != NO_CONTROLLER.word:
        message = f"traffic enters by the ingress {head.ingress} or by a Service, not by both"
        problems.add(ProblemCode.CONFLICT, ("entry",), message, "write ingress: none as well as entry")


def check_service(name: str, objects: WorkloadObjects, problems: Problems) -> None:
    """Require that the Service exists and has a port."""
    service = objects.find("Service", name)
    there = objects.names("Service")
    place = ("entry", "service")
    if service is None:
        message = f"no Service {name!r} in the workload; it has {listed(there)}"
        problems.add(ProblemCode.UNKNOWN_NAME, place, message, near(name, there))
    elif at(service, "spec", "type") == "ExternalName" or not at(service, "spec", "ports"):
        message = f"Service {name} has no port of its own that traffic could go to"
        problems.add(ProblemCode.NO_ENTRY, place, message)
