"""Options of kind clusters, shared by every command that can bring one up."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from harness.clusters.kind.settings import IMAGE_OPTION, NODE

_PANEL = "Options of kind clusters"

KubeProxy = Annotated[str, typer.Option(help="Mode of kube-proxy: iptables, ipvs or nftables.", rich_help_panel=_PANEL)]
NodeImage = Annotated[str, typer.Option(metavar="REF", help="Node image.", rich_help_panel=_PANEL)]
Image = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=REF",
        help="Use image REF where the manifests say NAME; repeatable. kind-config/images.yaml lists the images of the"
        " cluster itself.",
        rich_help_panel=_PANEL,
    ),
]
Images = Annotated[
    Path | None, typer.Option(metavar="FILE", help="YAML file with the same pairs, NAME: REF.", rich_help_panel=_PANEL)
]
PullPolicy = Annotated[
    str, typer.Option(help="Set this imagePullPolicy on all containers of the workload.", rich_help_panel=_PANEL)
]
Reuse = Annotated[
    bool,
    typer.Option(
        "--reuse",
        help="Use the persistent cluster of that name. Create it if there is none. It stays up.",
        rich_help_panel=_PANEL,
    ),
]
ClusterName = Annotated[
    str,
    typer.Option(help="Name of the cluster that --reuse uses (`harness cluster up --name`).", rich_help_panel=_PANEL),
]
Port = Annotated[
    int,
    typer.Option(
        min=0, max=65535, help="Port on 127.0.0.1 where traffic enters; 0: any free one.", rich_help_panel=_PANEL
    ),
]


def kind_options(
    *, kube_proxy: str, node_image: str, images: Mapping[str, str], reuse: str = "", port: int = 0
) -> dict[str, str]:
    """Return the options as the provider expects them in ``BringUp.options``."""
    given = {f"{IMAGE_OPTION}{name}": ref for name, ref in images.items()}
    if node_image:
        given[f"{IMAGE_OPTION}{NODE}"] = node_image
    return {**given, "kube-proxy": kube_proxy, "reuse": reuse, "name": reuse, "port": str(port)}
