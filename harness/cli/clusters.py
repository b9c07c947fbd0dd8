"""``harness cluster``: start and stop a persistent cluster, to work on with kubectl."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.cli.json_option import AsJson, print_json
from harness.cli.kind_options import Image, Images, KubeProxy, NodeImage, Port, kind_options
from harness.clusters.base import BringUp
from harness.clusters.kind import persistent as kind_persistent
from harness.clusters.kind import records
from harness.clusters.local import persistent
from harness.errors import InvalidInputError, Problem
from harness.kit import streams
from harness.localkube.kubelet.images import KNOWN_IMAGES
from harness.model.controllers import DEFAULT
from harness.report.outputs import ClusterOutput, ClustersOutput
from harness.runner.images import read_images

_HELP = (
    "Start, list and remove clusters that stay up until you remove them, for kubectl and hands-on tests.",
    "[bold]kubectl on a local cluster[/bold]",
    (
        "kubectl works as on any cluster, also exec, cp and port-forward. "
        "Refused are attach, top and debug of a running pod. docs/reference/kubectl.md lists each command."
    ),
    f"A local cluster pulls no images. It has these: {', '.join(sorted(KNOWN_IMAGES))}. A stand-in runs for any other.",
)

app = typer.Typer(
    help="\n\n".join(_HELP),
    no_args_is_help=True,
)
Name = Annotated[str, typer.Option(help="Name of the cluster.")]
Ingress = Annotated[str, typer.Option(help="Ingress controller, by the name used in Experiments.")]
Kind = Annotated[str, typer.Option("--cluster", help="Kind of cluster: local (embedded; no Docker, no root) or kind.")]


@app.command()
def up(
    name: Name = "harness",
    cluster: Kind = "local",
    profile: Annotated[str, typer.Option(help="Delay profile of a local cluster: kind, instant.")] = "kind",
    ingress: Ingress = DEFAULT.word,
    port: Port = 0,
    kube_proxy: KubeProxy = "iptables",
    node_image: NodeImage = "",
    image: Image = None,
    images: Images = None,
    as_json: AsJson = False,
) -> int:
    """Bring a cluster up and leave it running."""
    console = Console(highlight=False, stderr=True)

    def progress(text: str) -> None:
        console.print(f"  {text}", markup=False)

    if _is_kind(cluster):
        replaced = read_images(image or [], images)
        options = kind_options(kube_proxy=kube_proxy, node_image=node_image, images=replaced, port=port)
        request = BringUp(name=name, directory=records.logs_of(name), ingress=ingress, options=options)
        made = kind_persistent.up(request, progress)
        url, config = f"http://{made.entry.address}:{made.entry.port}", made.kubeconfig
    else:
        local = persistent.up(name, profile=profile, ingress=ingress, progress=progress)
        url, config = local.entry_url, local.kubeconfig
    if as_json:
        one = ClusterOutput(name=name, cluster=cluster, state="up", url=url, kubeconfig=str(config))
        print_json(ClustersOutput(clusters=(one,)))
        return 0
    out = Console(highlight=False)
    out.print(f"cluster {name} is up; its ingress answers at {url}", soft_wrap=True)
    out.print(f"  export KUBECONFIG={config}", markup=False, soft_wrap=True)
    out.print("  kubectl get pods -A", markup=False)
    return 0


@app.command()
def down(name: Name = "harness", cluster: Kind = "local", as_json: AsJson = False) -> int:
    """Remove a cluster and all its state. A cluster that you made by other means is never touched."""
    take_down: Callable[[str], None] = kind_persistent.down if _is_kind(cluster) else persistent.down
    take_down(name)
    if as_json:
        one = ClusterOutput(name=name, cluster=cluster, state="down", url="", kubeconfig="")
        print_json(ClustersOutput(clusters=(one,)))
        return 0
    Console(highlight=False).print(f"cluster {name} is down")
    return 0


@app.command()
def status(as_json: AsJson = False) -> int:
    """List the clusters that are up, and leftovers of earlier ones."""
    rows = [(c.name, "local", c.state, c.entry_url, c.kubeconfig) for c in persistent.status()]
    rows += [
        (c.name, "kind", c.state(), f"http://{c.entry.address}:{c.entry.port}" if c.port else "-", c.kubeconfig)
        for c in records.all_records()
    ]
    if as_json:
        found = (
            ClusterOutput(name=name, cluster=kind, state=state, url="" if url == "-" else url, kubeconfig=str(path))
            for name, kind, state, url, path in rows
        )
        print_json(ClustersOutput(clusters=tuple(found)))
        return 0
    out = Console(highlight=False)
    for row in rows:
        out.print("  ".join(map(str, row)), markup=False, soft_wrap=True)
    if not rows:
        out.print("no cluster is up; bring one up with: harness cluster up")
    return 0


@app.command()
def kubeconfig(name: Name = "harness", cluster: Kind = "local", as_json: AsJson = False) -> int:
    """Print the path of a cluster's kubeconfig: export KUBECONFIG=$(harness cluster kubeconfig).

    Exit code 4 if it can't be printed: with an empty KUBECONFIG, kubectl would use another cluster.
    """
    path: Callable[[str], Path] = kind_persistent.kubeconfig if _is_kind(cluster) else persistent.kubeconfig
    found = path(name)
    if as_json:
        one = ClusterOutput(name=name, cluster=cluster, state="up", url="", kubeconfig=str(found))
        print_json(ClustersOutput(clusters=(one,)))
        return 0
    with streams.required_output() as file:
        file.write(f"{found}\n")
    return 0


def _is_kind(cluster: str) -> bool:
    if cluster not in {"local", "kind"}:
        problem = Problem(f"--cluster {cluster!r}: can't bring up a cluster of this kind", hint="local or kind")
        raise InvalidInputError([problem])
    return cluster == "kind"
