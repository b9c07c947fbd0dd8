"""Make the questions that Kubernetes' own functions and ours answer; the same seed gives the same questions."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

from genuine.grammar import (
    KINDS,
    LABELS,
    ODD_LABELS,
    ODD_QUANTITIES,
    QUANTITIES,
    SHARES,
    Grammar,
    Object,
    damaged,
    fields,
    places,
)

Question = dict[str, Any]

SEED = 20261129
#: Shares of odd values: many objects with one or two, a few with many.
_ODDITIES = (0.0, 0.02, 0.05, 0.05, 0.1, 0.3)
#: The number of objects of each kind.
_OBJECTS = {
    "Deployment": 1000,
    "Service": 700,
    "Ingress": 450,
    "Pod": 450,
    "ReplicaSet": 120,
    "EndpointSlice": 150,
    "ConfigMap": 100,
    "Secret": 130,
}
_NOW = "2026-01-01T12:00:00Z"

_REQUIREMENTS = (
    "app=web",
    "app==web",
    "app!=web",
    "app in (web,a)",
    "app notin (web)",
    "app",
    "!app",
    "tier",
    "!tier",
    "app=",
    "app in ()",
    "app in (web",
    "=web",
    "app web",
    "x in (a, b )",
    "app=a b",
    "app>1",
    "app<5",
    " app = web ",
    "tier!=front",
    "app=we_b",
)


def questions(seed: int = SEED) -> list[Question]:
    """Return every question."""
    makers: tuple[tuple[int, Callable[[random.Random], Question]], ...] = (
        (600, _replace),
        (400, _patch),
        (400, _bounds),
        (300, _rollout),
        (300, _scale),
        (200, _victims),
        (250, _slices),
        (300, _quantity),
        (300, _selector),
    )
    rng = random.Random(seed)
    found = [_admit(rng, kind) for kind, count in _OBJECTS.items() for _ in range(count)]
    found += [make(rng) for count, make in makers for _ in range(count)]
    return found


def _grammar(rng: random.Random, *oddities: float) -> Grammar:
    return Grammar(rng, rng.choice(oddities or _ODDITIES))


def _admit(rng: random.Random, kind: str) -> Question:
    obj = KINDS[kind](_grammar(rng))
    return {"what": "admit", "object": damaged(obj, rng) if rng.random() < 0.12 else obj}


def _replace(rng: random.Random) -> Question:
    """Ask to replace an object by one with other values in some of its fields."""
    kind = rng.choice(
        ("Deployment", "Deployment", "ReplicaSet", "Pod", "Service", "Service", "Ingress", "ConfigMap", "Secret")
    )
    old = KINDS[kind](_grammar(rng, 0.0))
    other = KINDS[kind](_grammar(rng, 0.0, 0.05))
    new = copy.deepcopy(old)
    for part in rng.sample(sorted(other), k=min(len(other), rng.randint(1, 2))):
        if isinstance(other[part], dict) and isinstance(new.get(part), dict) and part in {"spec", "metadata"}:
            for name in rng.sample(sorted(other[part]), k=min(len(other[part]), rng.randint(1, 3))):
                new[part][name] = copy.deepcopy(other[part][name])
        else:
            new[part] = copy.deepcopy(other[part])
    new["metadata"]["name"] = old["metadata"]["name"]
    if rng.random() < 0.2:
        new = damaged(new, rng)
    return {"what": "replace", "old": old, "object": new}


def _patch(rng: random.Random) -> Question:
    """Ask for a strategic merge patch."""
    kind = rng.choice(("Deployment", "Deployment", "Deployment", "Pod", "Service", "Ingress"))
    obj, other = (KINDS[kind](_grammar(rng, 0.0)) for _ in range(2))
    patch: Object = {"metadata": {"labels": rng.choice(LABELS)}}
    if rng.random() < 0.8:
        names = rng.sample(sorted(other["spec"]), k=min(len(other["spec"]), rng.randint(1, 3)))
        patch["spec"] = {name: other["spec"][name] for name in names}
    patch = copy.deepcopy(patch)
    for path in [path for path in places(patch) if rng.random() < 0.04]:
        _direct(patch, path, rng)
    return {"what": "patch", "object": obj, "patch": patch}


def _direct(patch: Any, path: tuple[Any, ...], rng: random.Random) -> None:
    """Put a directive or a null at a place of a patch, unless another has replaced that place."""
    holder = patch
    for part in path[:-1]:
        try:
            holder = holder[part]
        except (KeyError, IndexError, TypeError):
            return
    last = path[-1]
    if isinstance(holder, list) and isinstance(last, int) and last < len(holder) and isinstance(holder[last], dict):
        holder[last] |= {"$patch": rng.choice(("delete", "replace", "merge"))}
    elif isinstance(holder, dict) and last in holder:
        below = holder[last]
        if isinstance(below, list) and rng.random() < 0.4:
            below.insert(0, {"$patch": "replace"})
        elif isinstance(below, dict) and rng.random() < 0.5:
            below["$patch"] = rng.choice(("replace", "delete", "merge", "other"))
        else:
            holder[last] = None


def _share(rng: random.Random) -> Any:
    return rng.choice((*SHARES, rng.randint(0, 15), f"{rng.randint(0, 130)}%"))


def _bounds(rng: random.Random) -> Question:
    """Ask for the numbers behind ``maxSurge`` and ``maxUnavailable``."""
    return {
        "what": "bounds",
        "replicas": rng.choice((0, 1, 2, 3, 4, 7, 10, 33, 101)),
        "surge": _share(rng),
        "unavailable": _share(rng),
    }


def _rollout(rng: random.Random) -> Question:
    """Ask for the next size of the new ReplicaSet."""
    sets = [{"replicas": rng.randint(0, 12)} for _ in range(rng.randint(1, 3))]
    return {"what": "rollout", "replicas": rng.randint(0, 12), "surge": _share(rng), "unavailable": 1, "sets": sets}


def _scale(rng: random.Random) -> Question:
    """Ask for the share that one of several ReplicaSets has in a change of the Deployment's size."""
    change = rng.choice((-1, 1)) * rng.randint(1, 12)
    replicas = rng.randint(1, 20)
    one = {"replicas": rng.randint(1, 12), "largest": rng.randint(1, 16)}
    return {
        "what": "scale",
        "replicas": replicas,
        "surge": _share(rng),
        "unavailable": 1,
        "sets": [{"replicas": change, "largest": 0}, one],
    }


def _seconds_ago(seconds: int) -> str:
    minutes, rest = divmod(12 * 3600 - seconds, 60)
    return f"2026-01-01T{minutes // 60:02}:{minutes % 60:02}:{rest:02}Z"


def _some_pod(rng: random.Random, number: int, labels: Object) -> Object:
    ready = rng.random() < 0.6
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    if rng.random() < 0.95:
        condition["lastTransitionTime"] = _seconds_ago(rng.randint(0, 400))
    address = f"10.0.0.{number + 1}"
    status = fields(
        phase=rng.choice(("Running", "Running", "Running", "Pending", "Unknown", "Succeeded", "Failed")),
        podIP=... if rng.random() < 0.1 else address,
        conditions=[condition] if rng.random() < 0.95 else ...,
        containerStatuses=[
            {"name": "app", "restartCount": rng.randint(0, 3), "image": "", "imageID": "", "ready": ready}
        ],
    )
    if "podIP" in status:
        status["podIPs"] = [{"ip": address}]
    metadata = fields(
        name=f"p{number}",
        namespace="default",
        uid=f"uid-{number}",
        labels=labels,
        creationTimestamp=_seconds_ago(rng.randint(400, 4000)),
        annotations={
            "controller.kubernetes.io/pod-deletion-cost": rng.choice(("-5", "0", "10", "+3", "x", "1.5", "03"))
        }
        if rng.random() < 0.15
        else ...,
        deletionTimestamp=_NOW if rng.random() < 0.1 else ...,
    )
    port = {"name": rng.choice(("http", "http", "other")), "containerPort": rng.choice((8080, 8080, 9090))}
    ports = [port | {"protocol": rng.choice(("TCP", "TCP", "TCP", "UDP"))}]
    containers = [{"name": "app", "image": "a", **({"ports": ports} if rng.random() < 0.9 else {})}]
    return {"metadata": metadata, "spec": {"nodeName": "node", "containers": containers}, "status": status}


def _victims(rng: random.Random) -> Question:
    """Ask in which order pods are deleted."""
    pods = [_some_pod(rng, number, {"app": "web"}) for number in range(rng.randint(2, 6))]
    for each in pods:
        if each["status"]["phase"] in {"Succeeded", "Failed"}:
            each["status"]["phase"] = "Running"
        each["metadata"].pop("deletionTimestamp", None)
        if rng.random() < 0.15:
            del each["spec"]["nodeName"]
    return {"what": "victims", "now": _NOW, "items": pods}


def _slices(rng: random.Random) -> Question:
    """Ask for the EndpointSlices of a Service."""
    ports = [
        fields(
            name=rng.choice(("a", "")) if len(names) == 1 else name,
            port=80 + number,
            protocol=rng.choice(("TCP", "TCP", "TCP", "UDP")),
            targetPort=rng.choice((8080, "http", "http", 80 + number)),
        )
        for names in [rng.choice((("",), ("a", "b")))]
        for number, name in enumerate(names)
    ]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "default", "uid": "service", "labels": rng.choice(LABELS)},
        "spec": fields(
            selector={"app": "web"},
            ports=ports,
            ipFamilies=["IPv4"],
            clusterIP=rng.choice(("10.96.0.9", "10.96.0.9", "None")),
            publishNotReadyAddresses=True if rng.random() < 0.2 else ...,
        ),
    }
    pods = [_some_pod(rng, number, {"app": "web"}) for number in range(rng.choice((0, 1, 2, 3, 5)))]
    return {"what": "slices", "object": service, "items": pods}


def _quantity(rng: random.Random) -> Question:
    number = rng.choice((str(rng.randint(-5, 5000)), f"{rng.randint(0, 99)}.{rng.randint(0, 9999)}", "0.0", ".5", "00"))
    suffix = rng.choice(
        ("", "", "m", "k", "M", "G", "Ki", "Mi", "Gi", "u", "n", "e3", "E2", "e-2", "T", "Pi", "x", "K", "ki")
    )
    return {
        "what": "quantity",
        "text": rng.choice((str(rng.choice((*QUANTITIES, *ODD_QUANTITIES))), number + suffix, number + suffix)),
    }


def _selector(rng: random.Random) -> Question:
    """Ask if a selector, as an object or as text in a URL, selects labels."""
    labels = dict(rng.choice(LABELS))
    if rng.random() < 0.5:
        one = rng.choice(({"matchLabels": rng.choice((*LABELS, *(each for each in ODD_LABELS if each)))}, {}))
        values: Any = rng.choice(([], ["web"], ["web", "a"], ["a"], ["a b"]))
        operator = rng.choice(("In", "NotIn", "Exists", "DoesNotExist", "Gt"))
        expression = {"key": rng.choice(("app", "tier", "x", "")), "operator": operator, "values": values}
        obj = one | ({"matchExpressions": [expression]} if rng.random() < 0.7 else {})
        return {"what": "selector", "object": obj, "labels": labels}
    return {
        "what": "selector",
        "text": ",".join(rng.choice(_REQUIREMENTS) for _ in range(rng.randint(1, 2))),
        "labels": labels,
    }


def kinds(asked: list[Question]) -> Iterator[str]:
    """Yield what each question asks for, with the kind of its object."""
    for each in asked:
        obj = each.get("object") or {}
        yield f"{each['what']} {obj['kind']}" if each["what"] in {"admit", "replace"} else each["what"]
