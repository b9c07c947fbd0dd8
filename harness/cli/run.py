"""``harness run``: run an Experiment and print its verdict."""

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
from harness.cli.experiment_options import (
    AssumeInert,
    ClusterOption,
    ExperimentFile,
    IngressOption,
    Keep,
    Only,
    Parallel,
    Profile,
    controller,
    parse_only,
)
from harness.cli.kind_options import ClusterName, Image, Images, KubeProxy, NodeImage, PullPolicy, Reuse, kind_options
from harness.cli.progress import choose_progress
from harness.cli.worker import address_of
from harness.errors import InvalidInputError, Problem
from harness.experiment.fields import check_assumed
from harness.experiment.load import load_experiment
from harness.kit.interruption import Interrupted
from harness.model.experiment import Experiment
from harness.model.verdict import RunVerdict
from harness.report import terminal
from harness.report.run import document
from harness.runner.images import read_images, with_images
from harness.runner.options import RunOptions
from harness.runner.run import RunResult, run_experiment

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


def run(
    experiment: ExperimentFile,
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
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary of the verdict as JSON on stdout.")] = False,
) -> int:
    """Run an Experiment: bring up clusters, send traffic, make the changes, account for every request.

    The run directory has the evidence, verdict.json, and the report: index.html and the formats for CI.

    --json prints a summary: name, exit_code, directory and cells. Each cell has configuration, change, verdict,
    expected, as_expected, sent, lost, connections_cut and the codes of its findings. verdict.json has everything.

    To change an application that is already running, without an Experiment, see: harness run --in-place --help

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
    options = RunOptions(
        cluster=cluster,
        out=out,
        parallel=parallel,
        keep=keep,
        profile=profile,
        command=shlex.join(["harness", *sys.argv[1:]]),
        workers=workers if workers is not None else int(not expect_workers),
        expect_workers=expect_workers,
        bind=_bind_address(bind, sending=workers != 0 or expect_workers > 0),
        cluster_options={
            **kind_options(
                kube_proxy=kube_proxy, node_image=node_image, images=replaced, reuse=cluster_name if reuse else ""
            ),
            **context_options(context=context, kubeconfig=kubeconfig, entry_url=entry_url),
        },
    )
    if cluster == "context":
        confirm(f"{loaded.name} will run in new namespaces harness-…", options.cluster_options, yes=yes)
    return _run(loaded, options, as_json=as_json)


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


def _run(experiment: Experiment, options: RunOptions, *, as_json: bool) -> int:
    with choose_progress() as progress:
        try:
            result = run_experiment(experiment, options, progress)
        except Interrupted:
            raise Interrupted("nothing had started yet") from None
    show_result(result, as_json=as_json)
    if result.interrupted:
        return result.verdict.process_code
    return result.exit_code


def show_result(result: RunResult, *, as_json: bool) -> None:
    """Print table, findings and the report's path. With ``--json``, print a summary on stdout, the rest on stderr."""
    console = Console(stderr=as_json, highlight=False)
    console.print(terminal.render(document(result.verdict)))
    console.print(f"report: {result.directory / 'index.html'}", soft_wrap=True, markup=False)
    for bug in result.bugs:
        console.print(f"a bug in the harness: {bug}", markup=False, style="red")
    if as_json:
        sys.stdout.write(json.dumps(summary(result.verdict, result.directory), sort_keys=True) + "\n")


def summary(verdict: RunVerdict, directory: Path) -> dict[str, object]:
    """Return the summary that ``--json`` prints. ``verdict.json`` has everything."""
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
                "findings": sorted({finding.code for finding in cell.findings}),
            }
            for cell in verdict.cells
        ],
    }
