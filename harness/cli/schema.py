"""``harness schema``: print the JSON Schema of Experiment files or of ``verdict.json``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated

import typer

from harness.experiment import json_schema
from harness.kit import streams
from harness.store import verdict_schema


class SchemaOf(StrEnum):
    """The files with a schema."""

    EXPERIMENT = "experiment"
    VERDICT = "verdict"


_TEXTS: Mapping[SchemaOf, Callable[[], str]] = {
    SchemaOf.EXPERIMENT: json_schema.schema_text,
    SchemaOf.VERDICT: verdict_schema.schema_text,
}


def schema(
    of: Annotated[
        SchemaOf, typer.Argument(metavar="[experiment|verdict]", help="The files to print the schema of.")
    ] = SchemaOf.EXPERIMENT,
) -> int:
    """Print the JSON Schema of Experiment files, or that of verdict.json.

    With the schema of Experiments, an editor that has the YAML language server completes fields and marks mistakes.
    Save it next to your Experiment, and make this the first line of the Experiment:

      # yaml-language-server: $schema=experiment.schema.json

    The shipped Experiments have this line. `harness validate` checks more than a schema can express.

    The schema of verdict.json is for programs that read it. It has a version, and verdict.json names its own in
    schema_version.

    Exit code: 0 printed, also if the reader closes the pipe early (| head); 4 not all of it could be printed.

    [bold]Examples[/bold]

      harness schema > experiment.schema.json

      harness schema verdict > verdict.schema.json
    """
    with streams.required_output() as file:
        file.write(_TEXTS[of]())
    return 0
