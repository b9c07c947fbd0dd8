"""Record the answers of a real cluster: ``PYTHONPATH=tests/support python -m differential api KUBECONFIG``."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from differential import measuring
from differential.api_answers import Answer, Api, answers, connected
from differential.api_cases import ROOT, load
from differential.embedded import FLAVOUR as EMBEDDED_FLAVOUR
from differential.embedded import Ran, cluster, run
from differential.facts import Facts, read_timelines, reduce
from differential.generating import Generator, Outcome, Run, recipes, record
from differential.known import judge, read_known
from differential.lanes import split
from differential.page import write
from differential.running import Case, Flavour, Runner
from differential.timeline_cases import CASES, GROUPS
from harness.experiment.quantities import seconds

TIMELINE_RECORDING = ROOT / "recorded" / "timelines.jsonl"
#: Cases side by side on a real cluster.
TOGETHER = 6
#: How a real cluster names the images.
FLAVOUR = Flavour("python:3-slim", "python3", "python:3-slim")
#: The port of a real cluster's node behind which the second lane's controller answers, as in cluster.yaml.
SERVICE_PORT = 30900
API_RECORDING = ROOT / "recorded" / "api.jsonl"


def main() -> int:
    """Run what the command line names; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m differential", description=__doc__)
    parser.add_argument("what", choices=("api", "timelines", "lanes", "embedded", "generate", "page"))
    parser.add_argument("kubeconfig", type=Path, nargs="?")
    parser.add_argument("--out", type=Path, default=None)
    parser.add_argument("--only", action="append", default=[], help="a part of the cases' names; repeatable")
    parser.add_argument("--together", type=int, default=None, help="cases side by side; by default 6 on a real cluster")
    parser.add_argument("--missing", action="store_true", help="only cases that have no timeline yet")
    parser.add_argument("--tries", type=int, default=3, help="how often a case of a starved cluster is done again")
    parser.add_argument("--patience", type=float, default=75.0, help="longest time for a wait, in seconds")
    parser.add_argument("--group", choices=GROUPS, default=None, help="only cases of this group")
    parser.add_argument("--entry", action="append", default=[], help="URL of an ingress controller; one for each lane")
    parser.add_argument("--until", type=float, default=0, help="seconds after which no case begins; 0: no limit")
    parser.add_argument("--for", dest="seconds", type=seconds, default="10m", help="generate: how long: 10m, 1h")
    parser.add_argument("--note", default="", help="embedded: a sentence about the load, for the page")
    parser.add_argument("--seed", type=int, default=None, help="generate: the number of the first batch")
    options = parser.parse_args()
    if options.what == "page":
        write()
        return 0
    if options.what == "embedded":
        return _measure(options)
    if options.kubeconfig is None:
        parser.error("a kubeconfig is needed")
    if options.what == "timelines":
        return _timelines(options)
    if options.what == "lanes":
        asyncio.run(_split(yaml.safe_load(options.kubeconfig.read_text())))
        return 0
    if options.what == "generate":
        return _generate(options)
    options.out = options.out or API_RECORDING
    header, found = asyncio.run(_ask(yaml.safe_load(options.kubeconfig.read_text())))
    lines = [header, *({"case": name, **answer} for name, answer in sorted(found.items()))]
    options.out.write_text(
        "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    )
    sys.stdout.write(f"{len(found)} answers of {header['source']} in {options.out}\n")
    return 0


def _named(parts: Sequence[str]) -> list[Case]:
    """Return the cases with one of the parts in their names; all if there is none."""
    return [case for case in CASES if not parts or any(part in case.name for part in parts)]


def _timelines(options: argparse.Namespace) -> int:
    """Run the timeline cases once, and add their timelines to a file."""
    out = options.out or TIMELINE_RECORDING
    before = out.read_text().splitlines()[1:] if out.exists() else []
    recorded = {json.loads(line)["case"] for line in before}
    cases = [case for case in _named(options.only) if options.group in {None, case.group}]
    if not options.entry:
        cases = [case for case in cases if not case.is_asked]
    if options.missing:
        cases = [case for case in cases if case.name not in recorded]
    config = yaml.safe_load(options.kubeconfig.read_text())

    ran = Ran()

    async def lane(api: Api, number: int, entry: str) -> None:
        name = str(number) if len(options.entry) > 1 else ""
        runner = Runner(api, FLAVOUR, f"{int(time.time())}{name}", patience=options.patience, entry=entry, lane=name)
        runner.until = time.monotonic() + (options.until or float("inf"))
        share = cases[number - 1 :: max(1, len(options.entry))]
        found, starved = await runner.run_unstarved(share, together=options.together or TOGETHER, tries=options.tries)
        ran.timelines.update(found)
        ran.starved += starved

    async def record() -> dict[str, Any]:
        async with connected(config) as api:
            async with asyncio.TaskGroup() as group:
                for number, entry in enumerate(options.entry or [""], 1):
                    group.create_task(lane(api, number, entry))
            return await source_of(api)

    header, found, starved = asyncio.run(record()), ran.timelines, ran.starved
    lines = [{"case": name, "timeline": timeline} for name, timeline in found.items()]
    rows = [json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in lines]
    out.write_text("\n".join([json.dumps(header), *sorted([*before, *rows])]) + "\n")
    if starved:
        sys.stdout.write("not recorded, since their pods started slowly: " + ", ".join(starved) + "\n")
    sys.stdout.write(f"{len(found)} timelines of {header['source']} in {out}\n")
    return 0


def _measure(options: argparse.Namespace) -> int:
    """Run the cases on embedded clusters, print what differs, and write how much is the same."""
    groups = [options.group] if options.group else list(GROUPS)
    _, recorded = read_timelines(TIMELINE_RECORDING.read_text())
    real = {name: [reduce(timeline) for timeline in timelines] for name, timelines in recorded.items()}
    known = read_known(ROOT / "known-timelines.yaml")
    for group in groups:
        cases = [case for case in _named(options.only) if case.group == group and case.name in real]
        ran = asyncio.run(run(cases, tries=options.tries, patience=options.patience, together=options.together))
        ours = {name: reduce(timeline) for name, timeline in ran.timelines.items()}
        found = measuring.differing(cases, real, ours)
        new, gone = judge([each for each in found if not each.is_duration], known, set(ours))
        durations = [each for each in found if each.is_duration]
        for title, listed in (("new", new), ("gone", gone), ("durations", durations), ("starved", ran.starved)):
            sys.stdout.write("\n".join([f"{group}: {title} {len(listed)}", *map(str, listed)]) + "\n")
        found_shares = measuring.shares(cases, real, ours, known)
        sys.stdout.write(f"{found_shares}\n")
        if not options.only:
            before = measuring.read()[-1] if measuring.MEASURED.exists() else {}
            date = time.strftime("%Y-%m-%d", time.gmtime())
            measuring.write(before | {group: found_shares}, date, os.getloadavg()[0], options.note)
    return 0


async def _split(config: dict[str, Any]) -> None:
    """Give a real cluster a second lane, at the port of its node for Services without an ingress controller."""
    async with connected(config) as api:
        await split(api, SERVICE_PORT)


#: Cases of a batch of the generator, and the share of its time after which it only makes simpler what differs.
_BATCH, _FOR_BATCHES = 24, 0.6


def _generate(options: argparse.Namespace) -> int:
    """Run generated cases on the cluster of the kubeconfig and on an embedded one, for so long."""
    config, begun = yaml.safe_load(options.kubeconfig.read_text()), time.monotonic()
    with cluster("none") as (own, _):
        outcome, source = asyncio.run(_explore(config, own, options))
    minutes = round((time.monotonic() - begun) / 60)
    record(outcome, source, time.strftime("%Y-%m-%d", time.gmtime()), minutes)
    for recipe, facts in outcome.differ:
        sys.stdout.write(f"{json.dumps(recipe)}\n    {', '.join(facts)}\n")
    sys.stdout.write(f"{outcome.ran} cases ran on both clusters, {len(outcome.differ)} differ\n")
    return 0


async def _explore(config: dict[str, Any], own: dict[str, Any], options: argparse.Namespace) -> tuple[Outcome, str]:
    outcome = Outcome()
    begun = time.monotonic()
    number = int(time.time()) if options.seed is None else options.seed

    def late(share: float = 1) -> bool:
        return time.monotonic() > begun + share * float(options.seconds)

    async with connected(config) as real, connected(own) as ours:
        generator = Generator(_run_on(real, FLAVOUR, options), _run_on(ours, EMBEDDED_FLAVOUR, options), late)
        while not late(_FOR_BATCHES if outcome.differ else 1):
            known = len(outcome.differ)
            await generator.explore(recipes(_BATCH, number), outcome)
            for recipe, facts in outcome.differ[known:]:
                sys.stdout.write(f"{json.dumps(recipe)}\n    {', '.join(facts)}\n")
            sys.stdout.write(f"batch {number}: {outcome.ran} ran, {len(outcome.differ)} differ\n")
            sys.stdout.flush()
            number += 1
        await generator.shrink(outcome)
        return outcome, str((await source_of(real))["source"])


def _run_on(api: Api, flavour: Flavour, options: argparse.Namespace) -> Run:
    """Return a function that runs cases on a cluster; those of a starved cluster are left out."""
    runner = Runner(api, flavour, f"g{int(time.time())}", patience=options.patience)

    async def run(cases: Sequence[Case]) -> Mapping[str, Facts]:
        found, _ = await runner.run_unstarved(cases, together=options.together or TOGETHER, tries=options.tries)
        return {name: reduce(timeline) for name, timeline in found.items()}

    return run


async def _ask(config: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Answer]]:
    """Send every case of the API to the cluster of a kubeconfig."""
    async with connected(config) as api:
        return await source_of(api), await answers(api, load(), str(int(time.time())))


async def source_of(api: Api) -> dict[str, Any]:
    """Describe a cluster: its version and how it was made, with the date."""
    _, _, version = await api.send("GET", "/version")
    _, _, nodes = await api.send("GET", "/api/v1/nodes")
    info = nodes["items"][0]["status"]["nodeInfo"]
    return {
        "source": f"Kubernetes {version['gitVersion']}, {info['containerRuntimeVersion']}, one node",
        "recorded": time.strftime("%Y-%m-%d", time.gmtime()),
    }


if __name__ == "__main__":
    sys.exit(main())
