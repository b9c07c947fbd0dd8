"""Options shared by the commands that read an Experiment file."""

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
        help="Run only these cells: names or globs, also by axis (lifecycle=bare); repeatable. Their controls always"
        " run.",
    ),
]
ClusterOption = Annotated[
    str,
    typer.Option(help="Cluster to use: local (embedded; no Docker, no root), kind, or context (an existing one)."),
]
IngressOption = Annotated[
    str,
    typer.Option(
        "--ingress",
        help=f"Use this ingress controller instead of the file's: {', '.join(CONTROLLERS)}.",
        show_default=False,
    ),
]
AssumeInert = Annotated[
    list[str] | None,
    typer.Option(
        "--assume-inert",
        metavar="FIELD",
        help="Assume that this field, which the embedded cluster does not implement, has no effect on requests;"
        " repeatable. Every verdict is then inconclusive at best.",
    ),
]
Parallel = Annotated[
    int,
    typer.Option(
        min=0,
        help="Trials that run at the same time, each on its own local cluster; 0: as many as fit. A kind or context"
        " cluster runs one trial at a time.",
    ),
]
Profile = Annotated[str, typer.Option(help="Delay profile of local clusters: kind, instant.")]
Keep = Annotated[
    bool,
    typer.Option("--keep", help="Keep the directory of a local cluster, or the kind cluster, after the run."),
]


def controller(word: str) -> str:
    """Return the value of ``--ingress``; empty if not given.

    Raises:
        InvalidInputError: There is no such controller.
    """
    if word and word not in CONTROLLERS:
        hint = near(word, CONTROLLERS)
        raise InvalidInputError([Problem(f"--ingress {word}: expected one of {', '.join(CONTROLLERS)}", hint=hint)])
    return word


def parse_only(words: list[str]) -> dict[str, tuple[str, ...]]:
    """Return ``["configuration=bare,change=none"]`` as ``{"configuration": ("bare",), "change": ("none",)}``.

    Raises:
        InvalidInputError: A part has no name or no value. The names are checked later, against the Experiment.
    """
    found: dict[str, tuple[str, ...]] = {}
    for part in (part for word in words for part in word.split(",")):
        key, _, value = part.partition("=")
        if not key or not value:
            what = "configuration=NAME, change=NAME or AXIS=NAME, separated by commas"
            raise InvalidInputError([Problem(f"--only {part!r}: expected {what}")])
        found[key] = (*found.get(key, ()), value)
    return found
