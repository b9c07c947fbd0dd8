"""``harness run``: run an Experiment and print its verdict."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.cli.command_line import own_command
from harness.cli.context_options import Context, EntryUrl, Kubeconfig, Yes, confirm, context_options
from harness.cli.experiment_options import (
    AssumeInert,
    ClusterOption,
    IngressOption,
    Keep,
    Only,
    OptionalExperimentFile,
    Parallel,
    Profile,
    controller,
    parse_only,
)
from harness.cli.json_option import AsJson, print_json
from harness.cli.kind_options import ClusterName, Image, Images, KubeProxy, NodeImage, PullPolicy, Reuse, kind_options
from harness.cli.metrics_option import Metrics
from harness.cli.notices import show_notices
from harness.cli.otlp_option import Otlp, check_otlp, send_spans
from harness.cli.progress import choose_progress
from harness.cli.prove import prove_and_show
from harness.cli.worker import address_of
from harness.errors import ExitCode, InvalidInputError, Problem
from harness.experiment.cluster_rules import ClusterRules
from harness.experiment.fields import check_assumed
from harness.experiment.load import load_experiment
from harness.judging.starved import starved_cells
from harness.kit.interruption import Interrupted
from harness.model.experiment import Experiment
from harness.model.verdict import RunVerdict
from harness.report import confirmation as confirmation_report
from harness.report import terminal
from harness.report.outputs import CellOutput, RunOutput
from harness.report.run import document
from harness.runner.confirmation.confirm import ConfirmationResult, check_folder
from harness.runner.confirmation.confirm import confirm as confirm_run
from harness.runner.images import read_images, with_images
from harness.runner.options import RunOptions
from harness.runner.prove import remedies_of
from harness.runner.rerun import Rerun, rerun_of
from harness.runner.rules import rules_of
from harness.runner.run import FREE, RunResult, run_experiment
from harness.runner.until import run_until
from harness.wording import plural

Workers = Annotated[
    int | None,
    typer.Option(
        min=0, max=256, help="Sender processes on this machine.", show_default="1, or 0 with --expect-workers"
    ),
]
ExpectWorkers = Annotated[
    int, typer.Option(min=0, max=256, help="Sender processes that will join with `harness worker`, from any machine.")
]
Bind = Annotated[
    str,
    typer.Option(metavar="HOST:PORT", help="Address to which those workers connect.", show_default="any on 127.0.0.1"),
]

RerunOption = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Run the inconclusive cells of this run again, in a new directory."),
]
RetryOption = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=5,
        help="Maximum repetitions of a trial that is inconclusive because the machine is busy.",
        show_default="0; 1 if CI=true",
    ),
]
#: What a run directory has already.
_PLANNED = ("an Experiment", "--only", "--assume-inert", "--ingress", "--image", "--images", "--pull-policy")
ConfirmOption = Annotated[
    int,
    typer.Option(
        "--confirm",
        min=0,
        max=500,
        metavar="N",
        help="Repeat a cell that is lossy against the expectation N times, to tell a flaky cell from a steady one.",
    ),
]

UntilOption = Annotated[
    float | None,
    typer.Option(
        min=0.0001, max=0.5, metavar="SHARE", help="Repeat until less than this share of transitions loses requests."
    ),
]


def run(
    experiment: OptionalExperimentFile = None,
    cluster: ClusterOption = "local",
    ingress: IngressOption = "",
    out: Annotated[Path | None, typer.Option(help="Run directory to create.", show_default="below reports/")] = None,
    only: Only = None,
    assume_inert: AssumeInert = None,
    parallel: Parallel = 0,
    profile: Profile = "kind",
    keep: Keep = False,
    kube_proxy: KubeProxy = "iptables",
    node_image: NodeImage = "",
    image: Image = None,
    images: Images = None,
    pull_policy: PullPolicy = "",
    reuse: Reuse = False,
    cluster_name: ClusterName = "harness",
    context: Context = "",
    kubeconfig: Kubeconfig = None,
    entry_url: EntryUrl = "",
    yes: Yes = False,
    workers: Workers = None,
    expect_workers: ExpectWorkers = 0,
    bind: Bind = "",
    rerun: RerunOption = None,
    retry_inconclusive: RetryOption = None,
    metrics: Metrics = "",
    otlp: Otlp = "",
    confirm_lossy: ConfirmOption = 0,
    until: UntilOption = None,
    prove: Annotated[bool, typer.Option(help="Prove the remedies afterwards, as `harness prove` does.")] = False,
    as_json: AsJson = False,
) -> int:
    """Run an Experiment: bring up clusters, send traffic, make the changes, account for every request.

    The run directory has the evidence, verdict.json, and the report: index.html and the formats for CI.

    --json prints a summary: version, name, exit_code, directory and cells. Each cell has configuration, change,
    verdict, expected, as_expected, sent, lost, connections_cut, hidden, twice and the codes of its findings. With
    --confirm it has confirmation. verdict.json has everything.

    --confirm N repeats cells that are lossy against the expectation, in a folder next to the run directory. A loss
    stays a loss: the exit code does not change.

    --until 0.05 repeats the run until each cell has lost requests, or loses them in less than 5 % of its transitions
    with 95 % confidence. The bound holds however many rounds there are. Each round has its own run directory.

    To change an application that is already running, without an Experiment, see: harness run --in-place --help

    [bold]Examples[/bold]

      harness run experiments/demo.yaml

      harness run experiments/demo.yaml --only configuration=graceful,change=rolling-update

      harness run experiments/exercise-1.yaml --out reports/tonight --json

      harness run experiments/demo.yaml --cluster kind

      harness run experiments/exercise-3-blue-green.yaml --ingress traefik

      harness run mine.yaml --cluster context --context staging --entry-url http://10.0.0.7

      harness run --rerun reports/demo-20260101T120000

      harness run mine.yaml --confirm 10

      harness run mine.yaml --until 0.05
    """
    replaced = read_images(image or [], images)
    if rerun is not None:
        plan = (experiment, only, assume_inert, ingress, image, images, pull_policy)
        asked = _again(rerun, further=[name for name, value in zip(_PLANNED, plan, strict=True) if value])
    else:
        read = _read(experiment, only or [], rules_of(cluster, replaced), assume_inert or (), ingress)
        asked = Rerun(with_images(read, replaced, pull_policy), cluster, profile)
    cluster, reused = asked.cluster, cluster_name if reuse else ""
    show_notices(asked.experiment, Console(stderr=True, highlight=False))
    options = RunOptions(
        cluster=cluster,
        out=out,
        parallel=parallel,
        keep=keep,
        profile=asked.profile,
        command=own_command(),
        workers=workers if workers is not None else int(not expect_workers),
        expect_workers=expect_workers,
        retry_inconclusive=retries(retry_inconclusive),
        repeats=asked.description,
        bind=_bind_address(bind, sending=workers != 0 or expect_workers > 0),
        cluster_options=kind_options(kube_proxy=kube_proxy, node_image=node_image, images=replaced, reuse=reused)
        | context_options(context=context, kubeconfig=kubeconfig, entry_url=entry_url),
    )
    extras = RunExtras(until=until, prove=prove, confirm=confirm_lossy, metrics=metrics, otlp=otlp, as_json=as_json)
    return _start(asked.experiment, options, extras, yes=yes)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunExtras:
    """Options of the command that are not about a single run: repetitions, proofs, outputs.

    Attributes:
        until: Repeat until less than this share of transitions loses requests; None for a single run.
        prove: Prove the remedies afterwards.
        confirm: Number of repetitions of a cell that is lossy against the expectation.
        metrics: Address at which metrics are served; empty for none.
        otlp: URL of a collector that gets spans; empty for none.
        as_json: Print the result as JSON.
    """

    until: float | None
    prove: bool
    confirm: int
    metrics: str
    otlp: str
    as_json: bool


def _start(experiment: Experiment, options: RunOptions, extras: RunExtras, *, yes: bool = False) -> int:
    """Run once, or in rounds. Without ``yes``, a run on an existing cluster is confirmed first.

    Raises:
        InvalidInputError: Other options contradict ``--until`` or ``--prove``.
    """
    given = {"--until": extras.until is not None, "--prove": extras.prove}
    others = {
        "--json": extras.as_json,
        "--confirm": extras.confirm > 0,
        "--expect-workers": options.expect_workers > 0,
        "--cluster context": options.cluster == "context",
    }
    problems = [
        Problem(f"{name} can't be combined with {', '.join(found)}")
        for name, is_given in given.items()
        if is_given and (found := [other for other, is_there in others.items() if is_there])
    ]
    if all(given.values()):
        problems.append(Problem("--until can't be combined with --prove", hint="prove the directory of a round"))
    if extras.until is not None and (extras.metrics or extras.otlp):
        problems.append(Problem("--until can't be combined with --metrics or --otlp", hint="they are about one run"))
    if problems:
        raise InvalidInputError(problems)
    if options.cluster == "context":
        confirm(f"{experiment.name} will run in new namespaces harness-…", options.cluster_options, yes=yes)
    if extras.until is not None:
        return _until(experiment, options, extras.until)
    return _run(experiment, options, extras)


def _until(experiment: Experiment, options: RunOptions, target: float) -> int:
    """Run an Experiment in rounds, print each result and the bounds, and return the exit code."""

    def run_round(part: Experiment, chosen: RunOptions) -> RunResult:
        with choose_progress() as progress:
            result = run_experiment(part, chosen, progress)
        show_result(result, as_json=False)
        return result

    found = run_until(experiment, options, run_round, target)
    console = Console(highlight=False)
    for cell in found.cells:
        of = plural(cell.transitions.count, "transition")
        bound = f"less than {cell.at_most:.1%} lose any, with {found.level:.0%} confidence"
        console.print(f"{cell.cell}: {cell.transitions.lossy} of {of} lost requests; {bound}", markup=False)
    last = found.rounds[-1]
    return last.verdict.process_code if last.interrupted else found.exit_code


def retries(asked: int | None) -> int:
    """Return the maximum repetitions of a trial. The default is 1 on a CI service, where no user can repeat a run."""
    return int(os.environ.get("CI") == "true") if asked is None else asked


def _read(
    experiment: Path | None, only: list[str], rules: ClusterRules, assume_inert: Sequence[str], ingress: str
) -> Experiment:
    """Read the Experiment that the command line names.

    Raises:
        InvalidInputError: It names no Experiment, or the Experiment has problems.
    """
    if experiment is None:
        raise InvalidInputError([Problem("no Experiment is given", hint="harness run EXPERIMENT.yaml")])
    read = load_experiment(
        experiment,
        only=parse_only(only),
        rules=rules,
        assume_inert=assume_inert,
        ingress=controller(ingress),
    )
    check_assumed(assume_inert, [read])
    return read


def _again(directory: Path, *, further: list[str]) -> Rerun:
    """Return the cells of a run directory to run again.

    Raises:
        InvalidInputError: Other options contradict ``--rerun``, or no cell is inconclusive.
        EvidenceError: It is not a run directory, or was changed after it was sealed.
    """
    if further:
        hint = "the run directory already has the cells, the workload and the changes"
        raise InvalidInputError([Problem(f"--rerun can't be combined with {', '.join(further)}", hint=hint)])
    return rerun_of(directory)


def _bind_address(bind: str, *, sending: bool) -> tuple[str, int]:
    """Return the address to which workers of other machines connect; port 0 is any.

    Raises:
        InvalidInputError: ``bind`` is no address, or ``sending`` is False, so that no process would send.
    """
    problems: list[Problem] = []
    address = address_of(bind, "--bind", problems) if bind else ("127.0.0.1", 0)
    if not sending:
        problems.append(Problem("--workers 0: no process would send", hint="1 or more, or --expect-workers N"))
    if problems:
        raise InvalidInputError(problems)
    return address


def _run(experiment: Experiment, options: RunOptions, extras: RunExtras) -> int:
    check_otlp(extras.otlp)
    confirmation = None
    if extras.confirm:
        check_folder(options.out)
    with choose_progress(extras.metrics) as progress:
        try:
            result = run_experiment(experiment, replace(options, traced=bool(extras.otlp)), progress)
        except Interrupted:
            raise Interrupted("nothing had started yet") from None
        if extras.confirm:
            confirmation = confirm_run(result, experiment, options, extras.confirm, progress)
    send_spans(extras.otlp, result.directory, result.verdict)
    show_result(result, as_json=extras.as_json, confirmation=confirmation)
    if result.interrupted:
        return result.verdict.process_code
    if extras.prove and any(map(remedies_of, result.verdict.cells)):
        return prove_and_show(result.directory, parallel=options.parallel) or result.exit_code
    return ExitCode.HARNESS_FAILED if confirmation and confirmation.bugs else result.exit_code


def show_result(result: RunResult, *, as_json: bool, confirmation: ConfirmationResult | None = None) -> None:
    """Print table, findings and the report's path. With ``--json``, print a summary on stdout, the rest on stderr."""
    console = Console(stderr=as_json, highlight=False)
    if busy := busy_sentence(result):
        console.print(busy, markup=False, soft_wrap=True)
    console.print(terminal.render(document(result.verdict)))
    console.print(f"report: {result.directory / 'index.html'}", soft_wrap=True, markup=False)
    if confirmation:
        console.print(terminal.render(confirmation_report.document(confirmation.confirmation)))
        console.print(f"report: {confirmation.directory / 'index.html'}", soft_wrap=True, markup=False)
    for bug in (*result.bugs, *(confirmation.bugs if confirmation else ())):
        console.print(f"a bug in the harness: {bug}", markup=False, style="red")
    if as_json:
        print_json(summary(result.verdict, result.directory, confirmation))


def busy_sentence(result: RunResult) -> str:
    """Return a sentence about cells that a busy machine made inconclusive; empty if there are none."""
    cells = starved_cells(result.verdict.cells)
    if not cells or result.interrupted:
        return ""
    free = result.verdict.environment.get(FREE)
    left = f" (free processors: {free})" if free else ""
    return (
        f"The machine is busy{left}, so {plural(len(cells), 'cell')} of {len(result.verdict.cells)} "
        f"could not be measured; repeat with: harness run --rerun {shlex.quote(str(result.directory))}"
    )


def summary(verdict: RunVerdict, directory: Path, confirmation: ConfirmationResult | None = None) -> RunOutput:
    """Return the summary that ``--json`` prints. ``verdict.json`` has everything."""
    cells = tuple(
        CellOutput(
            configuration=cell.configuration,
            change=cell.change,
            verdict=cell.verdict.value,
            expected=cell.expected,
            as_expected=cell.as_expected,
            sent=cell.sent,
            lost=cell.lost,
            connections_cut=cell.cut,
            hidden=cell.hidden,
            twice=cell.twice,
            findings=tuple(sorted({finding.code for finding in cell.findings})),
        )
        for cell in verdict.cells
    )
    return RunOutput(
        name=verdict.name,
        exit_code=int(verdict.process_code),
        directory=str(directory),
        cells=cells,
        confirmation=confirmation.confirmation if confirmation else None,
    )
