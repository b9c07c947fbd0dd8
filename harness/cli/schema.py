"""``harness schema``: print the JSON Schema of Experiment files, or of what a command prints with ``--json``."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli.json_schemas import SCHEMAS
from harness.errors import InvalidInputError, Problem
from harness.kit import streams


def schema(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help=f"One of: {', '.join(SCHEMAS)}.", show_default=True)
    ] = "experiment",
) -> int:
    """Print the JSON Schema of Experiment files, of verdict.json, or of other JSON that a command prints or writes.

    With the schema of Experiments, an editor that has the YAML language server completes fields and marks mistakes.
    Save the schema next to your Experiment, and make this the first line of the Experiment:

      # yaml-language-server: $schema=experiment.schema.json

    The shipped Experiments have this line. `harness validate` checks more than a schema can express.

    The other schemas describe the objects that commands print with --json, and the files that they write.
    docs/reference/json.md lists them. Every object has the version of its format.

    Exit code: 0 printed, also if the reader closes the pipe early (| head); 2 there is no such schema; 4 not all of it
    could be printed.

    [bold]Examples[/bold]

      harness schema > experiment.schema.json

      harness schema watch
    """
    if name not in SCHEMAS:
        raise InvalidInputError([Problem(f"there is no schema {name!r}", hint=f"one of {', '.join(SCHEMAS)}")])
    with streams.required_output() as file:
        file.write(SCHEMAS[name]())
    return 0
