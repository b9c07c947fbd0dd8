"""Inputs as people have them, the right answers of the embedded cluster, and the page that lists both.

``python tests/support/people.py > docs/reference/inputs.md`` writes the page.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from harness.cli.intake import write_experiment
from harness.errors import InvalidInputError, MissingToolError, Problem
from harness.experiment.load import load_experiment
from harness.intake.sources import read_source
from harness.model.experiment import Experiment
from harness.problem_codes import ProblemCode
from harness.reference.tables import table
from harness.runner.rules import rules_of

FOLDER = Path(__file__).parents[1] / "people"
INPUTS = FOLDER / "inputs"
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "inputs.md"
#: The answer where the program that renders an input is not installed.
MISSING_TOOL = "missing-tool"

HEAD = """\
# Inputs: what is accepted, reported and refused

This page is generated from the inputs in `tests/people` and their tested answers; a test fails if it is out of date.
`python tests/support/people.py > docs/reference/inputs.md` regenerates it.

It says what `harness init` and `harness check` make of manifests as people have them, for the embedded cluster.
The [codes](experiments.md#codes-of-problems) are those of `harness validate --json`.
[Start from your own manifests](../how-to/start-from-manifests.md) explains the two commands.
"""


def answers() -> list[dict[str, Any]]:
    """Return the right answer to each input: its Experiment, or its problems as ``code`` or ``code:line``."""
    found: list[dict[str, Any]] = yaml.safe_load((FOLDER / "answers.yaml").read_text(encoding="utf-8"))
    return found


def answer_to(name: str) -> dict[str, Any]:
    """Return the answer to an input, in the form of ``answers``."""
    with tempfile.TemporaryDirectory(prefix="people-") as folder:
        target = Path(folder) / "tried.yaml"
        try:
            path = str(INPUTS / name)
            write_experiment(read_source(path), path, target, ingress="", force=False, command="harness init")
            loaded = load_experiment(target, rules=rules_of("local", {}))
        except InvalidInputError as error:
            return {"problems": [_code(each) for each in error.problems]}
        except MissingToolError:
            return {"problems": [MISSING_TOOL]}
    return _described(loaded)


def _code(problem: Problem) -> str:
    return f"{problem.code}:{problem.line}" if problem.line else str(problem.code)


def _described(loaded: Experiment) -> dict[str, Any]:
    changed = dict.fromkeys(cell.change.target_name for cell in loaded.cells if cell.change.target_name)
    left = [text.split(" is left out: ")[0].split(": ")[-1] for text in loaded.notices if " is left out: " in text]
    return {
        "requests": [f"{route.host}{route.path}" for route in loaded.traffic.routes],
        "changed": list(changed),
        **({"left_out": left} if left else {}),
    }


def page(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the page with these answers."""
    meanings = {str(code): code.meaning for code in ProblemCode}
    meanings[MISSING_TOOL] = "the program that renders the folder is not installed; the message has the command"
    accepted = table(
        ("input", "requests to", "Deployments that are changed", "left out, with a notice"),
        (
            (each["about"], *(", ".join(f"`{one}`" for one in each.get(part, ())) for part in PARTS))
            for each in rows
            if "problems" not in each
        ),
    )
    reported = table(("input", "problem", "code and line"), _reported(rows, meanings))
    return f"{HEAD}\n## Accepted\n\n{accepted}\n\n## Reported or refused\n\n{reported}\n"


PARTS = ("requests", "changed", "left_out")


def _reported(rows: Sequence[Mapping[str, Any]], meanings: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for each in rows:
        codes = each.get("problems", ())
        words = dict.fromkeys(meanings[code.partition(":")[0]] for code in codes)
        if codes:
            yield each["about"], "; ".join(words), ", ".join(f"`{code}`" for code in codes)


if __name__ == "__main__":
    sys.stdout.write(page(answers()))
