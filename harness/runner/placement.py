"""Where the trials of a run take place: each on a cluster of its own, or one after the other on one that they share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol, cast

from harness.clusters.base import BringUp, Cluster, Progress, Provider, SharedCluster
from harness.clusters.shared.namespaces import namespace_name
from harness.runner.deploy import images_of
from harness.runner.trial_order import TrialJob

#: The workload's namespace on a cluster that one trial has for itself.
NAMESPACE = "harness"


@dataclass(frozen=True, slots=True)
class Place:
    """Where one trial takes place.

    Attributes:
        cluster: The cluster, as this trial sees it.
        namespace: The workload's; not there yet.
        shared: Whether other trials were there before: what they left to do is done first.
    """

    cluster: Cluster
    namespace: str
    shared: bool = False


class Venue(Protocol):
    """Gives each trial its place."""

    def place(self, job: TrialJob, progress: Progress) -> AbstractContextManager[Place]:
        """The place of a trial, for as long as the context lasts."""


class OwnClusters:
    """Every trial has a cluster of its own: a reload of a shared ingress cuts the neighbours' connections.

    Args:
        provider: The kind of cluster.
        request: What every one of them is asked to be.
    """

    def __init__(self, provider: Provider, request: BringUp) -> None:
        self._provider = provider
        self._request = request

    @contextmanager
    def place(self, job: TrialJob, progress: Progress) -> Iterator[Place]:
        """A cluster in the trial's folder, with the trial's number as its seed."""
        request = BringUp(
            name=job.cell.id,
            directory=job.directory.path / "cluster",
            ingress=self._request.ingress,
            profile=self._request.profile,
            seed=job.number,
            images=images_of(job.cell.configuration.manifests),
            options=self._request.options,
        )
        with self._provider.up(request, progress) as cluster:
            yield Place(cluster, NAMESPACE)


class OneCluster:
    """One cluster for all trials, each in a namespace of its own.

    Args:
        cluster: The cluster.
    """

    def __init__(self, cluster: SharedCluster) -> None:
        self._cluster = cluster

    @contextmanager
    def place(self, job: TrialJob, progress: Progress) -> Iterator[Place]:
        """A namespace; the next trial's begins when everything in it is gone."""
        namespace = namespace_name("harness", f"{job.cell.id}-{job.number}")
        progress(f"namespace {namespace}")
        with self._cluster.for_trial(namespace, job.directory.path) as cluster:
            yield Place(cluster, namespace, shared=True)


@contextmanager
def venue(provider: Provider, request: BringUp, facts: dict[str, str], progress: Progress) -> Iterator[Venue]:
    """Where the trials of a run take place.

    Args:
        provider: The kind of cluster.
        request: What its clusters are asked to be; one that is shared is brought up here, in its directory.
        facts: Takes what a shared cluster says of itself.
        progress: Told of the steps of a shared cluster's bring-up.

    Raises:
        BringUpError: A shared cluster did not come up.
    """
    if not provider.shared:
        yield OwnClusters(provider, request)
        return
    with provider.up(request, progress) as cluster:
        facts.update(cluster.facts())
        yield OneCluster(cast(SharedCluster, cluster))  # as ``shared`` says
