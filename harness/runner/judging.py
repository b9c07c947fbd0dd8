"""Turns sealed evidence into ``verdict.json`` and reports; the same evidence always gives the same bytes."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from harness.analysis.evidence import RunFacts
from harness.errors import EvidenceError, ExitCode
from harness.judging.cells import judge_run
from harness.judging.trial import judge_trial
from harness.model.verdict import RunVerdict
from harness.report.run import document
from harness.runner import reports
from harness.runner.evidence import read_trials
from harness.runner.plan import RunEnd, RunPlan
from harness.runner.watch.plan import is_watch
from harness.store.records import from_json, to_json
from harness.store.rundir import Difference, RunDirectory, write_json

T = TypeVar("T")


def judge(run: RunDirectory) -> RunVerdict:
    """Judge a run's evidence, write ``verdict.json`` and seal it.

    Raises:
        EvidenceError: The plan can't be read. Damaged evidence of a trial is a finding of that trial instead.
    """
    verdict = _judged(run, ())
    write_json(run.path / "verdict.json", to_json(verdict))
    run.seal("verdict")
    return verdict


def judge_as_found(run: RunDirectory, differences: Sequence[Difference]) -> RunVerdict:
    """Judge the evidence that exists, sealed or not, and write nothing.

    A trial is inconclusive if it did not reach its end or does not match its seal. The exit code is never 0, because
    unsealed evidence proves nothing.

    Raises:
        EvidenceError: The plan can't be read.
    """
    verdict = _judged(run, differences)
    return replace(verdict, exit_code=verdict.exit_code or int(ExitCode.INCONCLUSIVE))


def _judged(run: RunDirectory, differences: Sequence[Difference]) -> RunVerdict:
    plan = _read(run, "run.json", RunPlan)
    # A run that was killed has no end.json.
    killed = RunEnd(seconds=0.0, interrupted=True, signal=int(signal.SIGKILL))
    end = _read(run, "end.json", RunEnd) if (run.path / "end.json").exists() else killed
    evidence = read_trials(run, plan.experiment, differences, stopped=end.interrupted)
    cells = [(cell, [judge_trial(trial) for trial in evidence[cell.id]]) for cell in plan.experiment.cells]
    return judge_run(_facts(plan, end), cells)


def read_plan(run: RunDirectory) -> RunPlan:
    """Return the plan of a run.

    Raises:
        EvidenceError: The plan is missing or damaged.
    """
    return _read(run, "run.json", RunPlan)


def read_verdict(run: RunDirectory) -> RunVerdict:
    """Return the verdict that ``judge`` wrote.

    Raises:
        EvidenceError: The file is missing or damaged.
    """
    return _read(run, "verdict.json", RunVerdict)


def write_reports(run: RunDirectory, verdict: RunVerdict) -> None:
    """Write the reports of every format, and seal them.

    Raises:
        HarnessError: A report can't be written.
    """
    reports.write_reports(run.path, document(verdict))
    run.seal("reports")


def _facts(plan: RunPlan, end: RunEnd) -> RunFacts:
    """Return the facts about the run as a whole that the report shows."""
    return RunFacts(
        name=plan.experiment.name,
        description=_description(plan),
        command=plan.command,
        started=plan.started,
        seconds=end.seconds,
        environment={
            "cluster": plan.cluster,
            **end.facts,
            **{f"repeated trial {number}": text for number, text in enumerate(end.repeated, 1)},
            **_notices(plan),
            **plan.environment,
            **_without_effect(plan),
        },
        trials=plan.experiment.trials,
        signal=(end.signal or int(signal.SIGINT)) if end.interrupted else 0,
    )


def _description(plan: RunPlan) -> str:
    """Return the first lines of the report: the Experiment's own, and what runs in place of its images."""
    experiment = plan.experiment
    if not experiment.stand_ins:
        return experiment.description
    sentences = "; ".join(experiment.stand_ins)
    meaning = "The verdict is that of an application which starts and stops so; --cluster kind runs the image itself."
    return " ".join(filter(None, (experiment.description, f"{sentences}.", meaning)))


def _without_effect(plan: RunPlan) -> dict[str, str]:
    """Return the fields of the workload without effect on requests, as one line of the report."""
    return {"fields without effect": "; ".join(plan.experiment.inert)} if plan.experiment.inert else {}


def _notices(plan: RunPlan) -> dict[str, str]:
    return {f"notice {number}": text for number, text in enumerate(plan.experiment.notices, 1)}


def _read(run: RunDirectory, name: str, kind: type[T]) -> T:
    path = run.path / name
    try:
        return from_json(kind, json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise _missing(run, name) from None
    except ValueError as error:
        raise EvidenceError(f"{path} is damaged: {error}") from error


def _missing(run: RunDirectory, name: str) -> EvidenceError:
    if is_watch(run.path):
        return EvidenceError(
            f"{run.path} is the directory of a watch, and this command reads that of a run.",
            hint="`harness analyze DIR` judges a watch.",
        )
    return EvidenceError(f"{run.path} has no {name}: the run did not get that far.", hint="Run it again.")
