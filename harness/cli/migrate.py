"""``harness migrate``: the same cells behind two controllers, and whether the second loses what the first did not."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.cli.cluster_rules import rules_of, show_notices
from harness.cli.context_options import Context, EntryUrl, Kubeconfig, Yes, confirm, context_options
from harness.cli.experiment_options import AssumeInert, Keep, Only, Where, parse_only
from harness.cli.kind_options import ClusterName, Image, Images, KubeProxy, NodeImage, PullPolicy, Reuse, kind_options
from harness.cli.progress import choose_progress
from harness.errors import InvalidInputError, Problem
from harness.experiment.fields import check_assumed
from harness.experiment.load import load_experiment
from harness.experiment.problems import near
from harness.kit.interruption import Interrupted
from harness.model.controllers import CONTROLLERS, DEFAULT
from harness.model.migration import Migration
from harness.report import terminal
from harness.report.migration import document
from harness.runner.images import read_images, with_images
from harness.runner.migration.concluding import analyze_again
from harness.runner.migration.migrate import MigrationSide, run_migration
from harness.runner.options import RunOptions
from harness.store.records import to_json

#: Without an ingress there is nothing to migrate.
_KNOWN = tuple(word for word, facts in CONTROLLERS.items() if facts.address is not None)
_NAMES = ", ".join(_KNOWN)


def migrate(
    experiment: Annotated[
        Path | None, typer.Argument(metavar="EXPERIMENT.yaml", help="The Experiment file.", show_default=False)
    ] = None,
    source: Annotated[str, typer.Option("--from", help=f"The controller that is left: {_NAMES}.")] = DEFAULT.word,
    target: Annotated[str, typer.Option("--to", help="The controller that is gone to, one of the same.")] = "traefik",
    analyze: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Compare an earlier migration again, offline, from its sealed evidence."),
    ] = None,
    cluster: Where = "local",
    out: Annotated[
        Path | None, typer.Option(help="Folder to create; below reports/ if not given.", show_default=False)
    ] = None,
    only: Only = None,
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
    to_entry_url: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="--entry-url of the target's controller.",
            rich_help_panel="Options of --cluster context",
        ),
    ] = "",
    yes: Yes = False,
    assume_inert: AssumeInert = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON on stdout.")] = False,
) -> int:
    """Does my application stay lossless when I move to another ingress controller?

    Runs the same cells behind both, the source first, and compares them cell by cell: requests lost, connections cut,
    latency; and names what made requests differ: routing and rewriting, how late new endpoints are known, retries,
    reloads, timeouts, and the annotations that the target ignores. Nothing else in the Experiment changes, and what it
    expects counts for nothing here: the source is what the target is held against.

    Exit code 1: the target loses where the source did not (also without any change: a route that it does not serve).
    3: none of that, but a cell of either side is inconclusive: an unknown is never a pass. 0: nothing is lost that the
    source does not lose.

    The folder holds comparison.json, the report (index.html and the formats for CI), and the two run directories,
    sealed, each with its own report.

    [bold]Examples[/bold]

      harness migrate experiments/migrate.yaml

      harness migrate mine.yaml --from ingress-nginx --to traefik-nginx --only change=rolling-update

      harness migrate mine.yaml --cluster kind --out reports/move --json

      harness migrate --analyze reports/move
    """
    if analyze is not None:
        return _again(analyze, experiment, as_json=as_json)
    experiment = _given(experiment)
    names = _two_of_them(source, target)
    replaced = read_images(image or [], images)
    kind = kind_options(
        kube_proxy=kube_proxy, node_image=node_image, images=replaced, reuse=cluster_name if reuse else ""
    )
    there = context_options(context=context, kubeconfig=kubeconfig, entry_url=entry_url)
    options = RunOptions(cluster, None, parse_only(only or []), parallel, keep, profile, _command(), {**kind, **there})
    source_leg = _leg(experiment, names[0], options, replaced, pull_policy, assume_inert)
    options = replace(options, cluster_options={**kind, **there, "entry-url": to_entry_url or entry_url})
    target_leg = _leg(experiment, names[1], options, replaced, pull_policy, assume_inert)
    check_assumed(assume_inert or (), [source_leg.experiment, target_leg.experiment])
    show_notices(source_leg.experiment, Console(stderr=True, highlight=False))
    if cluster == "context":
        confirm(f"{experiment} will be run twice in namespaces of its own, harness-…", {**kind, **there}, yes=yes)
    return _run(source_leg, target_leg, out, as_json=as_json)


def _given(experiment: Path | None) -> Path:
    if experiment is None:
        hint = "harness migrate EXPERIMENT.yaml, or --analyze DIR"
        raise InvalidInputError([Problem("no Experiment is given", hint=hint)])
    return experiment


def _leg(
    path: Path,
    ingress: str,
    options: RunOptions,
    replaced: Mapping[str, str],
    pull_policy: str,
    assume_inert: list[str] | None,
) -> MigrationSide:
    """The Experiment behind one controller."""
    rules = rules_of(options.cluster, replaced)
    read = load_experiment(path, only=options.only, rules=rules, assume_inert=assume_inert or (), ingress=ingress)
    return MigrationSide(with_images(read, replaced, pull_policy), options)


def _run(source: MigrationSide, target: MigrationSide, out: Path | None, *, as_json: bool) -> int:
    with choose_progress() as progress:
        try:
            result = run_migration(source, target, out, _command(), progress)
        except Interrupted as stop:
            raise Interrupted(str(stop) or "nothing had begun yet") from None
    show(result.migration, result.directory, as_json=as_json)
    for bug in result.bugs:
        Console(stderr=True, highlight=False).print(f"a bug of the harness: {bug}", markup=False, style="red")
    return result.migration.process_code


def show(migration: Migration, directory: Path, *, as_json: bool) -> None:
    """The table, the reasons and the answer; with ``--json`` the comparison on stdout, the rest on stderr."""
    console = Console(stderr=as_json, highlight=False)
    console.print(terminal.render(document(migration)))
    console.print(f"report: {directory / 'index.html'}", soft_wrap=True, markup=False)
    if as_json:
        told = {**to_json(migration), "directory": str(directory), "exit_code": migration.process_code}
        sys.stdout.write(json.dumps(told, sort_keys=True) + "\n")


def _again(directory: Path, experiment: Path | None, *, as_json: bool) -> int:
    """Compare an earlier migration again."""
    if experiment is not None:
        hint = "leave the Experiment out"
        raise InvalidInputError([Problem("--analyze compares an earlier migration again", hint=hint)])
    migration = analyze_again(directory)
    show(migration, directory, as_json=as_json)
    return migration.process_code


def _two_of_them(source: str, target: str) -> tuple[str, str]:
    names = _known("--from", source), _known("--to", target)
    if source == target:
        hint = f"name two of {_NAMES}"
        raise InvalidInputError([Problem(f"--from and --to are both {source}: nothing would change", hint=hint)])
    return names


def _known(option: str, word: str) -> str:
    if word in _KNOWN:
        return word
    raise InvalidInputError([Problem(f"{option} {word}: expected one of {_NAMES}", hint=near(word, _KNOWN))])


def _command() -> str:
    return shlex.join(["harness", *sys.argv[1:]])
