"""``harness init`` and ``harness check``: make an Experiment from manifests, and run it."""

from __future__ import annotations

import os
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console

from harness.cli.experiment_options import IngressOption, controller
from harness.cli.json_option import AsJson, print_json
from harness.cli.notices import print_notices
from harness.errors import InvalidInputError, Problem
from harness.intake.compose import compose, experiment_name
from harness.intake.proposal import propose
from harness.intake.sources import Source, read_source
from harness.kit.files import clear_disk_errors, write_text
from harness.kube.dumps import clean
from harness.report.outputs import FilesOutput

Manifests = Annotated[
    str,
    typer.Argument(
        metavar="PATH", help="Manifests: a file, a folder, a Helm chart, a kustomization, or - for standard input."
    ),
]


def init(
    path: Manifests,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Experiment file to write.", show_default="NAME.experiment.yaml"),
    ] = None,
    ingress: IngressOption = "",
    force: Annotated[bool, typer.Option(help="Replace existing files.")] = False,
    as_json: AsJson = False,
) -> int:
    """Write an Experiment for manifests as they are, ready to run and with a comment on each setting.

    The Experiment sends traffic to up to 8 routes of the manifests, and changes up to 3 Deployments that serve them. A
    notice names each other one. The Experiment compares the manifests as they are with the manifests after a likely
    remedy.

    PATH may be a file, a folder, the output of `kubectl get -o yaml`, a List, JSON, a Helm chart or a kustomization.
    helm and kubectl render the last two. Manifests that are rendered, or read from standard input, are written next to
    the Experiment.

    [bold]Examples[/bold]

      harness init deploy/ && harness run deploy.experiment.yaml

      kubectl get deploy,svc,ingress -o yaml | harness init - -o shop.yaml
    """
    source = read_source(path)
    name = experiment_name(source.name)
    target = output or Path(f"{name}.experiment.yaml")
    command = shlex.join(["harness", "init", path])
    written = write_experiment(source, path, target, ingress=controller(ingress), force=force, command=command)
    notices = (*written.notices, *written.unused)
    console = Console(highlight=False, stderr=as_json)
    print_notices(notices, console)
    console.print(f"wrote {target}; next: harness run {target}", markup=False, soft_wrap=True)
    if as_json:
        print_json(FilesOutput(directory=str(target.parent), files=(str(target),), notices=notices))
    return 0


def check(context: typer.Context, path: Manifests, ingress: IngressOption = "") -> int:
    """Run manifests as they are: traffic, a restart and a deleted pod, with and without the likely remedy.

    Does the same as `harness init` followed by `harness run`, but keeps no Experiment file. Takes every option of
    `harness run`. The report is written below reports/ in the current folder.

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
        written = write_experiment(source, path, file, ingress=controller(ingress), force=True, command=command)
        notices = () if source.plain else written.notices  # the run prints those of a file
        print_notices((*notices, *written.unused), Console(stderr=True, highlight=False))
        with group.load("run").make_context("run", [str(file), *context.args], parent=parent) as inner:
            code = int(inner.command.invoke(inner) or 0)
    kept = shlex.join(["harness", "init", path])
    Console(stderr=True, highlight=False).print(
        f"To keep and edit this Experiment: {kept}", markup=False, soft_wrap=True
    )
    return code


@dataclass(frozen=True, slots=True)
class WrittenExperiment:
    """The sentences for the user about an Experiment that was made from manifests.

    Attributes:
        notices: Sentences about objects and fields that were left out of the workload.
        unused: Sentences about routes and Deployments that the Experiment does not use.
    """

    notices: tuple[str, ...]
    unused: tuple[str, ...]


def write_experiment(
    source: Source, path: str, target: Path, *, ingress: str, force: bool, command: str
) -> WrittenExperiment:
    """Write an Experiment. Write its workload, too, if no file has it.

    Raises:
        InvalidInputError: The manifests have nothing to try, or a file exists already.
    """
    objects, left_out = clean(source.objects)
    proposal = propose(objects, ingress)
    workload = target.with_name(f"{target.name.partition('.')[0]}.workload.yaml")
    new = [target] if source.plain else [target, workload]
    there = [file for file in new if file.exists()]
    if there and not force:
        raise InvalidInputError(
            [Problem(f"{file} exists already", hint="--force replaces it, --output names another") for file in there]
        )
    notices = tuple(left_out)
    if source.rendered_by:
        notices = (f"rendered by {source.rendered_by}", *notices)
    name = _name_from(target, path) if source.plain else workload.name
    text = compose(proposal, name=experiment_name(source.name), workload=name, command=command, notices=notices)
    with clear_disk_errors(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
    if not source.plain:
        write_text(workload, yaml.safe_dump_all(objects, sort_keys=False))
    write_text(target, text)
    unused = (f"not used by the Experiment, so its losses are not seen: {each}" for each in proposal.left)
    return WrittenExperiment(notices, tuple(unused))


def _name_from(target: Path, path: str) -> str:
    """Return the name by which an Experiment refers to a path; absolute where the two are far apart."""
    place, folder = Path(path).resolve(), target.parent.resolve()
    near = Path.cwd() in (folder, *folder.parents)
    return os.path.relpath(place, folder) if near else str(place)
