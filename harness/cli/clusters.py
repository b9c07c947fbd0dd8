"""``harness cluster``: a cluster that stays up, to work on with kubectl."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.cli.kind_options import Image, Images, KubeProxy, NodeImage, Port, kind_options
from harness.clusters.base import BringUp
from harness.clusters.kind import owned
from harness.clusters.kind import standing as kind_standing
from harness.clusters.local import standing
from harness.errors import InvalidInputError, Problem
from harness.kit import streams
from harness.localkube.kubelet.images import KNOWN_IMAGES
from harness.model.controllers import DEFAULT
from harness.runner.images import read_images

_HELP = (
    "A cluster that stays up until you take it down: for kubectl and for trying things out.",
    "[bold]kubectl on a local cluster[/bold]",
    (
        "apply, create -f, run, get, describe, logs, patch, edit, set, scale, rollout, "
        "label, annotate, wait, diff and delete work as on any cluster. "
        "Not there: exec, attach, cp, port-forward, top, auth can-i."
    ),
    (
        "What kubectl makes up by itself (create namespace, create deployment, expose) "
        "it sends as protobuf, which a local cluster does not read. Pipe it:"
    ),
    "  kubectl create namespace foo --dry-run=client -o yaml | kubectl apply -f -",
    f"Nothing is pulled; it has these images: {', '.join(sorted(KNOWN_IMAGES))}. A stand-in runs for any other.",
)

app = typer.Typer(
    help="\n\n".join(_HELP),
    no_args_is_help=True,
)
Name = Annotated[str, typer.Option(help="Which cluster.")]
Ingress = Annotated[str, typer.Option(help="Its ingress controller, as Experiments name it.")]
Kind = Annotated[str, typer.Option("--cluster", help="Its kind: local (no Docker, no root) or kind.")]


@app.command()
def up(
    name: Name = "harness",
    cluster: Kind = "local",
    profile: Annotated[str, typer.Option(help="Delay profile of a local cluster.")] = "kind",
    ingress: Ingress = DEFAULT.word,
    port: Port = 0,
    kube_proxy: KubeProxy = "iptables",
    node_image: NodeImage = "",
    image: Image = None,
    images: Images = None,
) -> int:
    """Bring a cluster up and leave it running."""
    console = Console(highlight=False, stderr=True)

    def progress(text: str) -> None:
        console.print(f"  {text}", markup=False)

    if _is_kind(cluster):
        replaced = read_images(image or [], images)
        options = kind_options(kube_proxy=kube_proxy, node_image=node_image, images=replaced, port=port)
        request = BringUp(name=name, directory=owned.logs_of(name), ingress=ingress, options=options)
        made = kind_standing.up(request, progress)
        url, config = f"http://{made.entry.address}:{made.entry.port}", made.kubeconfig
    else:
        local = standing.up(name, profile=profile, ingress=ingress, progress=progress)
        url, config = local.entry_url, local.kubeconfig
    out = Console(highlight=False)
    out.print(f"cluster {name} is up; its ingress answers at {url}", soft_wrap=True)
    out.print(f"  export KUBECONFIG={config}", markup=False, soft_wrap=True)
    out.print("  kubectl get pods -A", markup=False)
    return 0


@app.command()
def down(name: Name = "harness", cluster: Kind = "local") -> int:
    """Take a cluster down and remove its state; nothing of it stays. One that you made yourself is never touched."""
    take_down: Callable[[str], None] = kind_standing.down if _is_kind(cluster) else standing.down
    take_down(name)
    Console(highlight=False).print(f"cluster {name} is down")
    return 0


@app.command()
def status() -> int:
    """List the clusters that are up, and what earlier ones left."""
    rows = [(c.name, "local", c.state, c.entry_url, c.kubeconfig) for c in standing.status()]
    rows += [
        (c.name, "kind", c.state(), f"http://{c.entry.address}:{c.entry.port}" if c.port else "-", c.kubeconfig)
        for c in owned.all_owned()
    ]
    out = Console(highlight=False)
    for row in rows:
        out.print("  ".join(map(str, row)), markup=False, soft_wrap=True)
    if not rows:
        out.print("no cluster is up; bring one up with: harness cluster up")
    return 0


@app.command()
def kubeconfig(name: Name = "harness", cluster: Kind = "local") -> int:
    """Print the path of a cluster's kubeconfig: export KUBECONFIG=$(harness cluster kubeconfig).

    Exit code 4 if it can't be printed: an empty KUBECONFIG would mean another cluster.
    """
    path: Callable[[str], Path] = kind_standing.kubeconfig if _is_kind(cluster) else standing.kubeconfig
    with streams.product() as file:
        file.write(f"{path(name)}\n")
    return 0


def _is_kind(cluster: str) -> bool:
    if cluster not in {"local", "kind"}:
        problem = Problem(f"--cluster {cluster!r}: no cluster of this kind can be brought up", hint="local or kind")
        raise InvalidInputError([problem])
    return cluster == "kind"
