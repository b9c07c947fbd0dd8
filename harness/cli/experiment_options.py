"""Options of the commands that read an Experiment file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.errors import InvalidInputError, Problem
from harness.experiment.problems import near
from harness.model.controllers import CONTROLLERS

ExperimentFile = Annotated[Path, typer.Argument(metavar="EXPERIMENT.yaml", help="The Experiment file.")]
OptionalExperimentFile = Annotated[
    Path | None, typer.Argument(metavar="EXPERIMENT.yaml", help="The Experiment file.", show_default=False)
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        metavar="configuration=…,change=…",
        help="These cells alone; names or globs, repeatable, also by axis (lifecycle=bare). Their controls always run.",
    ),
]
Where = Annotated[
    str, typer.Option(help="Where: local (embedded; no Docker, no root), kind, or context (one that is there).")
]
Behind = Annotated[
    str,
    typer.Option(
        "--ingress",
        help=f"The controller in place of the file's: {', '.join(CONTROLLERS)}.",
        show_default=False,
    ),
]
AssumeInert = Annotated[
    list[str] | None,
    typer.Option(
        "--assume-inert",
        metavar="FIELD",
        help="A field that the embedded cluster does not implement, left in as if it had no effect on requests;"
        " repeatable. No verdict is then better than inconclusive.",
    ),
]
Keep = Annotated[
    bool,
    typer.Option("--keep", help="Keep what is taken down otherwise: a local cluster's directory, a kind cluster."),
]


def controller(word: str) -> str:
    """What ``--ingress`` says.

    Raises:
        InvalidInputError: There is no such controller.
    """
    if word and word not in CONTROLLERS:
        hint = near(word, CONTROLLERS)
        raise InvalidInputError([Problem(f"--ingress {word}: expected one of {', '.join(CONTROLLERS)}", hint=hint)])
    return word


def parse_only(words: list[str]) -> dict[str, tuple[str, ...]]:
    """``["configuration=bare,change=none"]`` as ``{"configuration": ("bare",), "change": ("none",)}``.

    Raises:
        InvalidInputError: A part has no name or no value; which names there are is known to the Experiment.
    """
    found: dict[str, tuple[str, ...]] = {}
    for part in (part for word in words for part in word.split(",")):
        key, _, value = part.partition("=")
        if not key or not value:
            what = "configuration=NAME, change=NAME or AXIS=NAME, separated by commas"
            raise InvalidInputError([Problem(f"--only {part!r}: expected {what}")])
        found[key] = (*found.get(key, ()), value)
    return found
