"""What a help text says is what is shown of it: markup takes no word away, paragraphs flow, examples do not."""

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
    """(name, command) of all there are."""
    yield name, command
    for word, inner in getattr(command, "commands", {}).items():
        yield from commands(inner.load() if isinstance(inner, LazyCommand) else inner, f"{name} {word}")


ALL = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", ALL)
def test_no_word_of_an_option_is_taken_for_markup(name: str) -> None:
    """Rich takes what stands in brackets for a style, and shows nothing of it."""
    texts = [str(getattr(parameter, "help", None) or "") for parameter in ALL[name].params]

    assert [Text.from_markup(text).plain for text in texts] == texts


@pytest.mark.parametrize("name", ALL)
def test_only_examples_have_lines_of_their_own(name: str) -> None:
    """In a paragraph, a line's end in the code is none on the terminal."""
    paragraphs = (ALL[name].help or "").split("\n\n")

    assert all("\n" not in part or part.startswith(" ") for part in paragraphs)


def test_an_example_keeps_its_lines() -> None:
    """A command of two lines is to be read as such."""
    text = "One.\n\nTwo\nlines.\n\n  harness run\n    --json"

    assert reflowed(text) == "One.\n\nTwo lines.\n\n  harness run\n    --json"


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_the_list_of_commands_says_what_the_command_says(entry: Any) -> None:
    """The summary that is shown without importing a command is the first paragraph of its help."""
    command = LazyCommand(entry).load()

    assert (command.help or "").split("\n\n")[0] == entry.summary
    assert (command.name, command.hidden) == (entry.name, entry.hidden)
