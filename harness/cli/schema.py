"""``harness schema``: print the JSON Schema of Experiment files."""

from __future__ import annotations

from harness.experiment.json_schema import schema_text
from harness.kit import streams


def schema() -> int:
    """Print the JSON Schema of Experiment files, for editors and other programs.

    With it, an editor that has the YAML language server completes fields and marks mistakes. Save the schema next to
    your Experiment, and make this the first line of the Experiment:

      # yaml-language-server: $schema=experiment.schema.json

    The shipped Experiments have this line. `harness validate` checks more than a schema can express.

    Exit code: 0 printed, also if the reader closes the pipe early (| head); 4 not all of it could be printed.

    [bold]Example[/bold]

      harness schema > experiment.schema.json
    """
    with streams.required_output() as file:
        file.write(schema_text())
    return 0
