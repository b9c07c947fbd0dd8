"""Options that only kind clusters have, the same for every command that brings one up."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from harness.clusters.kind.settings import IMAGE_OPTION, NODE

_PANEL = "Options of kind clusters"

KubeProxy = Annotated[str, typer.Option(help="iptables, ipvs or nftables.", rich_help_panel=_PANEL)]
NodeImage = Annotated[str, typer.Option(metavar="REF", help="Image of the node.", rich_help_panel=_PANEL)]
Image = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=REF",
        help="Use image REF where the manifests say NAME; repeatable. Names of ours: kind-config/images.yaml.",
        rich_help_panel=_PANEL,
    ),
]
Images = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The same from a YAML file, NAME: REF.", rich_help_panel=_PANEL)
]
PullPolicy = Annotated[
    str, typer.Option(help="imagePullPolicy of all the workload's containers.", rich_help_panel=_PANEL)
]
Reuse = Annotated[
    bool,
    typer.Option(
        "--reuse", help="Use the standing cluster; made, and left up, if there is none.", rich_help_panel=_PANEL
    ),
]
ClusterName = Annotated[
    str, typer.Option(help="Which one --reuse takes, as `harness cluster up --name` has it.", rich_help_panel=_PANEL)
]
Port = Annotated[int, typer.Option(help="Port of the entry on 127.0.0.1; 0: one that is free.", rich_help_panel=_PANEL)]


def kind_options(
    *, kube_proxy: str, node_image: str, images: Mapping[str, str], reuse: str = "", port: int = 0
) -> dict[str, str]:
    """As ``BringUp.options`` has them."""
    given = {f"{IMAGE_OPTION}{name}": ref for name, ref in images.items()}
    if node_image:
        given[f"{IMAGE_OPTION}{NODE}"] = node_image
    return {**given, "kube-proxy": kube_proxy, "reuse": reuse, "name": reuse, "port": str(port)}
