"""A real cluster still gives the recorded answers and timelines; what changed is printed."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from differential.__main__ import API_RECORDING, FLAVOUR, TIMELINE_RECORDING, source_of
from differential.api_answers import answers, connected
from differential.api_cases import load
from differential.api_compare import differences, read
from differential.facts import compare, counted, read_timelines, reduce
from differential.measuring import differing, shares
from differential.running import Runner
from differential.timeline_cases import CASES

pytestmark = [pytest.mark.kind, pytest.mark.timeout(900)]

#: Every how many of the timeline cases are recorded again: all would take ten minutes.
EVERY = 6
#: The same for cases that send requests, of which one runs at a time.
EVERY_ASKED = 15
TOGETHER = 6
#: Shares of facts that a second recording has in common with the committed one, on a machine that does much else.
SAME_ANSWERS, SAME_FACTS = 0.99, 0.90


@pytest.fixture(scope="module")
def kubeconfig(cluster: str, state: Path) -> dict[str, Any]:
    """The kubeconfig of the persistent cluster."""
    found: dict[str, Any] = yaml.safe_load((state / "harness" / "kind" / cluster / "kubeconfig").read_text())
    return found


@pytest.fixture(scope="module")
def images(cluster: str) -> None:
    """Load the images of the timeline cases; skip where this machine does not have them."""
    kind = shutil.which("kind")
    assert kind is not None
    for image in ("hashicorp/http-echo:1.0", "hashicorp/http-echo:0.2.3", FLAVOUR.image):
        argv = [kind, "load", "docker-image", image, "--name", cluster]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            pytest.skip(f"{image} is not there: {done.stderr.strip()[-200:]}")


def test_answers_are_the_recorded_ones(kubeconfig: dict[str, Any]) -> None:
    """The API server gives its recorded answers again; one of another version is only reported."""

    async def ask() -> Any:
        async with connected(kubeconfig) as api:
            return await source_of(api), await answers(api, load(), "again")

    header, recorded = read(API_RECORDING)
    now, found = asyncio.run(ask())
    changed = differences(recorded, found)
    _report(f"recorded: {header}, now: {now}; {len(changed)} facts of {len(found)} cases differ", changed)
    if now["source"] != header["source"]:
        pytest.skip(f"{len(changed)} facts differ, but the cluster is another: {now['source']}")

    assert 1 - len({each.case for each in changed}) / len(found) >= SAME_ANSWERS


@pytest.mark.usefixtures("images")
def test_timelines_are_the_recorded_ones(kubeconfig: dict[str, Any]) -> None:
    """A sample of the timeline cases has its recorded facts again."""
    chosen = [case for case in CASES if not case.is_asked][::EVERY]

    async def run() -> Any:
        async with connected(kubeconfig) as api:
            return await Runner(api, FLAVOUR, "again").run(chosen, together=TOGETHER)

    _, recorded = read_timelines(TIMELINE_RECORDING.read_text())
    total, changed = 0, []
    for name, timeline in asyncio.run(run()).items():
        before, now = [reduce(each) for each in recorded[name]], reduce(timeline)
        total += counted(before, now)[0]
        changed += [each for each in compare(name, before, now, slack=2.0) if not each.is_duration]
    _report(f"{len(changed)} of {total} facts of {len(chosen)} cases differ", changed)

    assert 1 - len(changed) / total >= SAME_FACTS


@pytest.mark.usefixtures("images")
def test_answers_to_requests_are_the_recorded_ones(kubeconfig: dict[str, Any], cluster: str, state: Path) -> None:
    """A sample of the cases with ingress-nginx has its recorded verdicts again."""
    record = json.loads((state / "harness" / "kind" / cluster / "cluster.json").read_text())
    chosen = [case for case in CASES if case.group == "ingress-nginx"][::EVERY_ASKED]

    async def run() -> Any:
        async with connected(kubeconfig) as api:
            return await Runner(api, FLAVOUR, "asked", entry=f"http://127.0.0.1:{record['port']}").run(
                chosen, together=1
            )

    _, recorded = read_timelines(TIMELINE_RECORDING.read_text())
    now = {name: reduce(timeline) for name, timeline in asyncio.run(run()).items()}
    real = {name: [reduce(each) for each in recorded[name]] for name in now}
    found = shares(chosen, real, now, [])
    _report(f"{found}", differing(chosen, real, now))

    assert found.verdicts[0] == found.verdicts[1] == len(chosen)


def _report(first: str, changed: Iterable[object]) -> None:
    """Say what changed, for the test's output."""
    sys.stdout.write("\n".join([first, *map(str, changed)]) + "\n")
