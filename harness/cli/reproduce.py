"""``harness reproduce``: run the cells of a bundle again, on another machine or on this one."""

from __future__ import annotations

import shlex
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.context_options import Context, EntryUrl, Kubeconfig, Yes, confirm, context_options
from harness.cli.experiment_options import Keep, Parallel
from harness.cli.json_option import AsJson
from harness.cli.kind_options import ClusterName, Images, KubeProxy, NodeImage, Reuse, kind_options
from harness.cli.progress import choose_progress
from harness.cli.run import retries, show_result
from harness.runner.confirmation.bundle import read_bundle
from harness.runner.images import read_images, with_images
from harness.runner.options import RunOptions
from harness.runner.run import run_experiment


def reproduce(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The reproduce.json of a confirmation.")],
    trials: Annotated[
        int | None, typer.Option(min=1, max=500, help="Trials per cell.", show_default="those of the bundle")
    ] = None,
    cluster: Annotated[
        str, typer.Option(help="Kind of cluster: local, kind, context.", show_default="that of the bundle")
    ] = "",
    out: Annotated[Path | None, typer.Option(help="Run directory to create.", show_default="below reports/")] = None,
    parallel: Parallel = 0,
    keep: Keep = False,
    kube_proxy: KubeProxy = "",
    node_image: NodeImage = "",
    images: Images = None,
    reuse: Reuse = False,
    cluster_name: ClusterName = "harness",
    context: Context = "",
    kubeconfig: Kubeconfig = None,
    entry_url: EntryUrl = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> int:
    """Run the cells of a bundle again: the same workload, changes and traffic, without any other file.

    `harness run --confirm N` writes the bundle, reproduce.json. The exit codes are those of `harness run`.

    [bold]Examples[/bold]

      harness reproduce reproduce.json

      harness reproduce reproduce.json --trials 30 --cluster kind
    """
    with tempfile.TemporaryDirectory(prefix="harness-reproduce-") as folder:
        read = read_bundle(bundle, Path(folder))
        replaced = read_images([], images)
        experiment = with_images(replace(read.experiment, trials=trials or read.experiment.trials), replaced)
        given = {
            **kind_options(
                kube_proxy=kube_proxy, node_image=node_image, images=replaced, reuse=cluster_name if reuse else ""
            ),
            **context_options(context=context, kubeconfig=kubeconfig, entry_url=entry_url),
        }
        options = RunOptions(
            cluster=cluster or read.cluster,
            out=out,
            parallel=parallel,
            keep=keep,
            profile=read.profile,
            command=shlex.join(["harness", *sys.argv[1:]]),
            retry_inconclusive=retries(None),
            repeats=f"the bundle {bundle}",
            cluster_options={**given, **read.cluster_options, **{name: text for name, text in given.items() if text}},
            in_rounds=True,
        )
        if options.cluster == "context":
            confirm(f"{experiment.name} will run in new namespaces harness-…", options.cluster_options, yes=yes)
        with choose_progress() as progress:
            result = run_experiment(experiment, options, progress)
    show_result(result, as_json=as_json)
    return result.verdict.process_code if result.interrupted else result.exit_code
