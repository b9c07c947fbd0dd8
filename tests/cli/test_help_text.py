"""Help texts are shown completely: no word is lost to markup, and only examples keep their lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer
from rich.text import Text

from harness.cli.commands import COMMANDS, LazyCommand
from harness.cli.help_text import reflowed
from harness.cli.main import app


def commands(command: Any, name: str = "harness") -> Iterator[tuple[str, Any]]:
    """Yield (name, command) of all commands."""
    yield name, command
    for word, inner in getattr(command, "commands", {}).items():
        yield from commands(inner.load() if isinstance(inner, LazyCommand) else inner, f"{name} {word}")


ALL = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", ALL)
def test_no_word_of_an_option_is_taken_for_markup(name: str) -> None:
    """Rich would treat text in brackets as a style, and hide it."""
    texts = [str(getattr(parameter, "help", None) or "") for parameter in ALL[name].params]

    assert [Text.from_markup(text).plain for text in texts] == texts


@pytest.mark.parametrize("name", ALL)
def test_only_examples_keep_their_lines(name: str) -> None:
    """The lines of a paragraph are joined, so that the terminal wraps them."""
    paragraphs = (ALL[name].help or "").split("\n\n")

    assert all("\n" not in part or part.startswith(" ") for part in paragraphs)


def test_an_example_keeps_its_lines() -> None:
    """A command of two lines stays readable."""
    text = "One.\n\nTwo\nlines.\n\n  harness run\n    --json"

    assert reflowed(text) == "One.\n\nTwo lines.\n\n  harness run\n    --json"


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_the_list_has_the_first_paragraph_of_each_help(entry: Any) -> None:
    """The list shows a summary without importing the command. It must equal the command's help."""
    command = LazyCommand(entry).load()

    assert (command.help or "").split("\n\n")[0] == entry.summary
    assert (command.name, command.hidden) == (entry.name, entry.hidden)
