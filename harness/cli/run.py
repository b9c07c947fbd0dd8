"""``harness run`` and ``harness validate``: from an Experiment file to a verdict."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.cli.cluster_rules import rules_of, show_notices
from harness.cli.context_options import Context, EntryUrl, Kubeconfig, Yes, confirm, context_options
from harness.cli.kind_options import ClusterName, Image, Images, KubeProxy, NodeImage, PullPolicy, Reuse, kind_options
from harness.cli.progress import choose_progress
from harness.cli.worker import address_of
from harness.errors import InvalidInputError, Problem
from harness.experiment.fields import check_assumed
from harness.experiment.load import load_experiment
from harness.experiment.problems import near
from harness.kit.interruption import Interrupted
from harness.model.controllers import CONTROLLERS
from harness.model.experiment import Experiment
from harness.model.verdict import RunVerdict
from harness.report import terminal
from harness.report.words import plural
from harness.runner.images import read_images, with_images
from harness.runner.options import RunOptions
from harness.runner.run import RunResult, run_experiment

ExperimentFile = Annotated[Path, typer.Argument(metavar="EXPERIMENT.yaml", help="The Experiment file.")]
Only = Annotated[
    list[str] | None,
    typer.Option(
        metavar="configuration=…,change=…",
        help="These cells alone; names or globs, repeatable, also by axis (lifecycle=bare). Their controls always run.",
    ),
]
Where = Annotated[
    str, typer.Option(help="Where: local (embedded; no Docker, no root), kind, or context (one that is there).")
]
Behind = Annotated[
    str,
    typer.Option(
        "--ingress",
        help=f"The controller in place of the file's: {', '.join(CONTROLLERS)}.",
        show_default=False,
    ),
]
AssumeInert = Annotated[
    list[str] | None,
    typer.Option(
        "--assume-inert",
        metavar="FIELD",
        help="A field that the embedded cluster does not implement, left in as if it had no effect on requests;"
        " repeatable. No verdict is then better than inconclusive.",
    ),
]
Keep = Annotated[
    bool,
    typer.Option("--keep", help="Keep what is taken down otherwise: a local cluster's directory, a kind cluster."),
]


def run(
    experiment: ExperimentFile,
    cluster: Where = "local",
    ingress: Behind = "",
    out: Annotated[Path | None, typer.Option(help="Run directory to create.", show_default="below reports/")] = None,
    only: Only = None,
    assume_inert: AssumeInert = None,
    parallel: Annotated[
        int, typer.Option(min=0, help="Trials side by side, each with a cluster of its own; 0: as many as fit.")
    ] = 0,
    profile: Annotated[str, typer.Option(help="Delay profile of local clusters: kind, instant.")] = "kind",
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
    workers: Annotated[
        int | None,
        typer.Option(min=0, max=256, help="Processes here that share the sending (1; 0 where others join)."),
    ] = None,
    expect_workers: Annotated[
        int, typer.Option(min=0, max=256, help="How many more join with `harness worker`, from any machine.")
    ] = 0,
    bind: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where those are awaited; trials come in turn.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary of the verdict as JSON on stdout.")] = False,
) -> int:
    """Run an Experiment: bring clusters up, keep traffic on them, make the changes, account for every request.

    The run directory holds the evidence, verdict.json, index.html (the report), junit.xml and summary.md. --json prints
    a summary: name, exit_code, directory, and cells, each with configuration, change, verdict, expected, as_expected,
    sent, lost, connections_cut and the codes of its findings; the whole of it is verdict.json in that directory.

    One change of an application that is running already, without an Experiment: harness run --in-place --help

    [bold]Examples[/bold]

      harness run experiments/demo.yaml

      harness run experiments/demo.yaml --only configuration=graceful,change=rolling-update

      harness run experiments/exercise-1.yaml --out reports/tonight --json

      harness run experiments/demo.yaml --cluster kind

      harness run experiments/exercise-3-blue-green.yaml --ingress traefik

      harness run mine.yaml --cluster context --context staging --entry-url http://10.0.0.7
    """
    replaced = read_images(image or [], images)
    read = load_experiment(
        experiment,
        only=parse_only(only or []),
        rules=rules_of(cluster, replaced),
        assume_inert=assume_inert or (),
        ingress=controller(ingress),
    )
    check_assumed(assume_inert or (), [read])
    loaded = with_images(read, replaced, pull_policy)
    show_notices(loaded, Console(stderr=True, highlight=False))
    address = _awaited_at(bind, sending=workers != 0 or expect_workers > 0)
    options = RunOptions(
        cluster=cluster,
        out=out,
        parallel=parallel,
        keep=keep,
        profile=profile,
        command=shlex.join(["harness", *sys.argv[1:]]),
        workers=workers if workers is not None else int(not expect_workers),
        expect_workers=expect_workers,
        bind=address,
        cluster_options={
            **kind_options(
                kube_proxy=kube_proxy, node_image=node_image, images=replaced, reuse=cluster_name if reuse else ""
            ),
            **context_options(context=context, kubeconfig=kubeconfig, entry_url=entry_url),
        },
    )
    if cluster == "context":
        confirm(f"{loaded.name} will be run in namespaces of its own, harness-…", options.cluster_options, yes=yes)
    return _run(loaded, options, as_json=as_json)


def _awaited_at(bind: str, *, sending: bool) -> tuple[str, int]:
    """Where workers from elsewhere are awaited; ``sending`` is whether anybody sends at all."""
    problems: list[Problem] = []
    address = address_of(bind, "--bind", problems) if bind else ("127.0.0.1", 0)
    if not sending:
        problems.append(Problem("--workers 0 leaves nobody to send", hint="1 or more, or --expect-workers N"))
    if problems:
        raise InvalidInputError(problems)
    return address


def _run(experiment: Experiment, options: RunOptions, *, as_json: bool) -> int:
    with choose_progress() as progress:
        try:
            result = run_experiment(experiment, options, progress)
        except Interrupted:
            raise Interrupted("nothing had begun yet") from None
    show_result(result, as_json=as_json)
    if result.interrupted:
        return result.verdict.process_code
    return result.exit_code


def validate(
    experiment: ExperimentFile,
    only: Only = None,
    cluster: Where = "local",
    ingress: Behind = "",
    assume_inert: AssumeInert = None,
) -> int:
    """Check an Experiment file and everything it names, and list the cells it makes. Starts nothing.

    Every problem is told at once, with its file and line: what the file can't say, what an API server would refuse in
    the workload with its patches applied, and images that a local cluster has not (--cluster kind and context have
    any that can be pulled), fields that a local cluster does not implement although they decide about requests, and on
    kind and context every object outside of namespaces.
    """
    loaded = load_experiment(
        experiment,
        only=parse_only(only or []),
        rules=rules_of(cluster, {}),
        assume_inert=assume_inert or (),
        ingress=controller(ingress),
    )
    check_assumed(assume_inert or (), [loaded])
    console = Console(highlight=False)
    console.print(describe(loaded), markup=False, soft_wrap=True)
    show_notices(loaded, console)
    return 0


def controller(word: str) -> str:
    """What ``--ingress`` says.

    Raises:
        InvalidInputError: There is no such controller.
    """
    if word and word not in CONTROLLERS:
        hint = near(word, CONTROLLERS)
        raise InvalidInputError([Problem(f"--ingress {word}: expected one of {', '.join(CONTROLLERS)}", hint=hint)])
    return word


def describe(experiment: Experiment) -> str:
    """A valid Experiment in a few lines: its cells and what is expected of each."""
    cells, trials = plural(len(experiment.cells), "cell"), plural(experiment.trials, "trial")
    lines = [f"{experiment.source}: valid. {cells}, {trials} each:"]
    width = max(len(cell.configuration.name) for cell in experiment.cells)
    lines += [
        f"  {cell.configuration.name:<{width}}  {cell.change.name}  (expected: {cell.expectation.verdict})"
        for cell in experiment.cells
    ]
    lines += [
        f"assumed to have no effect, so that no verdict is better than inconclusive: {each.field} of {each.object}"
        for each in experiment.assumed
    ]
    lines += [f"without effect on requests: {each}" for each in experiment.inert]
    return "\n".join(lines)


def parse_only(words: list[str]) -> dict[str, tuple[str, ...]]:
    """``["configuration=bare,change=none"]`` as ``{"configuration": ("bare",), "change": ("none",)}``.

    Raises:
        InvalidInputError: A part has no name or no value; which names there are is known to the Experiment.
    """
    found: dict[str, tuple[str, ...]] = {}
    for part in (part for word in words for part in word.split(",")):
        key, _, value = part.partition("=")
        if not key or not value:
            what = "configuration=NAME, change=NAME or AXIS=NAME, separated by commas"
            raise InvalidInputError([Problem(f"--only {part!r}: expected {what}")])
        found[key] = (*found.get(key, ()), value)
    return found


def show_result(result: RunResult, *, as_json: bool) -> None:
    """The table, the reasons, and where the report is; with ``--json`` one object on stdout, the rest on stderr."""
    console = Console(stderr=as_json, highlight=False)
    for line in terminal.render(result.verdict):
        console.print(line)
    console.print(f"report: {result.directory / 'index.html'}", soft_wrap=True, markup=False)
    for bug in result.bugs:
        console.print(f"a bug of the harness: {bug}", markup=False, style="red")
    if as_json:
        sys.stdout.write(json.dumps(summary(result.verdict, result.directory), sort_keys=True) + "\n")


def summary(verdict: RunVerdict, directory: Path) -> dict[str, object]:
    """The verdict in short, for scripts; the whole of it is in ``verdict.json``."""
    return {
        "name": verdict.name,
        "exit_code": verdict.process_code,
        "directory": str(directory),
        "cells": [
            {
                "configuration": cell.configuration,
                "change": cell.change,
                "verdict": cell.verdict.value,
                "expected": cell.expected,
                "as_expected": cell.as_expected,
                "sent": cell.sent,
                "lost": cell.lost,
                "connections_cut": cell.cut,
                "findings": sorted({finding.code.value for finding in cell.findings}),
            }
            for cell in verdict.cells
        ],
    }
