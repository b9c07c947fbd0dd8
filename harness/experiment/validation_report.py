"""The result of a validation as JSON, for editors, CI and other programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, WithJsonSchema

from harness.errors import Problem
from harness.experiment.schema import ExperimentPart
from harness.model.experiment import Experiment
from harness.problem_codes import ProblemCode


class ReportedProblem(ExperimentPart):
    """One problem."""

    model_config = ConfigDict(title="problem")

    code: Annotated[ProblemCode, WithJsonSchema({"title": "code", "type": "string", "enum": [*ProblemCode]})] = Field(
        description="kind of problem; see [below](#codes-of-problems)"
    )
    file: str = Field(description="path of the file, as the Experiment names it; empty if the problem is in an option")
    line: int = Field(description="line in the file, from 1; 0 if it is unknown", ge=0)
    column: int = Field(description="column in the line, from 1; 0 if it is unknown", ge=0)
    message: str = Field(description="the problem and the expectation, for people; its words may change")
    hint: str = Field(description="the way out, for people; may be empty")


class ReportedCell(ExperimentPart):
    """One cell."""

    model_config = ConfigDict(title="cell")

    configuration: str = Field(description="name of the configuration")
    change: str = Field(description="name of the change")
    expected: Literal["lossless", "lossy", "any"] = Field(description="the expected verdict")


class ReportedAssumption(ExperimentPart):
    """One assumption of ``--assume-inert``."""

    model_config = ConfigDict(title="assumption")

    field: str = Field(description="name of the field")
    object: str = Field(description="kind and name of the object that has it")
    effect: str = Field(description="its effect on a real cluster, as a clause")


class ValidationReport(ExperimentPart):
    """The result of a validation."""

    version: Literal[1] = Field(default=1, description="version of this format; fields may be added in it")
    experiment: str = Field(description="path of the Experiment file")
    valid: bool = Field(description="the Experiment has no problem")
    problems: list[ReportedProblem] = Field(default=[], description="all problems; empty if it is valid")
    trials: int = Field(default=0, description="trials of each cell; 0 if it is not valid", ge=0)
    cells: list[ReportedCell] = Field(default=[], description="the cells that would run; empty if it is not valid")
    assumed: list[ReportedAssumption] = Field(
        default=[], description="fields that are assumed to have no effect: no verdict is better than inconclusive"
    )
    inert: list[str] = Field(default=[], description="fields of the workload without effect on requests")
    notices: list[str] = Field(
        default=[], description="sentences about what is omitted from the workload, and about changes without traffic"
    )


def report_of(experiment: Experiment) -> ValidationReport:
    """Return the report of a valid Experiment."""
    return ValidationReport(
        experiment=experiment.source,
        valid=True,
        trials=experiment.trials,
        cells=[
            ReportedCell(
                configuration=cell.configuration.name, change=cell.change.name, expected=cell.expectation.verdict.value
            )
            for cell in experiment.cells
        ],
        assumed=[
            ReportedAssumption(field=each.field, object=each.object, effect=each.effect) for each in experiment.assumed
        ],
        inert=list(experiment.inert),
        notices=list(experiment.notices),
    )


def report_of_problems(experiment: str, problems: Sequence[Problem]) -> ValidationReport:
    """Return the report of an Experiment with problems.

    Args:
        experiment: Path of the Experiment file.
        problems: All problems.
    """
    return ValidationReport(
        experiment=experiment,
        valid=False,
        problems=[
            ReportedProblem(
                code=problem.code,
                file=problem.file,
                line=problem.line,
                column=problem.column,
                message=problem.message,
                hint=problem.hint,
            )
            for problem in problems
        ],
    )


def report_text(report: ValidationReport) -> str:
    """Return a report as the text of a JSON document."""
    return report.model_dump_json(indent=2) + "\n"
