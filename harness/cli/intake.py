"""``harness init`` and ``harness check``: from manifests to an Experiment, and to a verdict."""

from __future__ import annotations

import os
import shlex
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console

from harness.cli.experiment_options import Behind, controller
from harness.errors import InvalidInputError, Problem
from harness.intake.clean import clean
from harness.intake.compose import compose, experiment_name
from harness.intake.proposal import propose
from harness.intake.sources import STDIN, Source, read_source
from harness.kit.files import write_text

Manifests = Annotated[
    str,
    typer.Argument(metavar="PATH", help="Manifests: a file, a folder, a chart, an overlay, or - for standard input."),
]


def init(
    path: Manifests,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Experiment file to write.", show_default="NAME.experiment.yaml"),
    ] = None,
    ingress: Behind = "",
    force: Annotated[bool, typer.Option(help="Replace files that are there already.")] = False,
) -> int:
    """Write an Experiment for manifests as they are, ready to run and with a comment on each setting.

    It finds hosts, paths, Services and Deployments, sends traffic to every route, restarts the Deployments behind them,
    and compares the manifests as they are with a likely remedy.

    PATH may be a file, a folder, a dump of `kubectl get -o yaml`, a List, JSON, a Helm chart or a kustomization
    (these are rendered by helm and kubectl). Where the manifests have to be rendered or cleaned, the result is written
    next to the Experiment.

    [bold]Examples[/bold]

      harness init deploy/ && harness run deploy.experiment.yaml

      kubectl get deploy,svc,ingress -o yaml | harness init - -o shop.yaml
    """
    source = read_source(path)
    name = experiment_name(source.name)
    target = output or Path(f"{name}.experiment.yaml")
    command = shlex.join(["harness", "init", path])
    written = write_experiment(source, path, target, ingress=controller(ingress), force=force, command=command)
    console = Console(highlight=False)
    for notice in written:
        console.print(f"notice: {notice}", markup=False, soft_wrap=True)
    console.print(f"{target} is written. Next: harness run {target}", markup=False, soft_wrap=True)
    return 0


def check(context: typer.Context, path: Manifests, ingress: Behind = "") -> int:
    """Run manifests as they are: traffic, a restart and a deleted pod, with and without the likely remedy.

    The same as `harness init` followed by `harness run`, without a file to keep. It takes every option of
    `harness run`, and writes the report below reports/ in the current folder.

    [bold]Examples[/bold]

      harness check deploy/

      helm template shop charts/shop | harness check - --cluster kind
    """
    parent = context.find_root()
    group: Any = parent.command
    with tempfile.TemporaryDirectory(prefix="harness-check-") as folder:
        source = read_source(path)
        file = Path(folder) / f"{experiment_name(source.name)}.yaml"
        command = shlex.join(["harness", "check", path])
        notices = write_experiment(source, path, file, ingress=controller(ingress), force=True, command=command)
        for notice in notices:
            Console(stderr=True, highlight=False).print(f"notice: {notice}", markup=False, soft_wrap=True)
        with group.load("run").make_context("run", [str(file), *context.args], parent=parent) as inner:
            code = int(inner.command.invoke(inner) or 0)
    kept = shlex.join(["harness", "init", path])
    Console(stderr=True, highlight=False).print(
        f"To keep and edit this Experiment: {kept}", markup=False, soft_wrap=True
    )
    return code


def write_experiment(
    source: Source, path: str, target: Path, *, ingress: str, force: bool, command: str
) -> tuple[str, ...]:
    """Write an Experiment, and its workload where the files cannot be named as they are.

    Returns:
        Sentences about what was left out.

    Raises:
        InvalidInputError: Nothing can be tried with these manifests, or a file is there already.
    """
    objects, left_out = clean(source.objects)
    proposal = propose(objects, ingress)
    named = source.plain and objects == source.objects and path != STDIN
    workload = target.with_name(f"{target.name.partition('.')[0]}.workload.yaml")
    new = [target] if named else [target, workload]
    there = [file for file in new if file.exists()]
    if there and not force:
        raise InvalidInputError(
            [Problem(f"{file} is there already", hint="--force replaces it, --output names another") for file in there]
        )
    notices = tuple(left_out)
    if source.rendered_by:
        notices = (f"rendered by {source.rendered_by}", *notices)
    name = os.path.relpath(Path(path).resolve(), target.parent.resolve()) if named else workload.name
    text = compose(proposal, name=experiment_name(source.name), workload=name, command=command, notices=notices)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not named:
        write_text(workload, yaml.safe_dump_all(objects, sort_keys=False))
    write_text(target, text)
    return notices
