"""A trial's part of a shared cluster keeps what the ingress controller says, apart: access log, words, deeds."""

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
from harness.controllers.nginx import INGRESS_NGINX
from harness.controllers.traefik import TRAEFIK
from harness.errors import HarnessError
from harness.kit.clock import Clock
from harness.kube.logs import LogLine
from harness.kube.stamps import Stamps

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
    """A whole cluster, of which only its check is asked."""

    def check() -> None:
        if failure:
            raise HarnessError(failure)

    return SimpleNamespace(check=check)


def part(folder: Path, controller: IngressController, whole: Any = None) -> TrialCluster:
    """A part behind a controller."""
    return TrialCluster(whole or cluster(), folder, Stamps(Clock.start(), same_clock=True), controller.log)


@contextmanager
def heard(one: TrialCluster, says: tuple[str, ...]) -> Iterator[list[str]]:
    """What became events of a controller's words."""
    with one.controller_sink(POD) as take:
        for text in says:
            take(LogLine(STAMP, text, Clock.start().now()))
        yield [event.what for event in one.ingress_events(lambda: True)]


@pytest.mark.parametrize(
    ("controller", "says", "tells"), [(INGRESS_NGINX, NGINX_SAYS, "reload"), (TRAEFIK, TRAEFIK_SAYS, "configured")]
)
def test_each_word_goes_where_it_belongs(
    tmp_path: Path, controller: IngressController, says: tuple[str, ...], tells: str
) -> None:
    """The access log by the same names for all controllers, everything else as it was said, deeds as events."""
    with heard(part(tmp_path, controller), says) as events:
        pass
    (access,) = (tmp_path / "access.jsonl").read_text().splitlines()
    words = (tmp_path / "logs" / "ingress-controller-controller-1_controller.log").read_text().splitlines()

    assert json.loads(access)["attempt"] == "a-0-1"
    assert words == [f"{STAMP} {text}" for text in says[1:]]
    assert events == [tells]
    assert tells in controller.facts.tells


def test_workload_says_what_it_says(tmp_path: Path) -> None:
    """Its lines are kept as they are, even where they look like an access log."""
    with part(tmp_path, INGRESS_NGINX).workload_sink(ContainerRun("u", "apple-1", "echo", 2)) as take:
        take(LogLine("", NGINX_SAYS[0], 1))

    assert (tmp_path / "logs" / "pods" / "apple-1_echo-2.log").read_text() == NGINX_SAYS[0] + "\n"
    assert not (tmp_path / "access.jsonl").exists()


@pytest.mark.parametrize("unwritable", ["full", "folder"])
def test_logs_that_cannot_be_written_are_left_out(tmp_path: Path, unwritable: str) -> None:
    """What the controller did is known all the same, and nothing is raised that would end the trial."""
    log = tmp_path / "logs" / "ingress-controller-controller-1_controller.log"
    log.parent.mkdir()
    for path in (log, tmp_path / "access.jsonl"):
        if unwritable == "full":
            path.symlink_to("/dev/full")
        else:
            path.mkdir()
    with heard(part(tmp_path, INGRESS_NGINX), NGINX_SAYS) as events:
        pass

    assert events == ["reload"]
    assert not (tmp_path / "access.jsonl").is_file()


def test_end_of_the_whole_is_the_parts(tmp_path: Path) -> None:
    """So is a log that can't be followed any more: without it nobody knows what was told."""
    with pytest.raises(HarnessError, match="ended by itself"):
        part(tmp_path, INGRESS_NGINX, cluster("it ended by itself")).check()

    deaf = part(tmp_path, INGRESS_NGINX)
    deaf.followers.append(SimpleNamespace(failure="log of controller-1: forbidden"))  # type: ignore[arg-type]
    with pytest.raises(HarnessError, match="forbidden"):
        deaf.check()
