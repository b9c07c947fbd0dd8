"""Joins the lines of help paragraphs, so that each terminal wraps them at its own width.

Docstrings are wrapped for readers of the code.
"""

from __future__ import annotations

import inspect

import typer


def reflow_all(app: typer.Typer) -> None:
    """Join the lines of the paragraphs of all commands and subcommands."""
    for command in app.registered_commands:
        command.help = reflowed(command.help or inspect.getdoc(command.callback) or "")
    for group in app.registered_groups:
        if group.typer_instance is not None:
            group.typer_instance.info.help = reflowed(group.typer_instance.info.help or "")
            reflow_all(group.typer_instance)


def reflowed(text: str) -> str:
    """Return the text with each paragraph on one line. An indented paragraph is an example and keeps its lines."""
    paragraphs = text.split("\n\n")
    return "\n\n".join(part if part.startswith(" ") else part.replace("\n", " ") for part in paragraphs)
