"""``harness annotations``: print the results of a run as annotations of a CI service, at the lines they are about."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.json_option import AsJson, json_text
from harness.errors import InvalidInputError, Problem
from harness.kit import streams
from harness.report.outputs import AnnotationOutput, AnnotationsOutput
from harness.runner.annotations import annotations_of, github, gitlab

_WRITERS = {"github": github, "gitlab": gitlab}


def print_annotations(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Run directory of `harness run`.")],
    service: Annotated[
        str, typer.Option("--format", help="github (workflow commands) or gitlab (a Code Quality report).")
    ] = "github",
    as_json: AsJson = False,
) -> int:
    """Print an annotation for each cell that is not as expected, at the line of the manifest that it is about.

    A result that names a field is about the line of that field; any other is about the Experiment file.

    Exit code: 0 printed, whatever the verdict of the run is; 2 invalid input, or changed evidence; 4 not printed.

    [bold]Examples[/bold]

      harness annotations reports/tonight

      harness annotations reports/tonight --format gitlab > gl-code-quality-report.json
    """
    if service not in _WRITERS:
        raise InvalidInputError([Problem(f"--format {service}: expected one of {', '.join(_WRITERS)}")])
    found = annotations_of(directory)
    if as_json:
        rows = (AnnotationOutput(**(asdict(each) | {"status": each.status.name.lower()})) for each in found)
        text = json_text(AnnotationsOutput(annotations=tuple(rows)))
    else:
        text = _WRITERS[service](found)
    with streams.required_output() as file:
        file.write(text)
    return 0
