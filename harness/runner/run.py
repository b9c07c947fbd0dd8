"""Runs one Experiment end to end: seals the plan, runs the trials, seals the evidence, judges and reports."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import yaml

from harness.clusters.base import BringUp
from harness.clusters.registry import provider
from harness.errors import ExitCode
from harness.experiment.fields import review
from harness.kit import interruption
from harness.kit.forkserver import ForkServers, Template
from harness.kit.interruption import Interrupted
from harness.kit.processor import ProcessorMeter
from harness.kube.ingresses import class_of
from harness.kube.manifests import name_of
from harness.model.experiment import Experiment, Manifest
from harness.model.verdict import RunVerdict
from harness.runner.admission import Admission
from harness.runner.deploy import images_of
from harness.runner.environment import describe_environment
from harness.runner.judging import judge, write_reports
from harness.runner.load import load_advice
from harness.runner.options import RunOptions, cores
from harness.runner.placement import Placement, placement
from harness.runner.plan import InPlacePlan, RunEnd, RunPlan
from harness.runner.progress import RunProgress
from harness.runner.repeating import Repeater
from harness.runner.scheduler import run_jobs
from harness.runner.trial import Trial, TrialSetting
from harness.runner.trial_order import TrialJob, plan_jobs
from harness.runner.worker_options import check_workers
from harness.store.records import to_json
from harness.store.rundir import RunDirectory, write_json
from harness.traffic.calibration.server import FaultyServer
from harness.traffic.forked import TRAFFIC

#: What the report calls the processor time that was left free.
FREE = "free processors"


@dataclass(frozen=True, slots=True)
class RunResult:
    """The result of a run.

    Attributes:
        directory: The run directory.
        verdict: The judgement of all evidence that exists.
        bugs: Tracebacks of trials that failed because of a bug of the harness.
        interrupted: The run was stopped before its end.
    """

    directory: Path
    verdict: RunVerdict
    bugs: tuple[str, ...]
    interrupted: bool

    @property
    def exit_code(self) -> int:
        """Return the exit code of the process, unless it was interrupted."""
        return ExitCode.HARNESS_FAILED if self.bugs else self.verdict.exit_code


def run_experiment(experiment: Experiment, options: RunOptions, progress: RunProgress) -> RunResult:
    """Run an Experiment, judge it and write the reports.

    Raises:
        InvalidInputError: The cluster can't run this Experiment; nothing was started.
        MissingToolError: The machine lacks something; nothing was started.
    """
    advice = check_run(experiment, options)
    kind = provider(options.cluster)
    experiment = review(experiment, kind.classify)
    run = RunDirectory.create(options.out, experiment.name)
    write_plan(run, experiment, options)
    jobs = plan_jobs(experiment, run, in_rounds=options.in_rounds)
    facts: dict[str, str] = {}
    servers = ForkServers(run.path / "processes")
    request = replace(_request_of(experiment, options, run.path / "cluster"), servers=servers)
    schedule = RunSchedule(
        jobs,
        parallel=1 if kind.shared else options.parallel_trials(len(jobs)),
        placement=placement(kind, request, facts, progress.note),
        facts=facts,
        servers=servers,
        templates=kind.templates,
        # Workers leave after the last trial, so none would serve a repetition.
        retries=0 if options.expect_workers else options.retry_inconclusive,
    )
    return run_trials(run, experiment, options, progress, schedule, advice=advice)


@dataclass(frozen=True, slots=True)
class RunSchedule:
    """The trials of a run with their order, parallelism and placement.

    Attributes:
        jobs: The trials, in the order in which they start.
        parallel: Number of trials that run at the same time, at most.
        placement: Context that gives each trial its place until it ends.
        facts: The clusters' description of themselves; extended while trials run.
        servers: Fork servers for the processes of the trials.
        templates: Templates of the clusters' processes; their servers import while the first trial begins.
        trial: Creates the trial of a job.
        retries: The most repetitions of a trial that the machine starved.
    """

    jobs: tuple[TrialJob, ...]
    parallel: int
    placement: AbstractContextManager[Placement]
    facts: dict[str, str]
    servers: ForkServers
    templates: tuple[Template, ...] = ()
    trial: Callable[[TrialJob, TrialSetting], Trial] = Trial
    retries: int = 0


def run_trials(
    run: RunDirectory,
    experiment: Experiment,
    options: RunOptions,
    progress: RunProgress,
    schedule: RunSchedule,
    *,
    advice: str = "",
) -> RunResult:
    """Run all trials of a sealed plan, seal the evidence, judge and report. No signal stops what follows the trials."""
    progress.began(tuple(job.name for job in schedule.jobs), schedule.parallel, str(run.path))
    if advice:
        progress.note(advice)
    begun = time.monotonic()
    facts = schedule.facts
    bugs: tuple[str, ...] = ()
    interrupted = False
    conclusion = ExitStack()
    repeater = Repeater(run, experiment, schedule.retries, progress.note)
    meter = ProcessorMeter()
    first = meter.sample()
    try:
        with _fork_servers(schedule, options) as servers, _faulty_server(run) as address, schedule.placement as places:
            setting = TrialSetting(
                experiment=experiment,
                placement=places,
                calibration=address,
                progress=progress,
                admission=Admission((), None, starting=1),
                servers=servers,
                traced=options.traced,
                sharing=lambda job: options.sharing(last=job is schedule.jobs[-1]),
            )

            def run_all(jobs: Sequence[TrialJob]) -> tuple[str, ...]:
                names, measured = [job.name for job in jobs], None if options.parallel else meter
                admission = Admission(names, measured, starting=cores(), at_least=cores())
                return _run_all(jobs, schedule, replace(setting, admission=admission), facts)

            bugs = run_all(schedule.jobs)
            facts[FREE] = f"{meter.free_since(first):.2f} of {meter.processors:g}, on average while trials ran"
            bugs += repeater.repeat(schedule.jobs, run_all)
        # Entered within the try, so that a signal meets either the handler below or the protection.
        conclusion.enter_context(interruption.shielded())
    except Interrupted:
        interrupted = True
    end = RunEnd(
        seconds=round(time.monotonic() - begun, 1),
        interrupted=interrupted,
        signal=interruption.signal_number() if interrupted else 0,
        bugs=bugs,
        facts=facts,
        repeated=tuple(map(str, repeater.repeated)),
    )
    with conclusion:
        verdict = _conclude(run, end, progress)
    return RunResult(run.path, verdict, bugs, interrupted)


def check_run(experiment: Experiment, options: RunOptions) -> str:
    """Check everything that can be checked before anything starts, and return advice for the user.

    The advice is empty if there is none.

    Raises:
        InvalidInputError: The cluster can't run this Experiment.
        MissingToolError: The machine lacks something.
    """
    kind = provider(options.cluster)
    review(experiment, kind.classify)
    kind.check(_request_of(experiment, options, options.out or Path("reports")))
    load = load_advice(experiment.traffic, experiment.trials * len(experiment.cells), options, shared=kind.shared)
    return "; ".join(filter(None, (check_workers(options, experiment.traffic), load)))


def _conclude(run: RunDirectory, end: RunEnd, progress: RunProgress) -> RunVerdict:
    """Seal the evidence, then judge it and write the reports."""
    write_json(run.path / "end.json", to_json(end))
    run.seal("evidence")
    progress.note("judging the evidence")
    verdict = judge(run)
    progress.note("writing the report")
    write_reports(run, verdict)
    return verdict


def _run_all(
    jobs: Sequence[TrialJob], schedule: RunSchedule, setting: TrialSetting, facts: dict[str, str]
) -> tuple[str, ...]:
    """Run trials side by side; return the tracebacks of those in which the harness itself failed."""

    def run_one(job: TrialJob) -> str:
        outcome = schedule.trial(job, setting).run()
        facts.update({key: value for key, value in outcome.facts.items() if key not in facts})
        return outcome.failure

    return run_jobs(jobs, schedule.parallel, run_one, setting.progress)


@contextmanager
def _fork_servers(schedule: RunSchedule, options: RunOptions) -> Iterator[ForkServers]:
    """Start the fork servers that every trial needs; they import while the run goes on."""
    sends_alone = options.sharing(last=False) is None
    with schedule.servers as servers:
        for template in ((TRAFFIC,) if sends_alone else ()) + schedule.templates:
            servers.of(template)
        yield servers


@contextmanager
def _faulty_server(run: RunDirectory) -> Iterator[tuple[str, int]]:
    """Start the faulty server of a run, in a folder of its own."""
    directory = run.path / "calibration"
    directory.mkdir(exist_ok=True)
    with FaultyServer.start(directory) as server:
        yield server.address, server.port


def _request_of(experiment: Experiment, options: RunOptions, directory: Path) -> BringUp:
    """Return the properties that the trials of the Experiment need of their clusters."""
    manifests = [m for cell in experiment.cells for m in cell.configuration.manifests]
    classes = {class_of(m) for m in manifests if m["kind"] == "Ingress"}
    return BringUp(
        name=experiment.name,
        directory=directory,
        ingress=experiment.ingress,
        profile=options.profile,
        images=images_of(manifests),
        changes=tuple(dict.fromkeys(part.made for cell in experiment.cells for part in cell.change.parts)),
        workload=_each_once(manifests),
        commands=experiment.commands,
        options={
            **options.cluster_options,
            "keep": "yes" if options.keep else "",
            "ingress-classes": ",".join(sorted(classes - {""})),
        },
    )


def _each_once(manifests: Sequence[Manifest]) -> tuple[Manifest, ...]:
    """Return one manifest for each object.

    All configurations have the same objects, with different fields.
    """
    return tuple({(m.get("apiVersion"), m["kind"], name_of(m)): m for m in manifests}.values())


def write_plan(
    run: RunDirectory, experiment: Experiment, options: RunOptions, in_place: InPlacePlan | None = None
) -> None:
    """Write everything that is decided before the first trial, and seal it."""
    plan = RunPlan(
        experiment=experiment,
        cluster=options.cluster,
        profile=options.profile,
        command=options.command,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        environment={**describe_environment(), **({"repeats": options.repeats} if options.repeats else {})},
        in_place=in_place,
    )
    write_json(run.path / "run.json", to_json(plan))
    for number, name in enumerate(experiment.files):
        source = Path(name)
        target = run.path / "plan" / "files" / f"{number:02d}-{source.name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    for configuration in {cell.configuration.name: cell.configuration for cell in experiment.cells}.values():
        target = run.path / "plan" / "manifests" / f"{configuration.name.replace('/', '+')}.yaml"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(yaml.safe_dump_all(map(dict, configuration.manifests), sort_keys=False), encoding="utf-8")
    run.seal("plan")
