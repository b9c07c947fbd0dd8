"""Faults that can be read from the manifests: each would make a trial lose every request, or wait until its timeout."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from harness.errors import Problem
from harness.experiment.admission import title
from harness.experiment.cluster_rules import WITH_PODS
from harness.experiment.models import runs_command
from harness.experiment.naming import service_of
from harness.experiment.objects import WorkloadObjects
from harness.experiment.problems import Problems, listed, near
from harness.experiment.references import missing_references
from harness.experiment.route_faults import may_be_created
from harness.experiment.stages import ResolvedConfiguration, ResolvedExperiment
from harness.experiment.workload import RenderedObject
from harness.kit.located_yaml import Place
from harness.kube.manifests import name_of
from harness.kube.nested import at, indexed_maps
from harness.kube.pods import pod_of, serving_containers
from harness.kube.selectors import selected_by
from harness.model.experiment import Manifest
from harness.problem_codes import ProblemCode

#: Field of a pod's specification that names a class, by the kind of the class.
_CLASSES = {"PriorityClass": "priorityClassName", "RuntimeClass": "runtimeClassName"}
_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def check_backends(experiment: ResolvedExperiment, problems: Problems) -> None:
    """Check the way of each route from its rule to a port of a pod."""
    for row in experiment.configurations:
        for item in row.objects:
            if item.manifest.get("kind") == "Ingress":
                problems.extend(_wrong_rules(item, experiment.objects_of(row)))
        problems.extend(_unserved(experiment, row))


def check_references(experiment: ResolvedExperiment, problems: Problems) -> None:
    """Check that the objects and ports that pods name exist."""
    for row in experiment.configurations:
        for item in row.objects:
            problems.extend(_wrong_probes(item))
            problems.extend(_missing_account(item, experiment.objects_of(row)))
            problems.extend(_missing_classes(item, experiment.objects_of(row), experiment.rules.classes))
        # The controllers of custom kinds may create what is missing.
        if experiment.rules.bare_namespaces and not any(may_be_created(item.manifest) for item in row.objects):
            objects = experiment.objects_of(row)
            run = [item for item in row.objects if item.manifest.get("kind") in experiment.rules.pod_kinds]
            problems.extend(problem for item in run for problem in missing_references(item, objects))


def check_stand_ins(experiment: ResolvedExperiment, problems: Problems) -> None:
    """Check that no route expects a body that a stand-in does not give: a stand-in answers its own name."""
    if experiment.plan is None:
        return
    for row in experiment.configurations:
        objects = experiment.objects_of(row)
        for index, route in enumerate(experiment.plan.routes):
            expects = bool(route.answers or route.body is not None)
            service = service_of(route, experiment.plan, objects)
            images = _images_behind(objects, service) if expects and service else []
            if images and all(
                experiment.rules.has_stand_in(image) and not runs_command(experiment.parsed, image) for image in images
            ):
                message = (
                    f"{route.key}: {images[0]} does not run on the embedded cluster; its stand-in gives another answer"
                )
                hint = (
                    "remove answers and body, write regex: ^app=NAME (a stand-in answers app=NAME version=TAG), "
                    "or use --cluster kind"
                )
                problems.add(ProblemCode.STAND_IN_ANSWERS, ("traffic", "paths", index), message, hint)


def _wrong_rules(item: RenderedObject, objects: WorkloadObjects) -> Iterator[Problem]:
    for r, rule in indexed_maps(at(item.manifest, "spec", "rules")):
        for p, path in indexed_maps(at(rule, "http", "paths")):
            backend = _texts(at(path, "backend", "service"))
            service = objects.find("Service", str(backend.get("name")))
            if service is None:
                continue
            ports = _maps(at(service, "spec", "ports"))
            wanted = at(backend, "port", "number") or at(backend, "port", "name")
            if wanted is not None and _are_valid(ports) and not _is_among(wanted, ports):
                there = listed(_port_words(ports))
                message = (
                    f"Ingress {name_of(item.manifest)}: Service {name_of(service)} has no port {wanted}; it has {there}"
                )
                place = ("spec", "rules", r, "http", "paths", p, "backend", "service", "port")
                yield item.problem_at(ProblemCode.WRONG_PORT, place, message)


def _are_valid(ports: list[Mapping[str, Any]]) -> bool:
    """Return True if all ports of a Service have numbers that an API server takes; another check reports the others."""
    return all(isinstance(each.get("port"), int) and 0 < each["port"] < 65536 for each in ports)


def _is_among(wanted: Any, ports: list[Mapping[str, Any]]) -> bool:
    return any(wanted in (each.get("port"), each.get("name")) for each in ports)


def _port_words(ports: list[Mapping[str, Any]]) -> list[str]:
    return [f"{each.get('port')} ({each['name']})" if each.get("name") else str(each.get("port")) for each in ports]


def _unserved(experiment: ResolvedExperiment, row: ResolvedConfiguration) -> Iterator[Problem]:
    """Yield the Services of routes that have no pod, or no pod with their port."""
    if experiment.plan is None:
        return
    objects, seen = experiment.objects_of(row), set()
    for route in experiment.plan.routes:
        name = service_of(route, experiment.plan, objects)
        item = next(
            (i for i in row.objects if i.manifest.get("kind") == "Service" and name_of(i.manifest) == name), None
        )
        if item is None or name in seen:
            continue
        seen.add(name)
        yield from _unserved_service(item, objects, experiment.rules.pod_kinds)


def _unserved_service(item: RenderedObject, objects: WorkloadObjects, run: Sequence[str]) -> Iterator[Problem]:
    selector = _texts(at(item.manifest, "spec", "selector"))
    if not selector:
        return
    selected = _selected(selector, objects)
    pods = [pod for owner, pod in selected if owner.get("kind") in run]
    if selected and not pods:
        owner = f"{selected[0][0].get('kind')} {name_of(selected[0][0])}"
        message = f"{title(item)}: its pods are those of {owner}, for which the embedded cluster runs none"
        hint = "use --cluster kind, or send requests to another Service"
        yield item.problem_at(ProblemCode.SERVICE_WITHOUT_PODS, ("spec", "selector"), message, hint)
        return
    if not pods:
        words = ", ".join(f"{name}={value}" for name, value in selector.items())
        message = f"{title(item)}: no pod of the workload has the labels of its selector ({words})"
        yield item.problem_at(
            ProblemCode.SERVICE_WITHOUT_PODS, ("spec", "selector"), message, _near_labels(selector, objects)
        )
        return
    for index, port in indexed_maps(at(item.manifest, "spec", "ports")):
        target = port.get("targetPort")
        names = [each.get("name") for pod in pods for c in serving_containers(pod) for each in _maps(c.get("ports"))]
        if isinstance(target, str) and not target.isdigit() and target not in names:
            there = listed(sorted(str(name) for name in names if name))
            message = f"{title(item)}: no container of its pods has a port named {target}; they have {there}"
            yield item.problem_at(ProblemCode.WRONG_PORT, ("spec", "ports", index, "targetPort"), message)


def _near_labels(selector: Mapping[str, str], objects: WorkloadObjects) -> str:
    """Return a hint with the labels of the pods that differ in the fewest places."""
    wanted = ", ".join(f"{name}={value}" for name, value in selector.items())
    known = []
    for each in objects.manifests:
        labels = at(_pod(each), "metadata", "labels")
        if isinstance(labels, Mapping):
            known.append(", ".join(f"{name}={value}" for name, value in labels.items()))
    return near(wanted, known)


def _pod(manifest: Manifest) -> Mapping[str, Any] | None:
    return pod_of(manifest) if manifest.get("kind") in WITH_PODS else None


def _selected(selector: Mapping[str, Any], objects: WorkloadObjects) -> list[tuple[Manifest, Mapping[str, Any]]]:
    """Return the pods and templates that a selector selects, each with the object that contains it."""
    pods = [(each, pod) for each in objects.manifests if (pod := _pod(each)) is not None]
    return [(each, pod) for each, pod in pods if selected_by(selector, _texts(at(pod, "metadata", "labels")))]


def _images_behind(objects: WorkloadObjects, service: str) -> list[str]:
    pods = [pod for _, pod in _selected(objects.selector(service), objects)]
    return [str(c.get("image")) for pod in pods for c in _maps(at(pod, "spec", "containers")) if c.get("image")]


def _spec_place(item: RenderedObject) -> Place:
    """Return the place of the pod's specification in an object."""
    return ("spec",) if item.manifest.get("kind") == "Pod" else ("spec", "template", "spec")


def _wrong_probes(item: RenderedObject) -> Iterator[Problem]:
    for index, container in indexed_maps(at(_pod(item.manifest), "spec", "containers")):
        names = [str(each["name"]) for each in _maps(container.get("ports")) if each.get("name")]
        for kind in _PROBES:
            for action in ("httpGet", "tcpSocket"):
                port = at(container, kind, action, "port")
                if isinstance(port, str) and not port.isdigit() and port not in names:
                    message = (
                        f"{title(item)}: {kind} of container {container.get('name')} asks port {port}, "
                        f"and the container has no port of that name; it has {listed(names)}"
                    )
                    place = (*_spec_place(item), "containers", index, kind, action, "port")
                    yield item.problem_at(ProblemCode.WRONG_PORT, place, message)


def _missing_account(item: RenderedObject, objects: WorkloadObjects) -> Iterator[Problem]:
    name = at(_pod(item.manifest), "spec", "serviceAccountName") or "default"
    if name == "default" or objects.find("ServiceAccount", str(name)) is not None:
        return
    message = f"{title(item)}: the ServiceAccount {name} is not part of the workload, so that no pod can be created"
    hint = "add it to the workload, or remove serviceAccountName"
    place = (*_spec_place(item), "serviceAccountName")
    yield item.problem_at(ProblemCode.MISSING_REFERENCE, place, message, hint)


def _missing_classes(
    item: RenderedObject, objects: WorkloadObjects, known: Mapping[str, Collection[str]]
) -> Iterator[Problem]:
    """Yield a problem for each class that a pod names and that neither the workload nor the cluster has."""
    for kind, field in _CLASSES.items():
        name = at(_pod(item.manifest), "spec", field)
        if not name or kind not in known or name in known[kind] or objects.find(kind, str(name)) is not None:
            continue
        message = f"{title(item)}: the {kind} {name} is not part of the workload, so that no pod can be created"
        hint = f"add it to the workload, or remove {field}"
        yield item.problem_at(ProblemCode.MISSING_REFERENCE, (*_spec_place(item), field), message, hint)


def _maps(value: Any) -> list[Mapping[str, Any]]:
    return [each for _, each in indexed_maps(value)]


def _texts(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
