"""``harness cluster``: a local cluster that stays up, to work on with kubectl."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from harness.clusters.local import standing

app = typer.Typer(
    help="A local cluster that stays up until you take it down: for kubectl and for trying things out.",
    no_args_is_help=True,
)
Name = Annotated[str, typer.Option(help="Which cluster.")]


@app.command()
def up(name: Name = "harness", profile: Annotated[str, typer.Option(help="Delay profile.")] = "kind") -> int:
    """Bring a local cluster up and leave it running."""
    console = Console(highlight=False, stderr=True)
    cluster = standing.up(name, profile=profile, progress=lambda text: console.print(f"  {text}", markup=False))
    out = Console(highlight=False)
    out.print(f"cluster {name} is up; its ingress answers at {cluster.entry_url}", soft_wrap=True)
    out.print(f"  export KUBECONFIG={cluster.kubeconfig}", markup=False, soft_wrap=True)
    out.print("  kubectl get pods -A", markup=False)
    return 0


@app.command()
def down(name: Name = "harness") -> int:
    """Take a cluster down and remove its state; nothing of it stays."""
    standing.down(name)
    Console(highlight=False).print(f"cluster {name} is down")
    return 0


@app.command()
def status() -> int:
    """List the clusters that are up, and what earlier ones left."""
    clusters = standing.status()
    out = Console(highlight=False)
    for cluster in clusters:
        out.print(
            f"{cluster.name}  {cluster.state}  {cluster.entry_url}  {cluster.kubeconfig}", markup=False, soft_wrap=True
        )
    if not clusters:
        out.print("no cluster is up; bring one up with: harness cluster up")
    return 0


@app.command()
def kubeconfig(name: Name = "harness") -> int:
    """Print the path of a cluster's kubeconfig: export KUBECONFIG=$(harness cluster kubeconfig)."""
    typer.echo(standing.kubeconfig(name))
    return 0
