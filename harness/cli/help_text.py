"""Paragraphs of a help text flow: docstrings are wrapped for readers of code, terminals are as wide as they are."""

from __future__ import annotations

import inspect

import typer


def reflow_all(app: typer.Typer) -> None:
    """Let the paragraphs of all commands flow, those of sub-commands too."""
    for command in app.registered_commands:
        command.help = reflowed(command.help or inspect.getdoc(command.callback) or "")
    for group in app.registered_groups:
        if group.typer_instance is not None:
            group.typer_instance.info.help = reflowed(group.typer_instance.info.help or "")
            reflow_all(group.typer_instance)


def reflowed(text: str) -> str:
    """The text with each paragraph on one line; one that is indented is an example and keeps its lines."""
    paragraphs = text.split("\n\n")
    return "\n\n".join(part if part.startswith(" ") else part.replace("\n", " ") for part in paragraphs)
