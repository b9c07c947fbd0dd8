"""``harness migrate``: run the same cells behind two ingress controllers, and compare their losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.cli.command_line import own_command
from harness.cli.context_options import CONTEXT_PANEL, Context, EntryUrl, Kubeconfig, Yes, confirm, context_options
from harness.cli.experiment_options import AssumeInert, ClusterOption, Keep, Only, Parallel, Profile, parse_only
from harness.cli.json_option import AsJson, print_json
from harness.cli.kind_options import ClusterName, Image, Images, KubeProxy, NodeImage, PullPolicy, Reuse, kind_options
from harness.cli.notices import show_notices
from harness.cli.progress import choose_progress
from harness.cli.run import RetryOption, retries
from harness.errors import InvalidInputError, Problem
from harness.experiment.fields import check_assumed
from harness.experiment.load import load_experiment
from harness.experiment.problems import near
from harness.kit.interruption import Interrupted
from harness.model.controllers import CONTROLLERS, DEFAULT
from harness.model.migration import Migration
from harness.report import terminal
from harness.report.migration import document
from harness.report.outputs import MigrateOutput
from harness.report.written_files import fields_of
from harness.runner.images import read_images, with_images
from harness.runner.migration.concluding import analyze_again
from harness.runner.migration.migrate import MigrationSide, run_migration
from harness.runner.options import RunOptions
from harness.runner.rules import rules_of

#: Controllers to choose from; ``none`` is no controller.
_KNOWN = tuple(word for word, facts in CONTROLLERS.items() if facts.address is not None)
_NAMES = ", ".join(_KNOWN)

OptionalExperiment = Annotated[
    Path | None, typer.Argument(metavar="EXPERIMENT.yaml", help="The Experiment file.", show_default=False)
]
To = Annotated[str, typer.Option("--to", help="Ingress controller to move to; same choices as --from.")]
Analyze = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Compare the sealed evidence of an earlier migration again, offline.")
]
ToEntryUrl = Annotated[
    str,
    typer.Option(
        metavar="URL",
        help="Where traffic enters the --to controller; --entry-url then belongs to the --from controller.",
        rich_help_panel=CONTEXT_PANEL,
    ),
]


def migrate(
    experiment: OptionalExperiment = None,
    source: Annotated[str, typer.Option("--from", help=f"Ingress controller in use now: {_NAMES}.")] = DEFAULT.word,
    target: To = "traefik",
    analyze: Analyze = None,
    cluster: ClusterOption = "local",
    out: Annotated[Path | None, typer.Option(help="Folder to create.", show_default="below reports/")] = None,
    only: Only = None,
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
    to_entry_url: ToEntryUrl = "",
    yes: Yes = False,
    assume_inert: AssumeInert = None,
    retry_inconclusive: RetryOption = None,
    as_json: AsJson = False,
) -> int:
    """Compare two ingress controllers: does my application lose requests after a move from one to the other?

    Runs the same cells behind both controllers, the --from controller first. Compares requests lost, connections cut
    and latency, cell by cell. Names the causes of differences: routing and rewriting, delay until new endpoints are
    used, retries, reloads, timeouts, and annotations that the --to controller ignores. Nothing else in the Experiment
    changes. Its expectations are ignored: the --from controller is the reference.

    Exit code: 0 the --to controller loses nothing that the --from controller does not lose; 1 it does (also without a
    change, such as a route that it does not serve); 2 invalid input; 3 no such loss, but a cell of either side is
    inconclusive: unknown is not success; 4 the harness itself failed.

    The folder has comparison.json, the report (index.html and the formats for CI), and the two sealed run directories,
    each with its own report.

    [bold]Examples[/bold]

      harness migrate experiments/migrate.yaml

      harness migrate mine.yaml --from ingress-nginx --to traefik-nginx --only change=rolling-update

      harness migrate mine.yaml --cluster kind --out reports/move --json

      harness migrate --analyze reports/move
    """
    if analyze is not None:
        return _again(analyze, experiment, as_json=as_json)
    experiment = _given(experiment)
    names = _both_controllers(source, target)
    replaced = read_images(image or [], images)
    kind = kind_options(
        kube_proxy=kube_proxy, node_image=node_image, images=replaced, reuse=cluster_name if reuse else ""
    )
    existing = context_options(context=context, kubeconfig=kubeconfig, entry_url=entry_url)
    options = RunOptions(
        cluster, None, parse_only(only or []), parallel, keep, profile, _command(), {**kind, **existing},
        retry_inconclusive=retries(retry_inconclusive),
    )  # fmt: skip
    source_leg = _leg(experiment, names[0], options, replaced, pull_policy, assume_inert)
    options = replace(options, cluster_options={**kind, **existing, "entry-url": to_entry_url or entry_url})
    target_leg = _leg(experiment, names[1], options, replaced, pull_policy, assume_inert)
    check_assumed(assume_inert or (), [source_leg.experiment, target_leg.experiment])
    show_notices(source_leg.experiment, Console(stderr=True, highlight=False))
    if cluster == "context":
        confirm(f"{experiment} will run twice, in new namespaces harness-…", {**kind, **existing}, yes=yes)
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
    """Return one side of the comparison: the Experiment with its ingress controller."""
    rules = rules_of(options.cluster, replaced)
    read = load_experiment(path, only=options.only, rules=rules, assume_inert=assume_inert or (), ingress=ingress)
    return MigrationSide(with_images(read, replaced, pull_policy), options)


def _run(source: MigrationSide, target: MigrationSide, out: Path | None, *, as_json: bool) -> int:
    with choose_progress() as progress:
        try:
            result = run_migration(source, target, out, _command(), progress)
        except Interrupted as stop:
            raise Interrupted(str(stop) or "nothing had started yet") from None
    show(result.migration, result.directory, as_json=as_json)
    for bug in result.bugs:
        Console(stderr=True, highlight=False).print(f"a bug in the harness: {bug}", markup=False, style="red")
    return result.migration.process_code


def show(migration: Migration, directory: Path, *, as_json: bool) -> None:
    """Print table, causes and verdict. With ``--json``, print the comparison on stdout and the rest on stderr."""
    console = Console(stderr=as_json, highlight=False)
    console.print(terminal.render(document(migration)))
    console.print(f"report: {directory / 'index.html'}", soft_wrap=True, markup=False)
    if as_json:
        shown = fields_of(migration)
        shown["exit_code"] = int(migration.process_code)
        print_json(MigrateOutput(**shown, directory=str(directory)))


def _again(directory: Path, experiment: Path | None, *, as_json: bool) -> int:
    """Compare an earlier migration again."""
    if experiment is not None:
        hint = "leave the Experiment out"
        raise InvalidInputError([Problem("--analyze reads the Experiment from the earlier migration", hint=hint)])
    migration = analyze_again(directory)
    show(migration, directory, as_json=as_json)
    return migration.process_code


def _both_controllers(source: str, target: str) -> tuple[str, str]:
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
    return own_command()
