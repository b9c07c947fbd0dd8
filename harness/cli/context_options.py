"""Options for runs on an existing cluster, and the prompt that confirms it is the right one."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from harness.clusters.context.provider import describe
from harness.errors import InvalidInputError, Problem

CONTEXT_PANEL = "Options for an existing cluster (--cluster context, run --in-place, undo)"

Context = Annotated[
    str,
    typer.Option(metavar="NAME", help="Context in the kubeconfig. There is no default.", rich_help_panel=CONTEXT_PANEL),
]
Kubeconfig = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Kubeconfig file.",
        show_default="$KUBECONFIG, ~/.kube/config",
        rich_help_panel=CONTEXT_PANEL,
    ),
]
EntryUrl = Annotated[
    str,
    typer.Option(
        metavar="URL",
        help="Where traffic enters the cluster: http://HOST:PORT.",
        show_default="the address in the Ingress's status",
        rich_help_panel=CONTEXT_PANEL,
    ),
]
Yes = Annotated[
    bool,
    typer.Option(
        "--yes", "-y", help="Confirm without a prompt that this is the right cluster.", rich_help_panel=CONTEXT_PANEL
    ),
]


def context_options(*, context: str, kubeconfig: Path | None, entry_url: str) -> dict[str, str]:
    """Return the options as the provider expects them in ``BringUp.options``."""
    return {"context": context, "kubeconfig": str(kubeconfig or ""), "entry-url": entry_url}


def confirm(what: str, options: Mapping[str, str], *, yes: bool) -> None:
    """Name the cluster and ask for confirmation, unless the user gave it with ``--yes``.

    Args:
        what: The planned action, for the prompt.
        options: Context and kubeconfig, which identify the cluster.
        yes: True if ``--yes`` was given.

    Raises:
        InvalidInputError: Standard input is no terminal, so nobody can answer.
        typer.Exit: The user answered no.
    """
    sentence = f"{what}: {describe(options)}."
    typer.echo(sentence, err=True)
    if yes:
        return
    if not sys.stdin.isatty():
        message = "can't ask whether this is the right cluster: standard input is no terminal"
        raise InvalidInputError([Problem(message, hint="confirm with --yes")])
    try:
        is_right = typer.confirm("Is this the right cluster?", err=True)
    except typer.Abort:
        # Ctrl-D ends the input.
        is_right = False
    if not is_right:
        typer.echo("nothing was done", err=True)
        raise typer.Exit(2)
