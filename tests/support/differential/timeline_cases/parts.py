"""The parts of cases: manifests, steps and conditions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from differential.app import container
from differential.observing import Object, Observer
from differential.running import Condition, Step
from differential.traffic import LATEST

#: Headers of requests.
Headers = Mapping[str, str] | None
#: The answers of two versions of an application.
A, B = "200 a", "200 b"
#: Ports of a Service of http-echo, and its readiness probe.
ECHO_PORTS = [{"port": 80, "targetPort": 5678}]
ECHO_READY = {"httpGet": {"path": "/", "port": 5678}, "periodSeconds": 1}


def http(path: str = "/ready", port: Any = 8080, **numbers: Any) -> Object:
    """Return a probe by HTTP, once a second unless the numbers say otherwise."""
    return {"httpGet": {"path": path, "port": port}, **({"periodSeconds": 1} | numbers)}


def app(name: str = "app", /, *, env: dict[str, str] | None = None, **fields: Any) -> Object:
    """Return a container of the application, with further fields."""
    return container(name, **(env or {})) | fields


def shell(name: str, *command: str, **fields: Any) -> Object:
    """Return a container that runs a command of a shell."""
    return {"name": name, "image": "SHELL", "imagePullPolicy": "IfNotPresent", "command": list(command)} | fields


def echo(tag: str = "1.0", **fields: Any) -> Object:
    """Return a container of http-echo."""
    image = {"name": "app", "image": f"hashicorp/http-echo:{tag}", "imagePullPolicy": "IfNotPresent"}
    return image | {"args": ["-text=a"]} | fields


def pod(*containers: Object, name: str = "p", labels: dict[str, str] | None = None, **spec: Any) -> Object:
    """Return a pod."""
    meta = {"name": name, "labels": labels or {"app": "p"}}
    base = {"terminationGracePeriodSeconds": 4, "containers": list(containers)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": base | spec}


def deployment(
    *containers: Object, name: str = "d", replicas: int = 1, pods: Object | None = None, **spec: Any
) -> Object:
    """Return a Deployment; ``pods`` are further fields of its pods' spec."""
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 2, "containers": list(containers)} | (pods or {}),
    }
    base = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": base | spec}


def service(name: str = "s", *, app: str = "p", ports: list[Object] | None = None, **spec: Any) -> Object:
    """Return a Service."""
    base = {"selector": {"app": app}, "ports": ports or [{"port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": base | spec}


def autoscaler(smallest: int, largest: int, target: str = "d") -> Object:
    """Return a HorizontalPodAutoscaler of a Deployment, for the share of the CPU that its pods use."""
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    spec = {"minReplicas": smallest, "maxReplicas": largest, "scaleTargetRef": scaled}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h"},
        "spec": spec,
    }


def create(obj: Object) -> Step:
    """Create an object."""
    return Step("create", obj)


def patch(what: str, body: Any, how: str = "merge") -> Step:
    """Patch an object."""
    return Step("patch", what, (how, body))


def delete(what: str, **options: Any) -> Step:
    """Delete an object."""
    return Step("delete", what, {"apiVersion": "v1", "kind": "DeleteOptions", **options} if options else None)


def evict(what: str) -> Step:
    """Evict a pod."""
    return Step("evict", what)


def pause(seconds: float) -> Step:
    """Let time pass: the case is about what happens, or does not, meanwhile."""
    return Step("pause", None, seconds)


def wait(words: str, condition: Condition) -> Step:
    """Wait until a condition holds."""
    return Step("wait", words, condition)


def ready(name: str = "p") -> Step:
    """Wait until a pod is ready."""
    return wait(f"{name} is ready", lambda seen: _ready(seen.pods.get(name)))


def served(name: str = "p") -> Step:
    """Wait until a pod is ready, and an endpoint of the Service ``s``."""

    def met(seen: Observer) -> bool:
        return _ready(seen.pods.get(name)) and any(
            s == "service s" and a == f"to {name}" and state.startswith("ready") for _, s, a, state in seen.timeline
        )

    return wait(f"{name} is ready and served", met)


def said(subject: str, aspect: str, state: str, times: int = 1) -> Step:
    """Wait until the timeline has a state, so many times; a trailing ``*`` stands for any ending."""

    def met(seen: Observer) -> bool:
        prefix = state.removesuffix("*")
        count = 0
        for _, s, a, value in seen.timeline:
            fits = value.startswith(prefix) if state.endswith("*") else value == state
            count += s == subject and a == aspect and fits
        return count >= times

    return wait(f"{subject} {aspect} {state}", met)


def gone(name: str = "p") -> Step:
    """Wait until a pod's object is gone."""
    return wait(f"{name} is gone", lambda seen: name not in seen.pods)


def runs(count: int, *, ready: int | None = None, name: str = "d") -> Step:
    """Wait until so many pods of a Deployment exist and are ready, and none is being deleted."""

    def met(seen: Observer) -> bool:
        mine = [each for each in seen.pods.values() if (each["metadata"].get("labels") or {}).get("app") == name]
        going = [each for each in mine if each["metadata"].get("deletionTimestamp")]
        expected = count if ready is None else ready
        return len(mine) == count and not going and sum(map(_ready, mine)) == expected

    return wait(f"{count} pods of {name}, {ready} ready", met)


def complete(name: str = "d") -> Step:
    """Wait until a Deployment has what it wants: all pods updated and available, and no others."""

    def met(seen: Observer) -> bool:
        obj = seen.objects.get(("deployments", name))
        if obj is None:
            return False
        status, wanted = obj.get("status") or {}, obj["spec"]["replicas"]
        pods = [each for each in seen.pods.values() if (each["metadata"].get("labels") or {}).get("app") == name]
        counts = [status.get(field, 0) for field in ("replicas", "updatedReplicas", "availableReplicas")]
        seen_last = status.get("observedGeneration") == obj["metadata"].get("generation")
        return seen_last and counts == [wanted] * 3 and len(pods) == wanted

    return wait(f"{name} is complete", met)


def ask(path: str = "/", headers: Headers = None) -> Step:
    """Begin to send requests at 100/s to the ingress controller."""
    return Step("ask", path, headers or {})


def count() -> Step:
    """Let the requests count that are sent from now on: their answers decide the verdict."""
    return Step("count")


def answered(*words: str) -> Step:
    """Wait until the latest answers are all among these, and each of these is among them."""
    return wait(
        f"answers are {words}",
        lambda seen: (
            len(seen.traffic.latest) == LATEST == sum(word in words for word in seen.traffic.latest)
            and set(seen.traffic.latest) == set(words)
        ),
    )


def synced() -> Step:
    """Wait until the ingress controller has handled the last step."""
    return wait("the controller has synced", lambda seen: seen.syncs > 0)


def _ready(pod: Object | None) -> bool:
    conditions = ((pod or {}).get("status") or {}).get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def version(name: str, replicas: int = 1, **pods: Any) -> Object:
    """Return a Deployment of http-echo that answers its name, with a graceful end unless ``pods`` say otherwise."""
    graceful = {"preStop": {"sleep": {"seconds": 6}}}
    container = echo(args=[f"-text={name}"], readinessProbe=ECHO_READY, lifecycle=graceful)
    return deployment(container, name=name, replicas=replicas, pods={"terminationGracePeriodSeconds": 10} | pods)


def two_versions() -> tuple[Step, ...]:
    """Create two versions, each with a Service."""
    made = [create(obj) for name in "ab" for obj in (version(name), service(name, app=name, ports=ECHO_PORTS))]
    return (*made, complete("a"), complete("b"))
