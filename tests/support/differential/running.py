"""Run timeline cases on a cluster, side by side, each in a namespace of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from differential.api_answers import Api
from differential.controller_log import SyncListener
from differential.lanes import LABEL
from differential.observing import Entry, Object, Observer, slowest_start
from differential.traffic import Target, counted_answers, first_of_last

#: What is watched, by plural.
WATCHED: Mapping[str, str] = {
    "pods": "/api/v1/pods",
    "endpointslices": "/apis/discovery.k8s.io/v1/endpointslices",
    "events": "/api/v1/events",
    "deployments": "/apis/apps/v1/deployments",
    "replicasets": "/apis/apps/v1/replicasets",
    "ingresses": "/apis/networking.k8s.io/v1/ingresses",
    "horizontalpodautoscalers": "/apis/autoscaling/v2/horizontalpodautoscalers",
}
_GROUPS = {
    "pods": "/api/v1", "services": "/api/v1", "configmaps": "/api/v1", "secrets": "/api/v1",
    "deployments": "/apis/apps/v1", "replicasets": "/apis/apps/v1", "endpointslices": "/apis/discovery.k8s.io/v1",
    "ingresses": "/apis/networking.k8s.io/v1", "ingressroutes": "/apis/traefik.io/v1alpha1",
    "traefikservices": "/apis/traefik.io/v1alpha1", "middlewares": "/apis/traefik.io/v1alpha1",
    "horizontalpodautoscalers": "/apis/autoscaling/v2",
}  # fmt: skip
_PLURALS = {
    "Pod": "pods", "Service": "services", "ConfigMap": "configmaps", "Secret": "secrets", "Deployment": "deployments",
    "ReplicaSet": "replicasets", "EndpointSlice": "endpointslices", "Ingress": "ingresses",
    "IngressRoute": "ingressroutes", "TraefikService": "traefikservices", "Middleware": "middlewares",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers",
}  # fmt: skip
_PATCHES = {"merge": "application/merge-patch+json", "json": "application/json-patch+json"}
#: Longest time for a container of a present image to start, in seconds, unless the cluster is starved.
START_SECONDS = 2.5
#: Words in manifests that stand for the host of the case, and its namespace.
HOST, NAMESPACE = "HOST", "NAMESPACE"
#: Longest time for a wait, in seconds.
WAIT_SECONDS = 75.0

#: The group of cases whose controller says when it syncs.
NGINX = "ingress-nginx"

Condition = Callable[[Observer], bool]


@dataclass(frozen=True)
class Step:
    """One step of a script.

    Attributes:
        kind: ``create``, ``patch``, ``delete``, ``evict``, ``wait``, ``pause``, ``ask`` or ``count``; ``patch any`` is
            for the first pod with a label, ``delete any set`` for the first ReplicaSet. ``ask`` begins to send requests
            to the ingress controller; what is sent from ``count`` to the end has a verdict.
        what: An object to create, ``plural/name`` of one, ``label=value``, words for what is waited for, or the path of
            the requests.
        body: Patch, options, the condition, or headers of the requests; seconds of a pause.
    """

    kind: str
    what: Any = None
    body: Any = None


@dataclass(frozen=True)
class Case:
    """A case: a script, and what is watched meanwhile.

    Attributes:
        name: Unique.
        group: ``kubelet``, ``controllers``, ``ingress-nginx`` or ``traefik``.
        steps: The script; the case ends after the last.
        slack: Seconds by which a duration may differ, besides a share of it.
    """

    name: str
    group: str
    steps: tuple[Step, ...]
    slack: float = 1.2

    @property
    def is_asked(self) -> bool:
        """True if requests are sent, so that the case needs an ingress controller."""
        return any(step.kind == "ask" for step in self.steps)


@dataclass(frozen=True)
class Flavour:
    """The names that a cluster has for the things that cases share.

    Attributes:
        image: An image with Python.
        python: The program in it.
        shell: An image with a shell and ``sleep``.
    """

    image: str
    python: str
    shell: str


@dataclass
class Run:
    """A case as it runs: its observer, and the streams of its pods' logs."""

    case: Case
    observer: Observer
    began: float
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    heard: set[tuple[str, str, str]] = field(default_factory=set)
    logs: dict[tuple[str, str, str], asyncio.Task[None]] = field(default_factory=dict)
    sender: asyncio.Task[None] | None = None
    counted_since: float = 0.0


class Runner:
    """Runs cases.

    Args:
        api: The cluster.
        flavour: Its images.
        mark: Part of the namespaces' names.
        patience: Longest time for a wait, in seconds.
        entry: URL of the ingress controller's entry point, for cases that ask.
        lane: The lane of its namespaces; empty for a cluster with one controller.
    """

    def __init__(
        self,
        api: Api,
        flavour: Flavour,
        mark: str,
        *,
        patience: float = WAIT_SECONDS,
        entry: str = "",
        lane: str = "",
    ) -> None:
        self._api = api
        self._flavour = flavour
        self._mark = mark
        self._patience = patience
        self._entry = entry
        self._lane = {LABEL: lane} if lane else {}
        self._runs: dict[str, Run] = {}
        self._number = 0
        #: Time of the monotonic clock after which no case begins.
        self.until = float("inf")

    async def run(self, cases: Sequence[Case], *, together: int) -> dict[str, list[Entry]]:
        """Run cases, so many at a time; return their timelines by name."""
        turn = asyncio.Semaphore(together)
        found: dict[str, list[Entry]] = {}

        async def one(number: int, case: Case) -> None:
            async with turn:
                if time.monotonic() > self.until:
                    return
                found[case.name] = await self._case(f"d-{self._mark}-{number}", case)

        async with self._watching(), asyncio.TaskGroup() as group:
            for case in cases:
                self._number += 1
                group.create_task(one(self._number, case))
        return found

    async def run_unstarved(
        self, cases: Sequence[Case], *, together: int, tries: int
    ) -> tuple[dict[str, list[Entry]], list[str]]:
        """Run cases, and again those during which the cluster was starved; return timelines and what is left.

        A container of a present image that takes longer than ``START_SECONDS`` to start has had no processor time;
        its case tells nothing of times, whatever came out.
        """
        found: dict[str, list[Entry]] = {}
        left = list(cases)
        for _ in range(tries):
            found |= await self.run(left, together=together)
            left = [case for case in left if slowest_start(found.get(case.name, ())) > START_SECONDS]
        for case in left:
            del found[case.name]
        return found, [case.name for case in left]

    async def _case(self, namespace: str, case: Case) -> list[Entry]:
        await self._make("/api/v1/namespaces", {"metadata": {"name": namespace, "labels": self._lane}})
        code, _, body = await self._api.send(
            "POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", body={"metadata": {"name": "default"}}
        )
        if code not in {201, 409}:
            raise RuntimeError(f"cannot create the service account: {body}")
        began = time.time()
        run = self._runs[namespace] = Run(case, Observer(lambda: time.time() - began), began)
        try:
            for number, step in enumerate(case.steps, 1):
                if not await self._step(namespace, run, number, step):
                    break
            await self._conclude(run)
            run.observer.note("script", "end", "reached")
        finally:
            if run.sender is not None:
                run.sender.cancel()
            timeline = sorted(run.observer.timeline, key=lambda entry: entry[0])
            del self._runs[namespace]
            for task in run.logs.values():
                task.cancel()
            await asyncio.gather(*run.logs.values(), return_exceptions=True)
            if case.is_asked:
                await self._clear(namespace, run)
            await self._api.send("DELETE", f"/api/v1/namespaces/{namespace}")
        return relevant(timeline) if case.is_asked else timeline

    async def _clear(self, namespace: str, run: Run) -> None:
        """Delete what a case has made at once: the end of a namespace takes long, and would sync in the next case."""
        made = [step.what for step in run.case.steps if step.kind == "create"]
        for obj in sorted(made, key=lambda obj: bool(obj["kind"] == "Deployment")):
            await self._api.send("DELETE", _path(namespace, f"{_PLURALS[obj['kind']]}/{obj['metadata']['name']}"))
        at_once = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}
        for name in list(run.observer.pods):
            await self._api.send("DELETE", _path(namespace, f"pods/{name}"), body=at_once)

    async def _conclude(self, run: Run) -> None:
        """Stop the requests of a case, and note what was answered to those that count."""
        if run.sender is None:
            return
        run.sender.cancel()
        await asyncio.wait({run.sender})
        for word, at in first_of_last(run.observer.traffic.answers, run.counted_since).items():
            run.observer.note("answers", "switch", word, at=at - run.began)
        for aspect, state in counted_answers(run.observer.traffic.answers, run.counted_since).items():
            run.observer.note("answers", aspect, state)
        if run.case.group == NGINX:
            run.observer.note("controller", "reloads", str(run.observer.reloads))

    async def _step(self, namespace: str, run: Run, number: int, step: Step) -> bool:
        """Carry out a step; False where a wait was not met, which ends the case."""
        match step.kind:
            case "wait":
                return await _until(run, str(step.what), step.body, self._patience)
            case "pause":
                await asyncio.sleep(step.body)
                return True
            case "ask":
                target = Target(self._entry, _host(namespace), step.what, step.body)
                sending = run.observer.traffic.send(target, run.changed.set)
                run.sender = asyncio.create_task(sending, name=f"requests of {run.case.name}")
                return True
            case "count":
                run.counted_since, run.observer.reloads = time.time(), 0
                return True
        run.observer.syncs = 0
        run.observer.note("script", f"step {number}", step.kind)
        code, body = await self._act(namespace, run, step)
        if code >= 400:
            run.observer.note("script", f"step {number}", f"refused {code} {body.get('message', '')[:120]}")
        return True

    async def _act(self, namespace: str, run: Run, step: Step) -> tuple[int, Any]:
        if step.kind.endswith((" any", " any set")):
            found = chosen(run.observer, step)
            if found is None:
                return 404, {"message": f"nothing has {step.what}"}
            step = found
        match step.kind:
            case "create":
                plural = _PLURALS[step.what["kind"]]
                body = self._filled(step.what, namespace)
                code, _, answer = await self._api.send("POST", _path(namespace, plural), body=body)
            case "patch":
                how, body = step.body
                code, _, answer = await self._api.send(
                    "PATCH", _path(namespace, step.what), body=self._filled(body, namespace), content=_PATCHES[how]
                )
            case "delete":
                code, _, answer = await self._api.send("DELETE", _path(namespace, step.what), body=step.body)
            case "evict":
                meta = {"name": step.what.partition("/")[2]}
                body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": meta}
                code, _, answer = await self._api.send("POST", f"{_path(namespace, step.what)}/eviction", body=body)
            case _:
                raise ValueError(f"unknown step: {step.kind}")
        return code, answer

    def _filled(self, value: Any, namespace: str) -> Any:
        """Put the cluster's image and programs, and the case's host, where the case has their names."""
        words = {"IMAGE": self._flavour.image, "PYTHON": self._flavour.python, "SHELL": self._flavour.shell}
        if isinstance(value, dict):
            return {name: self._filled(item, namespace) for name, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item, namespace) for item in value]
        if not isinstance(value, str):
            return value
        return words.get(value, value).replace(HOST, _host(namespace)).replace(NAMESPACE, namespace)

    async def _make(self, path: str, body: Object) -> None:
        code, _, answer = await self._api.send("POST", path, body=body)
        if code != 201:
            raise RuntimeError(f"cannot create {body['metadata']['name']}: {answer}")

    @asynccontextmanager
    async def _watching(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._watch(plural, path)) for plural, path in WATCHED.items()]
            if self._entry:
                log = SyncListener(self._api, self._hear, self._lane)
                tasks.append(group.create_task(log.follow(), name="controller's log"))
            await asyncio.sleep(0)
            yield
            for task in tasks:
                task.cancel()

    async def _watch(self, plural: str, path: str) -> None:
        async with self._api.session.get(
            self._api.url + path, params={"watch": "true"}, read_bufsize=1 << 22
        ) as response:
            async for line in response.content:
                event = json.loads(line)
                obj = event["object"]
                run = self._runs.get((obj.get("metadata") or {}).get("namespace", ""))
                if run is not None and event["type"] != "BOOKMARK":
                    run.observer.take(plural, event["type"], obj)
                    if plural == "pods":
                        self._follow_logs(run, obj)
                    run.changed.set()

    def _hear(self, said: str) -> None:
        """Note a sync of the ingress controller for every case that runs: only one should."""
        for run in self._runs.values():
            if run.case.group != NGINX:
                continue
            if said == "reload":
                run.observer.reloads += 1
                if run.counted_since:
                    run.observer.note("controller", "reload", f"done {run.observer.reloads}")
            else:
                run.observer.syncs += 1
            run.changed.set()

    def _follow_logs(self, run: Run, pod: Object) -> None:
        for status in (pod.get("status") or {}).get("containerStatuses") or []:
            started = ((status.get("state") or {}).get("running") or {}).get("startedAt")
            key = (pod["metadata"]["name"], status["name"], str(status.get("restartCount")))
            spec: Object = next((c for c in pod["spec"]["containers"] if c["name"] == status["name"]), {})
            if started and key not in run.logs and "-c" in (spec.get("command") or ()) and len(spec["command"]) == 5:
                run.logs[key] = asyncio.create_task(self._log(run, pod, status["name"]))

    async def _log(self, run: Run, pod: Object, container: str) -> None:
        """Follow a container's log to its end, and put what its application says into the timeline.

        The embedded cluster's log of a container goes on where the one before has ended, so a line may come twice.
        """
        metadata = pod["metadata"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/log"
        subject = f"app {run.observer.role(pod)}"
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            async with self._api.session.get(
                self._api.url + path, params={"follow": "true", "container": container}
            ) as response:
                async for line in response.content:
                    text = line.decode(errors="replace").strip()
                    if (subject, container, text) in run.heard:
                        continue
                    run.heard.add((subject, container, text))
                    stamp, _, said = text.partition(" ")
                    with contextlib.suppress(ValueError):
                        run.observer.note(subject, container, said, at=float(stamp) - run.began)
                        run.changed.set()


async def _until(run: Run, words: str, condition: Condition, patience: float) -> bool:
    """Wait for a condition; note in the timeline where it was not met in time."""
    deadline = time.monotonic() + patience
    while not condition(run.observer):
        run.changed.clear()
        left = deadline - time.monotonic()
        if left <= 0:
            run.observer.note("script", "wait", f"not met: {words}")
            return False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(left, 1.0)):
                await run.changed.wait()
    return True


def chosen(seen: Observer, step: Step) -> Step | None:
    """Return the step for the first pod, or ReplicaSet, with the label that it names; None if there is none."""
    label, _, value = step.what.partition("=")
    sets = [obj for (plural, _), obj in seen.objects.items() if plural == "replicasets"]
    plural, objects = ("replicasets", sets) if step.kind.endswith("set") else ("pods", list(seen.pods.values()))
    names = [o["metadata"]["name"] for o in objects if (o["metadata"].get("labels") or {}).get(label) == value]
    if not names:
        return None
    kind = step.kind.partition(" ")[0]
    return Step(kind, f"{plural}/{names[0]}", ("merge", step.body) if kind == "patch" else step.body)


def _host(namespace: str) -> str:
    """Return the host of a case, which no other case has."""
    return f"{namespace}.test"


def relevant(timeline: Sequence[Entry]) -> list[Entry]:
    """Keep what is about requests; other cases are about pods. Starts of pods say whether the cluster was starved."""
    return [
        entry
        for entry in timeline
        if (entry[1].partition(" ")[0] in {"script", "answers", "controller", "ingress"} and entry[2] != "address")
        or (entry[1].startswith("pod ") and (entry[3] == "there" or entry[2] == "event Normal Started"))
    ]


def _path(namespace: str, what: str) -> str:
    plural, _, name = what.partition("/")
    return f"{_GROUPS[plural]}/namespaces/{namespace}/{plural}" + (f"/{name}" if name else "")
