"""A trial's cluster stores the access log and other lines of the ingress controller separately, and its events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.clusters.shared.pod_logs import ContainerRun
from harness.clusters.shared.trial_cluster import TrialCluster
from harness.controllers.base import IngressController
from harness.controllers.registry import INGRESS_CONTROLLERS
from harness.errors import HarnessError
from harness.kit.clock import Clock
from harness.kube.logs import LogLine
from harness.kube.stamps import Stamps

INGRESS_NGINX, TRAEFIK = INGRESS_CONTROLLERS["ingress-nginx"], INGRESS_CONTROLLERS["traefik"]
STAMP = "2026-01-31T12:00:00Z"
POD = ContainerRun("u", "controller-1", "controller", 0)
NGINX_SAYS = (
    '{"time":1.0,"attempt":"a-0-1"}',
    'I0101 00:00:00.1 7 controller.go:213] "Backend successfully reloaded"',
    "I0101 00:00:00.1 7 main.go:1] hello",
)
TRAEFIK_SAYS = (
    '{"ClientAddr":"10.0.0.1:1","StartUTC":"2026-01-31T12:00:00Z","request_X-Request-Id":"a-0-1"}',
    '{"level":"debug","providerName":"kubernetes","config":{},"message":"Configuration received"}',
    '{"level":"debug","routerName":"x","message":"Creating middleware"}',
)


def cluster(failure: str = "") -> Any:
    """Return a shared cluster of which only the check is used."""

    def check() -> None:
        if failure:
            raise HarnessError(failure)

    return SimpleNamespace(check=check)


def trial_cluster_of(folder: Path, controller: IngressController, whole: Any = None) -> TrialCluster:
    """Return a trial's cluster behind a controller."""
    return TrialCluster(whole or cluster(), folder, Stamps(Clock.start(), same_clock=True), controller.log)


@contextmanager
def events_of(one: TrialCluster, says: tuple[str, ...]) -> Iterator[list[str]]:
    """Return the events of a controller's lines."""
    with one.controller_sink(POD) as take:
        for text in says:
            take(LogLine(STAMP, text, Clock.start().now()))
        yield [event.what for event in one.ingress_events(lambda: True)]


@pytest.mark.parametrize(
    ("controller", "says", "tells"), [(INGRESS_NGINX, NGINX_SAYS, "reload"), (TRAEFIK, TRAEFIK_SAYS, "configured")]
)
def test_each_line_is_stored_by_its_kind(
    tmp_path: Path, controller: IngressController, says: tuple[str, ...], tells: str
) -> None:
    """The access log has common names for all controllers, other lines are unchanged, and actions are events."""
    with events_of(trial_cluster_of(tmp_path, controller), says) as events:
        pass
    (access,) = (tmp_path / "access.jsonl").read_text().splitlines()
    words = (tmp_path / "logs" / "ingress-controller-controller-1_controller.log").read_text().splitlines()

    assert json.loads(access)["attempt"] == "a-0-1"
    assert words == [f"{STAMP} {text}" for text in says[1:]]
    assert events == [tells]
    assert tells in controller.facts.tells


def test_lines_of_the_workload_are_unchanged(tmp_path: Path) -> None:
    """They are stored unchanged even if they look like an access log."""
    with trial_cluster_of(tmp_path, INGRESS_NGINX).workload_sink(ContainerRun("u", "apple-1", "echo", 2)) as take:
        take(LogLine("", NGINX_SAYS[0], 1))

    assert (tmp_path / "logs" / "pods" / "apple-1_echo-2.log").read_text() == NGINX_SAYS[0] + "\n"
    assert not (tmp_path / "access.jsonl").exists()


@pytest.mark.parametrize("unwritable", ["full", "folder"])
def test_logs_that_cannot_be_written_are_left_out(tmp_path: Path, unwritable: str) -> None:
    """The controller's events are kept, and nothing is raised that would end the trial."""
    log = tmp_path / "logs" / "ingress-controller-controller-1_controller.log"
    log.parent.mkdir()
    for path in (log, tmp_path / "access.jsonl"):
        if unwritable == "full":
            path.symlink_to("/dev/full")
        else:
            path.mkdir()
    with events_of(trial_cluster_of(tmp_path, INGRESS_NGINX), NGINX_SAYS) as events:
        pass

    assert events == ["reload"]
    assert not (tmp_path / "access.jsonl").is_file()


def test_the_end_of_the_shared_cluster_is_reported(tmp_path: Path) -> None:
    """A log that can't be followed is reported too: events could be missing."""
    with pytest.raises(HarnessError, match="ended by itself"):
        trial_cluster_of(tmp_path, INGRESS_NGINX, cluster("it ended by itself")).check()

    deaf = trial_cluster_of(tmp_path, INGRESS_NGINX)
    deaf.followers.append(SimpleNamespace(failure="log of controller-1: forbidden"))  # type: ignore[arg-type]
    with pytest.raises(HarnessError, match="forbidden"):
        deaf.check()
