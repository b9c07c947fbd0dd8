"""Tests that trials get a cluster of their own, or a namespace of their own on a shared one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from harness.clusters.base import BringUp, Cluster, Entry, Progress
from harness.controller_objects import ControllerAddress
from harness.errors import BringUpError
from harness.kit.forkserver import Template
from harness.kube.fieldclasses import Classified
from harness.model.changes import NoChange
from harness.model.experiment import Cell, Configuration, Manifest
from harness.model.timeline import Event
from harness.runner.placement import placement
from harness.runner.trial_order import TrialJob
from harness.store.rundir import TrialDirectory


class FakeCluster:
    """A cluster that records only its start and end."""

    name = "fake"
    kubeconfig = Path("kubeconfig")
    entry = Entry("127.0.0.1", 80)
    ingress_signals = frozenset[str]()
    is_own = True

    def __init__(self, log: list[str]) -> None:
        self.log = log

    def facts(self) -> Mapping[str, str]:
        """Return one fact."""
        return {"cluster": "fake"}

    def service_entry(self, namespace: str, service: str) -> Entry:
        """Return nothing."""
        raise NotImplementedError

    @property
    def controller(self) -> ControllerAddress | None:
        """Return nothing."""
        return None

    def ingress_events(self, stop: Callable[[], bool]) -> Iterator[Event]:
        """Return nothing."""
        yield from ()

    def check(self) -> None:
        """Do nothing: the cluster is up."""

    def collect(self, destination: Path) -> None:
        """Do nothing."""

    @contextmanager
    def for_trial(self, namespace: str, directory: Path) -> Iterator[Cluster]:
        """Record the start and end of a namespace."""
        self.log.append(f"+{namespace}")
        yield self
        self.log.append(f"-{namespace}")


class FakeProvider:
    """A kind of cluster, shared or not."""

    kind = "fake"
    templates: tuple[Template, ...] = ()

    def __init__(self, *, shared: bool, works: bool = True) -> None:
        self.shared = shared
        self.works = works
        self.log: list[str] = []
        self.requests: list[BringUp] = []

    def check(self, request: BringUp) -> None:
        """Do nothing: everything is available."""

    def classify(self, manifest: Manifest, ingress: str, objects: Sequence[Manifest]) -> Sequence[Classified]:
        """Report every field as implemented."""
        return ()

    @contextmanager
    def up(self, request: BringUp, progress: Progress) -> Iterator[Cluster]:
        """Yield a cluster."""
        if not self.works:
            raise BringUpError("It did not come up.")
        self.requests.append(request)
        self.log.append("up")
        yield FakeCluster(self.log)
        self.log.append("down")


def job(number: int) -> TrialJob:
    """Return a trial."""
    cell = Cell(Configuration((("lifecycle", "bare"),), ()), NoChange(name="none"))
    return TrialJob(f"bare--none #{number}", cell, number, TrialDirectory(Path("trials") / str(number)))


def silent(_text: str) -> None:
    """Ignore progress."""


REQUEST = BringUp(name="demo", directory=Path("run/cluster"))


def test_each_trial_has_a_cluster_of_its_own() -> None:
    """Such a cluster comes up once per trial, in the trial's folder, with the trial's number as seed."""
    provider = FakeProvider(shared=False)
    request = replace(REQUEST, commands=(("/shop", "/shop/run", "$PORT"),))
    with placement(provider, request, {}, silent) as places:
        for number in (1, 2):
            with places.place(job(number), silent) as place:
                assert (place.namespace, place.shared) == ("harness", False)

    assert provider.log == ["up", "down", "up", "down"]
    assert [(r.seed, r.directory) for r in provider.requests] == [
        (1, Path("trials/1/cluster")),
        (2, Path("trials/2/cluster")),
    ]
    assert [r.commands for r in provider.requests] == [request.commands] * 2


def test_a_shared_cluster_comes_up_once() -> None:
    """Every trial has its own namespace, which is gone before the next trial. The cluster's facts become the run's."""
    provider = FakeProvider(shared=True)
    facts: dict[str, str] = {}
    with placement(provider, REQUEST, facts, silent) as places:
        for number in (1, 2):
            with places.place(job(number), silent) as place:
                assert place.shared

    begun, ended = provider.log[1:5:2], provider.log[2:5:2]
    assert [name[1:] for name in begun] == [name[1:] for name in ended]
    assert len(set(begun)) == 2
    assert (provider.log[0], provider.log[-1]) == ("up", "down")
    assert facts == {"cluster": "fake"}


def test_a_shared_cluster_that_does_not_come_up_ends_the_run() -> None:
    """No trial could take place, so this is an error of the run."""
    with (
        pytest.raises(BringUpError),
        placement(FakeProvider(shared=True, works=False), REQUEST, {}, silent),
    ):
        raise AssertionError("unreachable")
