"""``harness compare``: say per cell if a change of the application made it better or worse, beyond chance."""

from __future__ import annotations

import shlex
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.console import Console

from harness.cli.context_options import Context, EntryUrl, Kubeconfig, Yes, confirm, context_options
from harness.cli.experiment_options import ClusterOption, Keep, Only, Parallel, Profile, parse_only
from harness.cli.intake import write_experiment
from harness.cli.json_option import AsJson, print_json
from harness.cli.kind_options import ClusterName, Image, Images, KubeProxy, NodeImage, PullPolicy, Reuse, kind_options
from harness.cli.notices import print_notices, show_notices
from harness.cli.progress import choose_progress
from harness.errors import ExitCode, InvalidInputError, Problem
from harness.experiment.load import load_experiment
from harness.intake.compose import experiment_name
from harness.intake.sources import read_source
from harness.model.experiment import Experiment
from harness.report import terminal
from harness.report.comparison import document
from harness.report.outputs import CompareOutput
from harness.report.written_files import fields_of
from harness.runner.comparison.compare import (
    ComparisonResult,
    StoredSide,
    compare_stored,
    compare_workloads,
    stored_side,
)
from harness.runner.images import read_images, with_images
from harness.runner.options import RunOptions
from harness.runner.rules import rules_of

_SIDE = "a run directory, an Experiment, or manifests as `harness check` takes them"
Before = Annotated[Path, typer.Argument(metavar="BEFORE", help=f"The first side: {_SIDE}.", show_default=False)]
After = Annotated[
    Path | None,
    typer.Argument(
        metavar="AFTER", help="The second side, of the same kind. Not with --with-image.", show_default=False
    ),
]
WithImage = Annotated[
    list[str] | None,
    typer.Option(
        "--with-image", metavar="NAME=REF", help="The second side is the first with image REF for NAME; repeatable."
    ),
]
Repeat = Annotated[
    int,
    typer.Option(
        min=0,
        max=500,
        help="Transitions per side of each cell that is run or repeated. 0 compares two run directories as they are.",
    ),
]


def compare(
    before: Before,
    after: After = None,
    with_image: WithImage = None,
    repeat: Repeat = 10,
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
    yes: Yes = False,
    as_json: AsJson = False,
) -> int:
    """Say for each cell whether the second side is better, worse or not shown to differ, beyond chance.

    A transition is one change under traffic: one trial. Fisher's exact test compares the shares of lossy transitions.
    A cell that looks different is repeated on both sides, in turn, and the repetitions alone decide. If no
    difference is shown, the report says how large a difference would have been found with a probability of 80 %.

    Run directories are compared as they are, and repeated with the cluster and the profile of their runs. Experiments
    and manifests are run first, both sides in turn.

    Exit code: 0 no cell is worse; 1 a cell is worse; 2 invalid input; 3 no cell is worse, but a cell has so few
    transitions that they could not have shown any difference; 4 the harness itself failed.

    [bold]Examples[/bold]

      harness compare reports/monday reports/tuesday

      harness compare shop.yaml shop-without-hook.yaml --repeat 20

      harness compare shop.yaml --with-image shop:1.4=shop:1.5 --cluster kind
    """
    replaced = read_images(image or [], images)
    kind = kind_options(
        kube_proxy=kube_proxy, node_image=node_image, images=replaced, reuse=cluster_name if reuse else ""
    )
    existing = context_options(context=context, kubeconfig=kubeconfig, entry_url=entry_url)
    options = RunOptions(
        cluster, out, parse_only(only or []), parallel, keep, profile, _command(), {**kind, **existing},
        retry_inconclusive=1,
    )  # fmt: skip
    if before.is_dir() and (before / "run.json").is_file():
        return _stored(before, after, with_image, repeat, options, yes=yes, as_json=as_json)
    problems = _faults(before, after, with_image, repeat)
    if problems:
        raise InvalidInputError(problems)
    if cluster == "context":
        confirm(f"{before} will run in new namespaces harness-…, twice", options.cluster_options, yes=yes)
    names = str(before), str(after) if after else f"{before} with {', '.join(with_image or ())}"
    with tempfile.TemporaryDirectory(prefix="harness-compare-") as folder:
        first = with_images(_read(before, options, replaced, Path(folder, "1")), replaced, pull_policy)
        if after:
            second = with_images(_read(after, options, replaced, Path(folder, "2")), replaced, pull_policy)
        else:
            second = with_images(first, read_images(with_image or [], None))
        show_notices(second, Console(stderr=True, highlight=False))
        with choose_progress() as progress:
            result = compare_workloads((first, second), names, repeat, options, progress)
    return _shown(result, as_json=as_json)


def _stored(
    before: Path,
    after: Path | None,
    with_image: list[str] | None,
    repeat: int,
    options: RunOptions,
    *,
    yes: bool,
    as_json: bool,
) -> int:
    """Compare two run directories."""
    if after is None or with_image or options.only:
        hint = "harness compare DIR DIR; the runs already have their cells and images"
        raise InvalidInputError([Problem("two run directories are needed, without --with-image and --only", hint=hint)])
    sides: tuple[StoredSide, StoredSide] = (stored_side(before), stored_side(after))
    plan = sides[1].plan
    options = replace(options, cluster=plan.cluster, profile=plan.profile)
    if plan.cluster == "context" and repeat:
        confirm(f"what differs between {before} and {after} will run again", options.cluster_options, yes=yes)
    with choose_progress() as progress:
        result = compare_stored(*sides, repeat, options, progress)
    return _shown(result, as_json=as_json)


def _faults(before: Path, after: Path | None, with_image: list[str] | None, repeat: int) -> list[Problem]:
    problems = []
    if (after is None) is not bool(with_image):
        problems.append(Problem("name either a second side or --with-image", hint="harness compare BEFORE AFTER"))
    if after is not None and (after / "run.json").is_file():
        hint = "name two run directories, or none"
        problems.append(Problem(f"{after} is a run directory and {before} is not", hint=hint))
    if not repeat:
        problems.append(Problem("--repeat 0 is for run directories", hint="--repeat 10 runs each cell 10 times"))
    return problems


def _read(path: Path, options: RunOptions, replaced: Mapping[str, str], folder: Path) -> Experiment:
    """Read one side: an Experiment, or manifests of which one is made in a temporary folder."""
    rules = rules_of(options.cluster, replaced)
    if _is_experiment(path):
        return load_experiment(path, only=options.only, rules=rules)
    source = read_source(str(path))
    file = folder / f"{experiment_name(source.name)}.yaml"
    written = write_experiment(source, str(path), file, ingress="", force=True, command=_command())
    print_notices(written.unused, Console(stderr=True, highlight=False))
    return load_experiment(file, only=options.only, rules=rules)


def _is_experiment(path: Path) -> bool:
    """Return True if a file is one YAML map that is no Kubernetes object. A missing file is a missing Experiment."""
    if path.is_dir():
        return False
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        return not path.exists()
    return isinstance(content, dict) and "kind" not in content


def _shown(result: ComparisonResult, *, as_json: bool) -> int:
    """Print the comparison, with ``--json`` as JSON on stdout and the rest on stderr. Return the exit code."""
    console = Console(stderr=as_json, highlight=False)
    made = document(result.comparison)
    console.print(terminal.render(made))
    console.print(f"report: {result.directory / 'index.html'}", soft_wrap=True, markup=False)
    for bug in result.bugs:
        console.print(f"a bug in the harness: {bug}", markup=False, style="red")
    code = ExitCode.HARNESS_FAILED if result.bugs else made.process_code
    if as_json:
        made_of = fields_of(result.comparison)
        print_json(CompareOutput(**made_of, directory=str(result.directory), exit_code=int(code)))
    return int(code)


def _command() -> str:
    return shlex.join(["harness", *sys.argv[1:]])
