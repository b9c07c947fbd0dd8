"""The option ``--json``: print one object on stdout, in the format of a published schema."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from harness.store.records import to_json

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

AsJson = Annotated[
    bool, typer.Option("--json", help="Print the result as one JSON object on stdout; see `harness schema`.")
]


def json_text(output: DataclassInstance) -> str:
    """Return a record of ``harness.report.outputs`` as one line."""
    return json.dumps(to_json(output), sort_keys=True) + "\n"


def print_json(output: DataclassInstance) -> None:
    """Print a record of ``harness.report.outputs`` as one line on stdout."""
    sys.stdout.write(json_text(output))
    sys.stdout.flush()
