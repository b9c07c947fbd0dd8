"""Tests of the interface in ``harness.clusters.base``, as one class that the tests of each kind of cluster inherit.

One cluster is brought up for a class. The observations of a trial are recorded, and then the cluster is killed.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
import yaml

from harness.clusters.base import BringUp, Cluster, Entry, Provider, SharedCluster
from harness.controller_objects import ControllerAddress
from harness.errors import HarnessError
from harness.kit.waiting import wait_until
from harness.kube.client import Kube
from harness.kube.errors import NotFoundError
from harness.model.timeline import Event, EventKind
from harness.runner.deploy import deploy
from harness.runner.entry import address_of

IMAGE = "hashicorp/http-echo:1.0"
#: The id of the request that is looked for in the access log; those before it have none.
ATTEMPT = "contract-0-1"
LABELS = {"app": "apple"}
NAMESPACE = "contract-one"
#: Seconds for whatever is awaited: a machine may be busy.
PATIENCE = 120.0


def manifests(ingress: str) -> tuple[Mapping[str, Any], ...]:
    """Return an apple, its Service, and an Ingress with a controller's class."""
    container = {"name": "echo", "image": IMAGE, "args": ["-text=apple-v1"], "imagePullPolicy": "IfNotPresent"}
    rule = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "apple", "port": {"number": 5678}}}}
    objects: list[Mapping[str, Any]] = [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "apple"},
            "spec": {
                "selector": {"matchLabels": LABELS},
                "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "apple"},
            "spec": {"selector": LABELS, "ports": [{"port": 5678}]},
        },
    ]
    if ingress != "none":
        spec = {
            "ingressClassName": "traefik" if ingress == "traefik" else "nginx",
            "rules": [{"http": {"paths": [rule]}}],
        }
        metadata = {"name": "fruit"}
        objects.append({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec})
    return tuple(objects)


def answer_of(entry: Entry, attempt: str = "") -> str:
    """Return the body of a 200 on a new connection; empty for anything else."""
    connection = http.client.HTTPConnection(*address_of(entry), timeout=10)
    try:
        connection.request("GET", "/", headers={"X-Request-ID": attempt} if attempt else {})
        answer = connection.getresponse()
        return answer.read().decode().strip() if answer.status == 200 else ""
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


@contextmanager
def followed(cluster: Cluster) -> Iterator[list[Event]]:
    """Collect the ingress controller's events during the context."""
    events: list[Event] = []
    stop = threading.Event()
    thread = threading.Thread(target=lambda: events.extend(cluster.ingress_events(stop.is_set)))
    thread.start()
    try:
        yield events
    finally:
        stop.set()
        thread.join()


@dataclass
class Seen:
    """The observations of a cluster from its start to its kill."""

    contexts: int = 0
    answer: str = ""
    signals: frozenset[str] = frozenset()
    events: list[Event] = field(default_factory=list)
    facts: Mapping[str, str] = field(default_factory=dict)
    controller: ControllerAddress | None = None
    controller_pods: int = 0
    folder: Path = Path()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    death: str = ""

    def files(self, pattern: str) -> list[Path]:
        """Return the files of the evidence."""
        return [path for path in sorted(self.folder.glob(pattern)) if path.stat().st_size]


@dataclass(frozen=True)
class Subject:
    """A kind of cluster, as it is put to the test.

    Attributes:
        provider: The kind.
        kill: Ends a cluster as a crash would.
        ingress: The controller that it is to have.
        options: Of the request.
        has_controller: Whether the controller is a Deployment of the cluster.
    """

    provider: Callable[[], Provider]
    kill: Callable[[Cluster], None]
    ingress: str = "ingress-nginx"
    options: Callable[[], Mapping[str, str]] = dict
    has_controller: bool = True

    def live(self, folder: Path) -> Seen:
        """Run one cluster from start to kill. Return the observations."""
        request = BringUp(
            name="contract",
            directory=folder / "cluster",
            ingress=self.ingress,
            images=(IMAGE,),
            options=self.options(),
        )
        seen = Seen(folder=folder / "evidence")
        provider = self.provider()
        provider.check(request)
        with provider.up(request, lambda _text: None) as cluster:
            seen.facts, seen.signals, seen.controller = cluster.facts(), cluster.ingress_signals, cluster.controller
            with self._trial_cluster(cluster, seen.folder, shared=provider.shared) as mine:
                self._use(mine, seen)
            with Kube(cluster.kubeconfig) as kube:
                seen.after = _namespaces(kube) if provider.shared else ()
            seen.death = self._kill(cluster)
        return seen

    def _trial_cluster(self, cluster: Cluster, folder: Path, *, shared: bool) -> AbstractContextManager[Cluster]:
        """Return the cluster for one trial."""
        return cast(SharedCluster, cluster).for_trial(NAMESPACE, folder) if shared else nullcontext(cluster)

    def _use(self, cluster: Cluster, seen: Seen) -> None:
        """Deploy, send a request, and record the observations."""
        seen.contexts = len(yaml.safe_load(cluster.kubeconfig.read_text())["contexts"])
        with Kube(cluster.kubeconfig) as kube, followed(cluster) as seen.events:
            seen.before = _namespaces(kube)
            deploy(kube, manifests(self.ingress), NAMESPACE, shared=self.provider().shared)
            entry = cluster.service_entry(NAMESPACE, "apple") if self.ingress == "none" else cluster.entry
            seen.answer = wait_until(lambda: answer_of(entry, ATTEMPT), timeout=PATIENCE, what="the entry to answer")
            # The controller's events come a moment later.
            wait_until(
                lambda: cluster.ingress_signals <= {event.what for event in seen.events},
                timeout=PATIENCE,
                what=lambda: f"the signals {set(cluster.ingress_signals)}, not {[e.what for e in seen.events]} alone",
            )
            if seen.controller is not None:
                seen.controller_pods = _ready_pods(kube, seen.controller)
            cluster.check()
        cluster.collect(seen.folder)

    def _kill(self, cluster: Cluster) -> str:
        """Kill the cluster, and wait until a check raises. Return the message."""
        said = ""

        def noticed() -> bool:
            nonlocal said
            try:
                cluster.check()
            except HarnessError as error:
                said = error.message
            return bool(said)

        assert not noticed()
        self.kill(cluster)
        wait_until(noticed, timeout=PATIENCE, what="the cluster's end to be noticed")
        return said


class ClusterContract:
    """The contract, which a test class for each kind inherits."""

    subject: ClassVar[Subject]

    @pytest.fixture(scope="class")
    @classmethod
    def seen(cls, tmp_path_factory: pytest.TempPathFactory) -> Seen:
        """Return the observations of one cluster."""
        return cls.subject.live(tmp_path_factory.mktemp("contract"))

    def test_kubeconfig_reaches_it_by_its_one_context(self, seen: Seen) -> None:
        """The kubeconfig has one context, and the API server answers."""
        assert seen.contexts == 1
        assert "default" in seen.before

    def test_requests_are_answered_by_the_application(self, seen: Seen) -> None:
        """They go through the ingress controller, or directly to the Service."""
        assert seen.answer == "apple-v1"

    def test_controller_has_the_declared_signals(self, seen: Seen) -> None:
        """Each of ``ingress_signals`` has occurred, and every event is the ingress controller's."""
        assert seen.signals <= {event.what for event in seen.events}
        assert {event.kind for event in seen.events} <= {EventKind.INGRESS}
        assert all(event.exact_ns >= 0 for event in seen.events)

    def test_request_is_in_the_access_log_once(self, seen: Seen) -> None:
        """It is found by its id. Without an ingress controller there is no access log."""
        if self.subject.ingress == "none":
            assert seen.files("access.jsonl") == []
            return
        assert (seen.folder / "access.jsonl").read_text().count(f'"attempt":"{ATTEMPT}","method":"GET"') >= 1

    def test_logs_are_collected(self, seen: Seen) -> None:
        """There are logs of the workload's pods and of the controller."""
        assert any("apple" in path.name for path in (seen.folder / "logs" / "pods").iterdir())
        assert self.subject.ingress == "none" or seen.files("logs/*controller*")

    def test_facts_are_texts_for_a_reader(self, seen: Seen) -> None:
        """They name the cluster, its ingress, and its bring-up time."""
        assert {"cluster", "ingress", "cluster up in"} <= set(seen.facts)
        assert all(isinstance(value, str) and value for value in seen.facts.values())
        assert seen.facts["ingress"].startswith(self.subject.ingress)

    def test_trial_has_its_own_namespace(self, seen: Seen) -> None:
        """It does not exist at the start, and is gone at the end."""
        assert NAMESPACE not in seen.before
        assert NAMESPACE not in seen.after

    def test_controller_is_where_it_is_said_to_be(self, seen: Seen) -> None:
        """Its Deployment exists, and pods with its labels serve."""
        assert (seen.controller is not None) == self.subject.has_controller
        assert seen.controller is None or seen.controller_pods >= 1

    def test_end_is_noticed(self, seen: Seen) -> None:
        """Losses after the cluster's death are the harness's own fault: a check raises and names it."""
        assert "ended by itself" in seen.death


def _namespaces(kube: Kube) -> tuple[str, ...]:
    return tuple(one["metadata"]["name"] for one in kube.list("Namespace", ""))


def _ready_pods(kube: Kube, controller: ControllerAddress) -> int:
    try:
        kube.get("Deployment", controller.deployment, controller.namespace)
    except NotFoundError:
        return 0
    labels = ",".join(f"{key}={value}" for key, value in controller.labels.items())
    return sum(
        any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ()))
        for pod in kube.list("Pod", controller.namespace, labels=labels)
    )
