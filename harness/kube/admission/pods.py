"""Validates the spec of a pod, with the paths and messages of a real API server.

The rule that matters most in the exercises: a ``preStop.sleep`` longer than the grace period is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from harness.kube.admission import names
from harness.kube.admission.containers import container_fields, port_fields
from harness.kube.admission.podfields import pod_fields
from harness.kube.admission.problems import FieldProblem
from harness.kube.api import Object

Problems = Iterator[FieldProblem]

_PROBE_NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_HOOK_HANDLERS = ("exec", "httpGet", "tcpSocket", "sleep")
_PROBE_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_SCHEMES = ("HTTP", "HTTPS")
_HEADER_HELP = (
    "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for "
    "validation is '[-A-Za-z0-9]+')"
)
_RESTARTS = ("Always", "OnFailure", "Never")
_PULLS = ("Always", "IfNotPresent", "Never")


def pod_spec(spec: Object, path: str) -> Problems:
    """Yield the problems of a pod's spec at a path. Its defaults must be set."""
    containers = spec.get("containers") or []
    if not containers:
        yield FieldProblem.required(f"{path}.containers")
    seen: set[str] = set()
    volumes = {volume.get("name") for volume in spec.get("volumes") or []}
    grace = spec["terminationGracePeriodSeconds"]
    for name in ("containers", "initContainers"):
        for i, container in enumerate(spec.get(name) or []):
            where = f"{path}.{name}[{i}]"
            yield from _container(container, where, seen, volumes)
            # An init container that is no sidecar may have neither; ``container_fields`` reports them.
            if name == "containers" or container.get("restartPolicy") == "Always":
                yield from _probes_and_hooks(container, where, grace)
            yield from container_fields(container, where, initial=name == "initContainers")
    yield from pod_fields(spec, path)
    if spec["restartPolicy"] not in _RESTARTS:
        yield FieldProblem.unsupported(f"{path}.restartPolicy", spec["restartPolicy"], _RESTARTS)


def _container(container: Object, path: str, seen: set[str], volumes: set[Any]) -> Problems:
    name = container.get("name")
    if not name:
        yield FieldProblem.required(f"{path}.name")
    else:
        yield from names.dns_label(f"{path}.name", name)
        if name in seen:
            yield FieldProblem.duplicate(f"{path}.name", name)
        seen.add(name)
    yield from _image(container.get("image"), f"{path}.image")
    if container["imagePullPolicy"] not in _PULLS:
        yield FieldProblem.unsupported(f"{path}.imagePullPolicy", container["imagePullPolicy"], _PULLS)
    yield from _ports(container.get("ports") or [], f"{path}.ports")
    yield from _mounted(container, path, volumes)


def _probes_and_hooks(container: Object, path: str, grace: int) -> Problems:
    yield from _probes(container, path)
    for hook in ("preStop", "postStart"):
        if (handler := (container.get("lifecycle") or {}).get(hook)) is not None:
            yield from _handler(handler, f"{path}.lifecycle.{hook}", grace)


def _image(image: str | None, path: str) -> Problems:
    if not image:
        yield FieldProblem.required(path)
    elif image != image.strip() and not path.startswith("spec.template."):
        yield FieldProblem.invalid(path, image, "must not have leading or trailing whitespace")


def _mounted(container: Object, path: str, volumes: set[Any]) -> Problems:
    for i, mount in enumerate(container.get("volumeMounts") or []):
        if mount.get("name") not in volumes:
            text = f'Not found: "{mount.get("name", "")}"'
            yield FieldProblem(f"{path}.volumeMounts[{i}].name", "FieldValueNotFound", text)


def _ports(ports: list[Object], path: str) -> Problems:
    seen: set[str] = set()
    for i, port in enumerate(ports):
        if not port.get("containerPort"):
            yield FieldProblem.required(f"{path}[{i}].containerPort")
        else:
            yield from names.port(f"{path}[{i}].containerPort", port["containerPort"])
        yield from port_fields(port, f"{path}[{i}]")
        name = port.get("name")
        if name in seen:
            yield FieldProblem.duplicate(f"{path}[{i}].name", name)
        if name and not list(names.port_name("", name)):
            seen.add(name)


def _probes(container: Object, path: str) -> Problems:
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(name)
        if probe is None:
            continue
        yield from _handler(probe, f"{path}.{name}", None)
        for number in _PROBE_NUMBERS:
            if number in probe:
                yield from names.non_negative(f"{path}.{name}.{number}", probe[number])
        if name != "readinessProbe" and probe["successThreshold"] != 1:
            yield FieldProblem.invalid(f"{path}.{name}.successThreshold", probe["successThreshold"], "must be 1")
        seconds = probe.get("terminationGracePeriodSeconds")
        if seconds is not None and name == "readinessProbe":
            detail = "must not be set for readinessProbes"
            yield FieldProblem.invalid(f"{path}.{name}.terminationGracePeriodSeconds", seconds, detail)
        if seconds is not None and seconds <= 0:
            detail = "must be greater than 0"
            yield FieldProblem.invalid(f"{path}.{name}.terminationGracePeriodSeconds", seconds, detail)


def _handler(handler: Object, path: str, grace: int | None) -> Problems:
    handlers = _PROBE_HANDLERS if grace is None else _HOOK_HANDLERS
    given = [name for name in handlers if handler.get(name) is not None]
    if not given:
        yield FieldProblem.required(path, "must specify a handler type")
    for name in given[1:]:
        yield FieldProblem.forbidden(f"{path}.{name}", "may not specify more than 1 handler type")
    given = given[:1]  # A real server checks the fields of the first one only.
    if "exec" in given and not handler["exec"].get("command"):
        yield FieldProblem.required(f"{path}.exec.command")
    for name in ("httpGet", "tcpSocket"):
        if name in given:
            yield from _target_port(handler[name].get("port"), f"{path}.{name}.port")
    if "grpc" in given:
        yield from names.port(f"{path}.grpc.port", handler["grpc"].get("port") or 0)
    get = handler["httpGet"] if "httpGet" in given else {}
    yield from names.one_of(f"{path}.httpGet.scheme", get.get("scheme"), _SCHEMES)
    for header in get.get("httpHeaders") or []:
        if not re.fullmatch(r"[-A-Za-z0-9]+", header.get("name") or ""):
            yield FieldProblem.invalid(f"{path}.httpGet.httpHeaders", header.get("name") or "", _HEADER_HELP)
    if "sleep" in given and grace is not None:
        yield from _sleep(handler["sleep"].get("seconds", 0), path, grace)


def _sleep(seconds: int, path: str, grace: int) -> Problems:
    """Check a sleep hook. The message of a real server says "less than", although equal is accepted."""
    if not 0 <= seconds <= grace:
        detail = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
        yield FieldProblem.invalid(f"{path}.sleep", seconds, detail)


def _target_port(port: Any, path: str) -> Problems:
    yield from names.port_or_name(path, 0 if port is None else port)


def pod_update(old: Object, new: Object) -> Problems:
    """Refuse changes of a pod's spec, except of images and tolerations, and of a nodeName that is not yet set."""
    for name in ("containers", "initContainers"):
        if len(old["spec"].get(name) or []) != len(new["spec"].get(name) or []):
            yield FieldProblem.forbidden(f"spec.{name}", "pod updates may not add or remove containers")
            return
    if _immutable(old["spec"], bool(old["spec"].get("nodeName"))) != _immutable(
        new["spec"], bool(old["spec"].get("nodeName"))
    ):
        yield FieldProblem.forbidden(
            "spec",
            "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
            "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
            "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
        )


def _immutable(spec: Object, scheduled: bool) -> Object:  # noqa: FBT001 - private, two call sites
    left_out = {"activeDeadlineSeconds", "tolerations"} | (set() if scheduled else {"nodeName"})
    kept = {name: value for name, value in spec.items() if name not in left_out}
    for name in ("containers", "initContainers"):
        if name in kept:
            kept[name] = [{k: v for k, v in c.items() if k != "image"} for c in kept[name] or []]
    return kept
