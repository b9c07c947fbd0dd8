"""Run cases on embedded clusters: those that ask, behind their ingress controller, on several clusters side by side."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from differential.api_answers import connected
from differential.observing import Entry
from differential.running import Case, Flavour, Runner

FLAVOUR = Flavour("xds2000/nginx-hostname:latest", sys.executable, "xds2000/nginx-hostname:latest")


@dataclass(frozen=True)
class Lanes:
    """The clusters of a group of cases.

    Attributes:
        ingress: The ingress controller of the clusters.
        clusters: How many clusters share the cases.
        together: Cases side by side on one cluster. Cases with ingress-nginx share its limit of syncs, so it is 1.
    """

    ingress: str
    clusters: int
    together: int


LANES: Mapping[str, Lanes] = {
    "kubelet": Lanes("none", 1, 24),
    "controllers": Lanes("none", 1, 24),
    "ingress-nginx": Lanes("ingress-nginx", 2, 1),
    "traefik": Lanes("traefik", 1, 3),
}


@dataclass
class Ran:
    """The result of a run.

    Attributes:
        timelines: By case.
        starved: The cases whose pods started too slowly in every try.
    """

    timelines: dict[str, list[Entry]] = field(default_factory=dict)
    starved: list[str] = field(default_factory=list)


@contextmanager
def cluster(ingress: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the kubeconfig of an embedded cluster, and the URL of its ingress controller; empty for none."""
    argv = [sys.executable, "-P", "-m", "harness.localkube", "--ingress", ingress]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            assert line.startswith("export KUBECONFIG="), line
            entry = "" if ingress == "none" else process.stdout.readline().rpartition(" ")[2].strip()
            yield yaml.safe_load(Path(line.partition("=")[2].strip()).read_text()), entry
        finally:
            os.kill(process.pid, signal.SIGINT)
            process.wait(30)


async def run(
    cases: Sequence[Case], *, tries: int, patience: float, mark: str = "ours", together: int | None = None
) -> Ran:
    """Run cases on embedded clusters, one kind of cluster after the other.

    Args:
        cases: Of any groups.
        tries: How often a case is done while the machine has no time for it.
        patience: Longest time for a wait, in seconds.
        mark: Part of the namespaces' names.
        together: Most cases side by side on a cluster; by default as many as an idle machine does in time.
    """
    ran = Ran()
    for lanes in dict.fromkeys(LANES.values()):
        mine = [case for case in cases if LANES[case.group] == lanes]
        with ExitStack() as stack:
            clusters = [stack.enter_context(cluster(lanes.ingress)) for _ in range(min(lanes.clusters, len(mine)))]
            shares = [mine[number :: len(clusters)] for number in range(len(clusters))]

            async def lane(made: tuple[dict[str, Any], str], share: Sequence[Case], together: int) -> None:
                config, entry = made
                async with connected(config) as api:
                    runner = Runner(api, FLAVOUR, mark, patience=patience, entry=entry)
                    found, starved = await runner.run_unstarved(share, together=together, tries=tries)
                    ran.timelines.update(found)
                    ran.starved += starved

            async with asyncio.TaskGroup() as group:
                for made, share in zip(clusters, shares, strict=True):
                    group.create_task(lane(made, share, min(lanes.together, together or lanes.together)))
    return ran
