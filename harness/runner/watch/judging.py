"""Turns a watch's evidence into its verdict and reports; the same evidence always gives the same bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from harness.errors import EvidenceError, ExitCode
from harness.judging.watch import WATCH_BEGIN_S, OriginEvidence, WatchFacts, judge_watch
from harness.model.changes import NoChange
from harness.model.watch import WatchVerdict
from harness.report.watch import document
from harness.runner import reports
from harness.runner.evidence import read_outcome, read_traffic, with_differences
from harness.runner.known_part import KnownPart, known_part
from harness.runner.watch.plan import END, PLAN, Origin, WatchEnd, WatchPlan, directory_of
from harness.store.compacted import unreplaced
from harness.store.records import from_json, to_json
from harness.store.rundir import Difference, RunDirectory, write_json
from harness.store.segments import sealed_part

T = TypeVar("T")


def judge_as_found(run: RunDirectory, differences: Sequence[Difference]) -> WatchVerdict:
    """Judge the evidence that exists, sealed or not, and write nothing; the exit code is never 0.

    Raises:
        EvidenceError: The plan can't be read.
    """
    with unreplaced(*_traffic_of(run)):
        verdict = judge_again(run, differences)
    return replace(verdict, exit_code=verdict.exit_code or int(ExitCode.INCONCLUSIVE))


@dataclass(frozen=True, slots=True)
class SoFar:
    """The judgement of a watch that is still going on.

    Attributes:
        verdict: Lossy if a request was lost; otherwise inconclusive, since the rest is unknown. Never lossless.
        until_ns: The time up to which every planned request is counted, in nanoseconds since the Unix epoch. With
            several origins it is that of the slowest one.
        sealed: Number of requests in sealed segments.
    """

    verdict: WatchVerdict
    until_ns: int
    sealed: int


def judge_so_far(run: RunDirectory) -> SoFar:
    """Judge the known part of a watch that is still going on, and write nothing.

    Raises:
        EvidenceError: The watch has ended, or it has sent nothing yet; or the plan can't be read.
    """
    plan = _read(run.path / PLAN, WatchPlan)
    if (run.path / END).exists():
        raise EvidenceError(f"The watch in {run.path} has ended.", hint=f"`harness analyze {run.path}` judges it.")
    with unreplaced(*_traffic_of(run)):
        return _so_far(run, plan)


def _traffic_of(run: RunDirectory) -> list[Path]:
    """Return the traffic folders, whose segments a watch that goes on may replace at any time."""
    return sorted(run.path.glob("origins/*/traffic"))


def _so_far(run: RunDirectory, plan: WatchPlan) -> SoFar:
    origins, ends, sealed = list[OriginEvidence](), list[int](), 0
    for number, origin in enumerate(plan.origins, start=1):
        directory = directory_of(run, number)
        if not directory.outcome.exists():
            raise EvidenceError(f"The watch in {run.path} has sent nothing yet.", hint="Try again when it has begun.")
        known = known_part(directory.traffic, origin.traffic, plan.workers)
        found = _evidence(run, origin, number, known)
        origins.append(found)
        ends.append(found.wall_origin_ns + known.elapsed_ns)
        sealed += sum(sealed_part(directory.traffic, worker).attempts for worker in range(plan.workers))
    verdict = judge_watch(_facts(plan, WatchEnd()), origins)
    return SoFar(verdict=verdict, until_ns=min(ends), sealed=min(sealed, verdict.identity.planned))


def judge_again(run: RunDirectory, differences: Sequence[Difference] = ()) -> WatchVerdict:
    """Judge the evidence of a watch.

    Args:
        run: The watch's directory.
        differences: Files that differ from their seals.

    Raises:
        EvidenceError: The plan can't be read.
    """
    plan = _read(run.path / PLAN, WatchPlan)
    # A watch that was killed has no end.json.
    end = _read(run.path / END, WatchEnd) if (run.path / END).exists() else WatchEnd()
    origins = [_evidence(run, origin, number) for number, origin in enumerate(plan.origins, start=1)]
    judged = [replace(each, trial=with_differences(each.trial, differences)) for each in origins]
    return judge_watch(_facts(plan, end), judged)


def _facts(plan: WatchPlan, end: WatchEnd) -> WatchFacts:
    return WatchFacts(
        urls=plan.urls,
        command=plan.command,
        started=plan.started,
        interrupted=end.interrupted,
        environment=plan.environment,
    )


def write_verdict(run: RunDirectory, verdict: WatchVerdict) -> WatchVerdict:
    """Write and seal ``verdict.json`` and the reports, and return the verdict.

    Raises:
        HarnessError: A file can't be written.
    """
    write_json(run.path / "verdict.json", to_json(verdict))
    run.seal("verdict")
    write_reports(run, verdict)
    return verdict


def read_verdict(run: RunDirectory) -> WatchVerdict:
    """Return the verdict that ``write_verdict`` wrote.

    Raises:
        EvidenceError: The file is missing or damaged.
    """
    return _read(run.path / "verdict.json", WatchVerdict)


def write_reports(run: RunDirectory, verdict: WatchVerdict) -> None:
    """Write the reports of every format, and seal them.

    Raises:
        HarnessError: A file can't be written.
    """
    reports.write_reports(run.path, document(verdict))
    run.seal("reports")


def _evidence(run: RunDirectory, origin: Origin, number: int, known: KnownPart | None = None) -> OriginEvidence:
    directory = directory_of(run, number)
    # Damage of this file is recorded when the traffic is read.
    outcome = read_outcome(directory, [])
    trial = read_traffic(
        directory, run.path, number=number, change=NoChange(name="none"), traffic=origin.traffic, begin=WATCH_BEGIN_S,
        known=known,
    )  # fmt: skip
    address = outcome.facts.get("address", "")
    return OriginEvidence(
        url=origin.url,
        address=f"{address}:{origin.port}" if address else "",
        trial=trial,
        wall_origin_ns=outcome.clock.to_wall(outcome.origin_ns) if outcome.origin_ns else 0,
    )


def _read(path: Path, kind: type[T]) -> T:
    try:
        return from_json(kind, json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise EvidenceError(f"There is no {path}: the watch did not get that far.", hint="Watch again.") from None
    except ValueError as error:
        raise EvidenceError(f"{path} is damaged: {error}") from error
