"""``harness demo`` and ``harness examples``: use the shipped Experiments without a checkout."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from harness.cli.json_option import AsJson, print_json
from harness.errors import InvalidInputError, Problem
from harness.kit.files import clear_disk_errors
from harness.kit.shipped import shipped
from harness.report.outputs import FilesOutput


def demo(context: typer.Context) -> int:
    """Run the shipped demo: three configurations, four changes and a control, in about a minute.

    Takes every option of `harness run`. Writes the report below reports/ in the current folder. Repeats a trial once
    if it is inconclusive because the machine is busy.

    [bold]Examples[/bold]

      harness demo

      harness demo --cluster kind

      harness demo --only configuration=graceful
    """
    parent = context.find_root()
    group: Any = parent.command
    arguments = [str(shipped("experiments") / "demo.yaml"), "--retry-inconclusive", "1", *context.args]
    # ``main`` would turn every broken pipe into exit code 1, which means lossy.
    with group.load("run").make_context("run", arguments, parent=parent) as inner:
        return int(inner.command.invoke(inner) or 0)


def examples(
    folder: Annotated[Path, typer.Argument(help="Folder to create.", show_default=True)] = Path("experiments"),
    as_json: AsJson = False,
) -> int:
    """Copy the shipped Experiments, with their workloads and patches, into a new folder to edit.

    [bold]Example[/bold]

      harness examples experiments && harness run experiments/exercise-1.yaml
    """
    if folder.exists():
        raise InvalidInputError([Problem(f"{folder} exists already", hint="name a folder that does not exist")])
    with clear_disk_errors(folder):
        shutil.copytree(shipped("experiments"), folder)
    names = sorted(path.name for path in folder.glob("*.yaml"))
    if as_json:
        print_json(FilesOutput(directory=str(folder), files=tuple(str(folder / name) for name in names)))
        return 0
    out = Console(highlight=False)
    out.print(f"{len(names)} Experiments are in {folder}:", markup=False, soft_wrap=True)
    for name in names:
        out.print(f"  harness run {folder / name}", markup=False, soft_wrap=True)
    return 0
