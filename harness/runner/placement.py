"""Gives each trial its place: a cluster of its own, or a namespace on a cluster that all trials share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol, cast

from harness.clusters.base import BringUp, Cluster, Progress, Provider, SharedCluster
from harness.clusters.shared.namespaces import namespace_name
from harness.runner.deploy import images_of
from harness.runner.trial_order import TrialJob

#: The workload's namespace on a cluster that belongs to one trial.
NAMESPACE = "harness"


@dataclass(frozen=True, slots=True)
class TrialPlace:
    """The cluster and namespace of one trial.

    Attributes:
        cluster: The cluster.
        namespace: The workload's namespace. It does not exist yet, except for a change in place.
        shared: All trials use this cluster, so the trial waits until the ingress has processed what earlier ones left.
    """

    cluster: Cluster
    namespace: str
    shared: bool = False


class Placement(Protocol):
    """Gives each trial its place."""

    def place(self, job: TrialJob, progress: Progress) -> AbstractContextManager[TrialPlace]:
        """Return a context that yields the trial's place; it is valid until the context ends."""


class OwnClusters:
    """Gives every trial a cluster of its own: a reload of a shared ingress would cut other trials' connections.

    Args:
        provider: The kind of cluster.
        request: Properties that all clusters have in common.
    """

    def __init__(self, provider: Provider, request: BringUp) -> None:
        self._provider = provider
        self._request = request

    @contextmanager
    def place(self, job: TrialJob, progress: Progress) -> Iterator[TrialPlace]:
        """Bring up a cluster in the trial's folder, with the trial's number as its seed."""
        request = BringUp(
            name=job.cell.id,
            directory=job.directory.path / "cluster",
            ingress=self._request.ingress,
            profile=self._request.profile,
            seed=job.number,
            images=images_of(job.cell.configuration.manifests),
            options=self._request.options,
            commands=self._request.commands,
            servers=self._request.servers,
        )
        with self._provider.up(request, progress) as cluster:
            yield TrialPlace(cluster, NAMESPACE)


class OneCluster:
    """Gives every trial a namespace of its own on one cluster.

    Args:
        cluster: The cluster.
    """

    def __init__(self, cluster: SharedCluster) -> None:
        self._cluster = cluster

    @contextmanager
    def place(self, job: TrialJob, progress: Progress) -> Iterator[TrialPlace]:
        """Yield a namespace for the deployment to create; it is gone before the next trial begins."""
        namespace = namespace_name("harness", f"{job.cell.id}-{job.number}")
        progress(f"namespace {namespace}")
        with self._cluster.for_trial(namespace, job.directory.path) as cluster:
            yield TrialPlace(cluster, namespace, shared=True)


@contextmanager
def placement(provider: Provider, request: BringUp, facts: dict[str, str], progress: Progress) -> Iterator[Placement]:
    """Yield the placement of a run's trials. A shared cluster is brought up here.

    Args:
        provider: The kind of cluster.
        request: Properties of its clusters; a shared cluster uses its directory.
        facts: Receives a shared cluster's description of itself.
        progress: Receives the steps of a shared cluster's bring-up.

    Raises:
        BringUpError: A shared cluster did not come up.
    """
    if not provider.shared:
        yield OwnClusters(provider, request)
        return
    with provider.up(request, progress) as cluster:
        facts.update(cluster.facts())
        yield OneCluster(cast(SharedCluster, cluster))  # ``shared`` is true
