"""Where traffic enters: through the ingress controller, or straight to a Service."""

from __future__ import annotations

from collections.abc import Sequence

from harness.experiment.objects import Objects, at
from harness.experiment.problems import Problems, listed, near
from harness.experiment.schema import Head
from harness.model.experiment import Configuration


def read_entry(head: Head, configurations: Sequence[Configuration], problems: Problems) -> str:
    """The Service that traffic goes straight to; empty where it enters by the ingress.

    It must be there in every configuration, and have a port.
    """
    if head.entry is None:
        if head.ingress == "none":
            hint = "write entry: {service: NAME}, or name the ingress"
            problems.add(("ingress",), "without an ingress nothing says where traffic enters", hint)
        return ""
    if head.ingress != "none":
        message = f"traffic enters by the ingress {head.ingress} or by a Service, not by both"
        problems.add(("entry",), message, "write ingress: none beside entry")
    for configuration in configurations:
        _check(head.entry.service, Objects(configuration.manifests), problems)
    return head.entry.service


def _check(name: str, objects: Objects, problems: Problems) -> None:
    service = objects.find("Service", name)
    there = objects.names("Service")
    place = ("entry", "service")
    if service is None:
        problems.add(place, f"no Service {name!r} in the workload; it has {listed(there)}", near(name, there))
    elif at(service, "spec", "type") == "ExternalName" or not at(service, "spec", "ports"):
        problems.add(place, f"Service {name} has no port of its own that traffic could go to")
