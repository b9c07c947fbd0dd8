"""One Experiment end to end: plan sealed, trials run, evidence sealed, then judged and reported."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
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
from harness.kube.manifests import name_of
from harness.model.experiment import Experiment, Manifest
from harness.model.verdict import RunVerdict
from harness.runner.admission import Admission
from harness.runner.deploy import images_of
from harness.runner.environment import describe_environment
from harness.runner.judging import judge, write_reports
from harness.runner.options import RunOptions, cores
from harness.runner.placement import Venue, venue
from harness.runner.plan import InPlacePlan, RunEnd, RunPlan
from harness.runner.progress import RunProgress
from harness.runner.repeating import Repeater
from harness.runner.scheduler import run_lanes
from harness.runner.trial import Trial, TrialSetting
from harness.runner.trial_order import TrialJob, plan_jobs
from harness.runner.worker_options import check_crew
from harness.store.records import to_json
from harness.store.rundir import RunDirectory, write_json
from harness.traffic.calibration.server import FaultyServer
from harness.traffic.forked import TRAFFIC

#: What the report calls the processor time that was left free.
FREE = "free processors"


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run gave.

    Attributes:
        directory: The run directory.
        verdict: The judgement of whatever evidence there is.
        bugs: Tracebacks of trials in which the harness itself failed.
        interrupted: Whether it was stopped before its end.
    """

    directory: Path
    verdict: RunVerdict
    bugs: tuple[str, ...]
    interrupted: bool

    @property
    def exit_code(self) -> int:
        """The process's exit code, except for an interruption's."""
        return ExitCode.HARNESS_FAILED if self.bugs else self.verdict.exit_code


def run_experiment(experiment: Experiment, options: RunOptions, progress: RunProgress) -> RunResult:
    """Run, judge and report.

    Raises:
        InvalidInputError: The cluster can't run this Experiment; nothing was started.
        MissingToolError: The machine lacks something; nothing was started.
    """
    advice = check_run(experiment, options)
    kind = provider(options.cluster)
    experiment = review(experiment, kind.classify)
    run = RunDirectory.create(options.out, experiment.name)
    write_plan(run, experiment, options)
    jobs = plan_jobs(experiment, run)
    facts: dict[str, str] = {}
    servers = ForkServers(run.path / "processes")
    request = replace(_request_of(experiment, options, run.path / "cluster"), servers=servers)
    course = Course(
        jobs,
        lanes=1 if kind.shared else options.lanes(len(jobs)),
        where=venue(kind, request, facts, progress.note),
        facts=facts,
        servers=servers,
        templates=kind.templates,
        # Workers that were told of the last trial have left by then.
        retries=0 if options.expect_workers else options.retry_inconclusive,
    )
    return carry_out(run, experiment, options, progress, course, advice=advice)


@dataclass(frozen=True, slots=True)
class Course:
    """The trials of a run, and where and how they take place.

    Attributes:
        jobs: The trials, in the order in which they are begun.
        lanes: How many run side by side.
        where: Gives each its place, for as long as the context lasts.
        facts: What the clusters say of themselves; completed while trials run.
        servers: Fork servers for the processes of the trials.
        templates: Of the clusters' processes; their servers import while the first trial begins.
        trial: Makes a trial of a job.
        retries: How often a trial is repeated that the machine starved.
    """

    jobs: tuple[TrialJob, ...]
    lanes: int
    where: AbstractContextManager[Venue]
    facts: dict[str, str]
    servers: ForkServers
    templates: tuple[Template, ...] = ()
    trial: Callable[[TrialJob, TrialSetting], Trial] = Trial
    retries: int = 0


def carry_out(
    run: RunDirectory,
    experiment: Experiment,
    options: RunOptions,
    progress: RunProgress,
    course: Course,
    *,
    advice: str = "",
) -> RunResult:
    """Run the trials of a run whose plan is sealed, seal the evidence, judge and report."""
    progress.began(tuple(job.name for job in course.jobs), course.lanes, str(run.path))
    if advice:
        progress.note(advice)
    begun = time.monotonic()
    facts = course.facts
    bugs: tuple[str, ...] = ()
    interrupted = False

    repeater = Repeater(run, experiment, course.retries, progress.note)
    meter = ProcessorMeter()
    first = meter.sample()
    try:
        with _fork_servers(course, options) as servers, _faulty_server(run) as address, course.where as place:
            setting = TrialSetting(
                experiment=experiment,
                venue=place,
                calibration=address,
                progress=progress,
                admission=Admission((), None, starting=1),
                servers=servers,
                crew=lambda job: options.crew(last=job is course.jobs[-1]),
            )

            def run_all(jobs: Sequence[TrialJob]) -> tuple[str, ...]:
                admission = Admission([job.name for job in jobs], None if options.parallel else meter, starting=cores())
                return _run_all(jobs, course, replace(setting, admission=admission), facts)

            bugs = run_all(course.jobs)
            facts[FREE] = f"{meter.free_since(first):.2f} of {meter.processors:g}, on average while trials ran"
            bugs += repeater.repeat(course.jobs, run_all)
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
    write_json(run.path / "end.json", to_json(end))
    verdict = _conclude(run, progress)
    return RunResult(run.path, verdict, bugs, interrupted)


def check_run(experiment: Experiment, options: RunOptions) -> str:
    """Make sure of what can be made sure of before anything starts; what is worth a word is returned.

    Raises:
        InvalidInputError: The cluster can't run this Experiment.
        MissingToolError: The machine lacks something.
    """
    kind = provider(options.cluster)
    review(experiment, kind.classify)
    kind.check(_request_of(experiment, options, options.out or Path("reports")))
    return check_crew(options, experiment.traffic)


def _conclude(run: RunDirectory, progress: RunProgress) -> RunVerdict:
    """Seal the evidence, then judge and report."""
    run.seal("evidence")
    progress.note("judging the evidence")
    verdict = judge(run)
    progress.note("writing the report")
    write_reports(run, verdict)
    return verdict


def _run_all(jobs: Sequence[TrialJob], course: Course, setting: TrialSetting, facts: dict[str, str]) -> tuple[str, ...]:
    """Run trials side by side; return the tracebacks of those in which the harness itself failed."""

    def run_one(job: TrialJob) -> str:
        outcome = course.trial(job, setting).run()
        facts.update({key: value for key, value in outcome.facts.items() if key not in facts})
        return outcome.failure

    return run_lanes(jobs, course.lanes, run_one, setting.progress)


@contextmanager
def _fork_servers(course: Course, options: RunOptions) -> Iterator[ForkServers]:
    """Start the fork servers that every trial needs; they import while the run goes on."""
    sends_alone = options.crew(last=False) is None
    with course.servers as servers:
        for template in ((TRAFFIC,) if sends_alone else ()) + course.templates:
            servers.of(template)
        yield servers


@contextmanager
def _faulty_server(run: RunDirectory) -> Iterator[tuple[str, int]]:
    """The faulty server of a run, in a folder of its own."""
    directory = run.path / "calibration"
    directory.mkdir(exist_ok=True)
    with FaultyServer.start(directory) as server:
        yield server.address, server.port


def _request_of(experiment: Experiment, options: RunOptions, directory: Path) -> BringUp:
    """What the trials of the Experiment will ask of the cluster."""
    manifests = [m for cell in experiment.cells for m in cell.configuration.manifests]
    classes = {str(m["spec"].get("ingressClassName") or "") for m in manifests if m["kind"] == "Ingress"}
    return BringUp(
        name=experiment.name,
        directory=directory,
        ingress=experiment.ingress,
        profile=options.profile,
        images=images_of(manifests),
        changes=tuple(dict.fromkeys(cell.change.kind for cell in experiment.cells)),
        workload=_each_once(manifests),
        options={
            **options.cluster_options,
            "keep": "yes" if options.keep else "",
            "ingress-classes": ",".join(sorted(classes - {""})),
        },
    )


def _each_once(manifests: Sequence[Manifest]) -> tuple[Manifest, ...]:
    """Return one manifest for each object; the configurations have the same objects, with other fields."""
    return tuple({(m.get("apiVersion"), m["kind"], name_of(m)): m for m in manifests}.values())


def write_plan(
    run: RunDirectory, experiment: Experiment, options: RunOptions, in_place: InPlacePlan | None = None
) -> None:
    """Everything that is decided before the first trial, sealed."""
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
