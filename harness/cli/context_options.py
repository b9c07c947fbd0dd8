"""Options of runs on a cluster that is there already, and the question whether it is the right one."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from harness.clusters.context.provider import describe
from harness.errors import InvalidInputError, Problem

_PANEL = "Options of clusters that are there (--cluster context)"

Context = Annotated[
    str, typer.Option(metavar="NAME", help="Context of the kubeconfig; never guessed.", rich_help_panel=_PANEL)
]
Kubeconfig = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Kubeconfig.", show_default="$KUBECONFIG, ~/.kube/config", rich_help_panel=_PANEL
    ),
]
EntryUrl = Annotated[
    str,
    typer.Option(
        metavar="URL", help="Where traffic enters, http://HOST:PORT; else the Ingress's status.", rich_help_panel=_PANEL
    ),
]
Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Don't ask whether this is the right cluster.", rich_help_panel=_PANEL)
]


def context_options(*, context: str, kubeconfig: Path | None, entry_url: str) -> dict[str, str]:
    """As ``BringUp.options`` has them."""
    return {"context": context, "kubeconfig": str(kubeconfig or ""), "entry-url": entry_url}


def confirm(what: str, options: Mapping[str, str], *, yes: bool) -> None:
    """Name the cluster and ask, unless the user has said yes already.

    Args:
        what: What will be done to it.
        options: Which cluster.
        yes: Whether it was said beforehand.

    Raises:
        InvalidInputError: There is nobody to ask.
        typer.Exit: The answer was no.
    """
    sentence = f"{what}: {describe(options)}."
    typer.echo(sentence, err=True)
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidInputError([Problem("nobody is there to say that this is the right cluster", hint="--yes")])
    try:
        is_right = typer.confirm("Is this the right cluster?", err=True)
    except typer.Abort:
        # The end of input: Ctrl-D.
        is_right = False
    if not is_right:
        typer.echo("nothing was done", err=True)
        raise typer.Exit(2)
