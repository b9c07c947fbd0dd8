"""``harness schema``: print the JSON Schema of Experiment files."""

from __future__ import annotations

from harness.experiment.json_schema import schema_text
from harness.kit import streams


def schema() -> int:
    """Print the JSON Schema of Experiment files, for editors and other programs.

    An editor with the YAML language server then completes fields and marks mistakes. Save the schema next to your
    Experiment, and begin the Experiment with this line:

      # yaml-language-server: $schema=experiment.schema.json

    The shipped Experiments have it. `harness validate` checks more than the schema can say.

    Exit code: 0 printed, also where the reader leaves early (| head); 4 it could not be printed, all of it.

    [bold]Example[/bold]

      harness schema > experiment.schema.json
    """
    with streams.product() as file:
        file.write(schema_text())
    return 0
