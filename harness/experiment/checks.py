"""Checks of a resolved Experiment that go through its configurations or cells.

A cell that ``exclude`` removes is not part of a resolved Experiment, so no check here sees it.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.experiment.admission import object_problems
from harness.experiment.changes.context import CheckContext
from harness.experiment.changes.overlap import check_overlap
from harness.experiment.changes.reading import check_answers, check_change, check_change_names
from harness.experiment.entry import check_one_entry, check_service
from harness.experiment.ingress_class import check_kinds
from harness.experiment.matrix import check_axis_names
from harness.experiment.namespaces import check_namespaces
from harness.experiment.problems import Problems
from harness.experiment.route_faults import has_fault
from harness.experiment.routes import check_routed
from harness.experiment.schema import TrafficPart
from harness.experiment.stages import ResolvedConfiguration, ResolvedExperiment
from harness.experiment.workload import check_allowed
from harness.model.experiment import TrafficPlan

#: Adds the problems of an Experiment to those found so far.
ExperimentCheck = Callable[[ResolvedExperiment, Problems], None]


def of_plan(check: Callable[[TrafficPlan, Problems], None]) -> ExperimentCheck:
    """Return the check of an Experiment that checks its traffic plan, if the traffic has no error."""

    def check_experiment(experiment: ResolvedExperiment, problems: Problems) -> None:
        if experiment.plan is not None:
            check(experiment.plan, problems)

    return check_experiment


def of_traffic(check: Callable[[TrafficPart, Problems], None]) -> ExperimentCheck:
    """Return the check of an Experiment that checks the settings of its traffic, if they have no error."""

    def check_experiment(experiment: ResolvedExperiment, problems: Problems) -> None:
        if experiment.parsed.traffic is not None:
            check(experiment.parsed.traffic.part, problems)

    return check_experiment


def namespaces(experiment: ResolvedExperiment, problems: Problems) -> None:
    """Check the namespaces of the workload's objects."""
    check_namespaces(experiment.workload.placed, problems)


def allowed_objects(experiment: ResolvedExperiment, problems: Problems) -> None:
    """Check that the cluster allows the workload's objects."""
    check_allowed(experiment.workload.objects, experiment.rules.object, problems)


def axis_names(experiment: ResolvedExperiment, problems: Problems) -> None:
    """Check the names of the axes."""
    check_axis_names(experiment.parsed.axes, problems)


def change_names(experiment: ResolvedExperiment, problems: Problems) -> None:
    """Check the names of the changes."""
    check_change_names(experiment.parsed.changes, problems)


def finished_objects(experiment: ResolvedExperiment, problems: Problems) -> None:
    """Check the objects with their patches by the rules of an API server, and their images."""
    for row in experiment.configurations:
        for item in row.objects:
            if item.manifest.get("apiVersion") and item.manifest.get("kind"):  # what is wrong has been removed
                problems.extend(object_problems(item, experiment.rules.image))


def fields(experiment: ResolvedExperiment, problems: Problems) -> None:
    """Check that the cluster implements the fields of the objects."""
    for row in experiment.configurations:
        experiment.review.check_objects(row.objects, problems)


def kinds(experiment: ResolvedExperiment, problems: Problems) -> None:
    """Check that the ingress controller reads the kinds of the objects."""
    for row in experiment.configurations:
        check_kinds(row.configuration, experiment.parsed.ingress, problems)


def entry(experiment: ResolvedExperiment, problems: Problems) -> None:
    """Check the entry of traffic."""
    if experiment.parsed.head is None:
        return
    check_one_entry(experiment.parsed.head, problems)
    if experiment.parsed.entry:
        for row in experiment.configurations:
            check_service(experiment.parsed.entry, experiment.objects_of(row), problems)


def routes(experiment: ResolvedExperiment, problems: Problems) -> None:
    """Check that the workload routes each path, unless traffic enters by a Service."""
    if experiment.plan is not None and not experiment.parsed.entry:
        for row in experiment.configurations:
            faulty = frozenset(route for route in experiment.plan.routes if has_fault(experiment, row, route))
            check_routed(experiment.plan, experiment.objects_of(row), faulty, problems)


def changes(experiment: ResolvedExperiment, problems: Problems) -> None:
    """Check each change in each configuration that runs it."""
    for row in experiment.configurations:
        context = _context(experiment, row, problems)
        for cell in row.cells:
            for spec, place in cell.change.parts:
                check_change(spec, place, context)
            check_overlap(cell.change.spec, (*cell.change.place, cell.change.spec.kind, "while"), context)


def answers(experiment: ResolvedExperiment, problems: Problems) -> None:
    """Check the answers of each change in each configuration that runs it."""
    if experiment.plan is None:
        return
    for row in experiment.configurations:
        context = _context(experiment, row, problems)
        for cell in row.cells:
            for spec, place in cell.change.parts:
                check_answers(spec, place, experiment.plan, context)


def changed_fields(experiment: ResolvedExperiment, problems: Problems) -> None:
    """Check that the cluster implements the fields of the objects that changes patch."""
    for row in experiment.configurations:
        for cell in row.cells:
            experiment.review.check_changed_objects(cell.change, row.configuration, problems)


def _context(experiment: ResolvedExperiment, row: ResolvedConfiguration, problems: Problems) -> CheckContext:
    objects = experiment.objects_of(row)
    return CheckContext(objects, problems, experiment.plan, experiment.parsed.ingress_of_changes, experiment.rules)
