"""An embedded cluster for one test, and applications on it as targets of traffic."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.clusters.base import BringUp, Cluster
from harness.clusters.registry import provider
from harness.experiment.load import load_experiment
from harness.kit.backends import read_backends
from harness.kube.client import Kube
from harness.runner.deploy import deploy, images_of
from harness.runner.entry import wait_for_entry
from harness.runner.rules import rules_of


@dataclass(frozen=True, slots=True)
class Target:
    """An application that the ingress serves.

    Attributes:
        url: Its URL, for ``lossless``.
        namespace: Its namespace.
        kubeconfig: The kubeconfig of its cluster.
    """

    url: str
    namespace: str
    kubeconfig: Path


class TestbedCluster:
    """A running embedded cluster.

    Args:
        cluster: The cluster.
        ingress: Its ingress controller, by its name in an Experiment.
        folder: Folder for files of the test.

    Attributes:
        kubeconfig: A kubeconfig with this cluster as its only context.
    """

    #: pytest must not take it for a test.
    __test__ = False

    def __init__(self, cluster: Cluster, ingress: str, folder: Path) -> None:
        self._cluster = cluster
        self._ingress = ingress
        self._folder = folder
        self._deployed = 0
        self.kubeconfig = cluster.kubeconfig

    def deploy(self, workload: str | Path, path: str, *, namespace: str = "") -> Target:
        """Deploy manifests in a namespace of their own, and wait until the ingress serves a path.

        Args:
            workload: A manifest, or a folder of manifests, as in an Experiment.
            path: The path of the URL; an Ingress among the manifests must have it.
            namespace: Namespace to create; ``target-1`` and so on by default.

        Raises:
            InvalidInputError: The manifests have problems, or fields that the embedded cluster does not implement.
            HarnessError: An object was refused, or the application did not become ready.
        """
        self._deployed += 1
        namespace = namespace or f"target-{self._deployed}"
        file = self._folder / f"{namespace}.json"
        content = {
            "name": namespace,
            "workload": str(Path(workload).absolute()),
            "ingress": self._ingress,
            "traffic": {"rate": "10/s", "paths": [path], "connections": ["new"]},
            "matrix": {"as": {"given": {}}},
            "changes": ["none"],
        }
        file.write_text(json.dumps(content), encoding="utf-8")
        kind = provider("local")
        experiment = load_experiment(file, rules=rules_of("local", {}))
        manifests = experiment.cells[0].configuration.manifests
        kind.check(BringUp(namespace, self._folder, ingress=self._ingress, images=images_of(manifests)))
        with Kube(self.kubeconfig) as kube:
            deploy(kube, manifests, namespace, shared=False)
        wait_for_entry(self._cluster.entry, experiment.traffic)
        entry = self._cluster.entry
        backends = read_backends(entry.backends).addresses if entry.backends is not None else ()
        address, port = backends[0] if backends else (entry.address, entry.port)
        return Target(f"http://{address}:{port}{path}", namespace, self.kubeconfig)


@contextmanager
def cluster_up(ingress: str, folder: Path) -> Iterator[TestbedCluster]:
    """Bring an embedded cluster up, and take it down at the end.

    Args:
        ingress: Its ingress controller, by its name in an Experiment.
        folder: Folder for its state; it is removed at the end.

    Raises:
        MissingToolError: The machine lacks the program of the ingress controller.
        BringUpError: It did not come up.
    """
    kind = provider("local")
    request = BringUp("pytest", folder, ingress=ingress)
    kind.check(request)
    with kind.up(request, lambda _step: None) as cluster:
        yield TestbedCluster(cluster, ingress, folder)
