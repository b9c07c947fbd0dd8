"""Load an Experiment file in three passes: parse, resolve, check. Every problem is reported at once, in its place.

1. ``parse`` reads the file and all files that it names, each part by itself.
2. ``resolve`` makes configurations and cells of the parts: it removes the excluded ones, applies patches, and derives
   the answers of changes.
3. ``check`` runs every row of ``CHECKS`` on what is left.

``docs/reference/experiments.md`` describes the format.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import InvalidInputError, Problem
from harness.experiment import checks
from harness.experiment.autoscalers import autoscaler_notices
from harness.experiment.cells import (
    cells_left,
    check_controls,
    check_entries,
    check_exclude,
    check_expect,
    check_hidden_limits,
    finished_cells,
    is_excluded,
    possible_names,
    select,
)
from harness.experiment.changes.reading import parse_changes, with_answers, with_control
from harness.experiment.checks import ExperimentCheck, of_plan, of_traffic
from harness.experiment.cluster_rules import ANYTHING, ClusterRules
from harness.experiment.entry_points import check_entry_points
from harness.experiment.fields import FieldReview
from harness.experiment.ingress_class import check_classes, for_controller
from harness.experiment.left_out import Workload, usable
from harness.experiment.matching import names_of, parse_exclude, parse_expect
from harness.experiment.matrix import AxisValue, combinations, parse_matrix
from harness.experiment.models import check_models, commands_of, models_of
from harness.experiment.objects import WorkloadObjects
from harness.experiment.preflight import check_backends, check_references, check_stand_ins
from harness.experiment.problems import Problems
from harness.experiment.route_faults import check_route_faults
from harness.experiment.routes import check_expected_bodies, check_headers, check_route_keys, check_sessions
from harness.experiment.schema import VERSION, Head
from harness.experiment.stages import ParsedExperiment, ResolvedCell, ResolvedConfiguration, ResolvedExperiment
from harness.experiment.traffic import check_authorities, check_settings_used, parse_traffic
from harness.experiment.traffic_checks import (
    check_concurrency,
    check_lists,
    check_pool,
    check_rate,
    check_times,
    check_waiting,
)
from harness.experiment.unreached import unreached_changes
from harness.experiment.validation import validate
from harness.experiment.workload import ExperimentFiles, RenderedObject, parse_workload, render
from harness.kit.located_yaml import YamlDocument, read_documents
from harness.kube.manifests import objects_of
from harness.localkube.kubelet.models import StandInModel
from harness.model.experiment import Configuration, Experiment
from harness.problem_codes import ProblemCode
from harness.wording import plural

_ALL: Mapping[str, tuple[str, ...]] = {}

#: Everything that is checked of an Experiment after its parts are parsed and resolved.
CHECKS: tuple[ExperimentCheck, ...] = (
    # the traffic
    of_traffic(check_settings_used),
    of_plan(check_authorities),
    of_plan(check_route_keys),
    of_plan(check_headers),
    of_plan(check_sessions),
    of_plan(check_expected_bodies),
    of_plan(check_lists),
    of_plan(check_times),
    of_plan(check_rate),
    of_plan(check_concurrency),
    of_plan(check_pool),
    of_plan(check_waiting),
    # the workload in each configuration
    checks.namespaces,
    checks.allowed_objects,
    checks.axis_names,
    checks.finished_objects,
    checks.fields,
    checks.kinds,
    checks.entry,
    # the changes in each configuration that runs them
    checks.change_names,
    checks.changes,
    checks.changed_fields,
    checks.routes,
    checks.answers,
    # the way of a request to a pod
    check_classes,
    check_backends,
    check_references,
    check_stand_ins,
    check_models,
    check_entry_points,
    check_route_faults,
    # the cells
    check_entries,
    check_exclude,
    check_controls,
    check_expect,
    check_hidden_limits,
)


def load_experiment(
    path: Path,
    *,
    only: Mapping[str, tuple[str, ...]] = _ALL,
    rules: ClusterRules = ANYTHING,
    assume_inert: Iterable[str] = (),
    ingress: str = "",
) -> Experiment:
    """Load an Experiment and all files that it names, and check everything that needs no cluster.

    Args:
        path: The Experiment file.
        only: Names or globs of the cells to keep, by configuration, change or axis (``{"change": ("restart",)}``). The
            controls of their configurations stay.
        rules: The rules of the cluster that the Experiment runs on.
        assume_inert: Names of fields that ``rules.fields`` refuses and that are assumed to have no effect.
        ingress: Word of the ingress controller that replaces the file's; empty for the file's.

    Raises:
        InvalidInputError: With every problem, each with its code, file, line, and the expectation.
    """
    document = _document(path)
    if ingress:
        document = replace(document, value={**document.value, "ingress": ingress})
    problems, files = Problems(document), ExperimentFiles(path.parent)
    files.note(path)

    parsed = parse(document, files, problems)
    review = FieldReview(rules.fields, frozenset(assume_inert), parsed.ingress)
    resolved = resolve(parsed, rules, review, problems)
    check(resolved, problems)

    if problems.found or parsed.head is None or parsed.plan is None:
        raise InvalidInputError(sorted(problems.found, key=lambda p: (p.file != str(path), p.file, p.line)))
    commands = commands_of(parsed) if rules.local_commands else {}
    return Experiment(
        name=parsed.head.name,
        source=str(path),
        files=tuple(files.read),
        ingress=parsed.ingress,
        traffic=parsed.plan,
        cells=select(finished_cells(resolved), only),
        trials=parsed.head.trials,
        description=parsed.head.description.strip(),
        labels=parsed.head.labels,
        entry=parsed.entry,
        assumed=review.assumed,
        inert=review.inert,
        notices=(*resolved.workload.notices, *unreached_changes(resolved), *autoscaler_notices(resolved)),
        stand_ins=rules.describe_stand_ins(
            [m for row in resolved.configurations for m in row.configuration.manifests], commands
        ),
        commands=tuple((each.folder, *each.argv) for each in commands.values()),
    )


def parse(document: YamlDocument, files: ExperimentFiles, problems: Problems) -> ParsedExperiment:
    """Parse every part of the file by itself, and read the files that they name."""
    raw = document.value
    head = validate(Head, raw, (), problems)
    traffic = parse_traffic(raw["traffic"], files, problems) if "traffic" in raw else None
    manifests = parse_workload(raw.get("workload"), files, problems)
    axes = parse_matrix(raw["matrix"], files, problems) if "matrix" in raw else ()
    before = len(problems.found)
    changes = parse_changes(raw["changes"], problems) if "changes" in raw else ()
    return ParsedExperiment(
        document=document,
        head=head,
        traffic=traffic,
        manifests=manifests,
        axes=axes,
        changes=with_control(changes) if changes and raw.get("control") is not False else changes,
        has_all_changes=bool(changes) and len(problems.found) == before,
        exclude=parse_exclude(raw.get("exclude"), problems),
        expect=parse_expect(raw.get("expect"), problems),
    )


def resolve(
    parsed: ParsedExperiment, rules: ClusterRules, review: FieldReview, problems: Problems
) -> ResolvedExperiment:
    """Make the configurations and cells that ``exclude`` leaves.

    Args:
        parsed: The parts of the file.
        rules: The rules of the cluster, for the checks.
        review: The review of fields, for the checks.
        problems: Gets the patches that match no object or cannot be merged.
    """
    workload = usable(parsed.manifests, rules.omitted)
    named = [(_named(values), values) for values in combinations(parsed.axes)]
    rows = [row for row, _ in named]
    models = models_of(parsed)
    return ResolvedExperiment(
        parsed=parsed,
        workload=workload,
        names=possible_names(parsed, rows),
        all_cells=tuple(names_of(row, spec) for row in rows for spec, *_ in parsed.changes),
        configurations=tuple(
            _resolve_configuration(row, _render(values, workload, models, rules, problems), parsed)
            for row, values in named
            if workload.objects and not is_excluded(parsed, row)
        ),
        rules=rules,
        review=review,
    )


def check(experiment: ResolvedExperiment, problems: Problems) -> None:
    """Run every check; none depends on the result of another."""
    for row in CHECKS:
        row(experiment, problems)
    problems.drop_consequences()


def _document(path: Path) -> YamlDocument:
    documents, problems = read_documents(path)
    if not problems:
        problems = _manifests_instead(path, documents)
    if not problems and len(documents) != 1:
        message = f"expected one YAML document, got {len(documents)}"
        problems = [Problem(message, str(path), code=ProblemCode.UNREADABLE_FILE)]
    if not problems and not isinstance(documents[0].value, dict):
        message = "expected a map with name, workload, traffic and changes"
        problems = [Problem(message, str(path), documents[0].line, code=ProblemCode.WRONG_TYPE)]
    if not problems:
        problems = _wrong_version(documents[0])
    if problems:
        raise InvalidInputError(problems)
    return documents[0]


def _manifests_instead(path: Path, documents: Sequence[YamlDocument]) -> list[Problem]:
    """Return the problem of a file that has manifests, with the way from manifests to an Experiment."""
    objects = [item for document in documents for item in objects_of(document)]
    if not objects or not all(
        isinstance(each.manifest, dict) and {"apiVersion", "kind"} <= each.manifest.keys() for each in objects
    ):
        return []
    title = " ".join(objects[0].key).strip()
    more = f" and {plural(len(objects) - 1, 'more object')}" if len(objects) > 1 else ""
    message = f"this file has manifests ({title}{more}); an Experiment says what traffic to send and what to change"
    hint = f"run them as they are: harness check {path}, or write an Experiment for them: harness init {path}"
    return [Problem(message, str(path), objects[0].line_of(()), hint, code=ProblemCode.NOT_AN_EXPERIMENT)]


def _wrong_version(document: YamlDocument) -> list[Problem]:
    """Return the problem of a file in another version of the format; its other fields may mean anything."""
    version = document.value.get("version", VERSION)
    if version == VERSION and type(version) is int:
        return []
    message = f"version: expected {VERSION}, the version of the format that this harness reads, got {version!r}"
    hint = f"write version: {VERSION}, or leave it out"
    line = document.line_of(("version",))
    return [Problem(message, document.file, line, hint, code=ProblemCode.OTHER_VERSION)]


def _named(values: tuple[AxisValue, ...]) -> Configuration:
    """Return the configuration of some values without its objects: enough to match entries with it."""
    return Configuration(tuple((value.axis, value.name) for value in values), ())


def _render(
    values: tuple[AxisValue, ...],
    workload: Workload,
    models: Mapping[str, StandInModel],
    rules: ClusterRules,
    problems: Problems,
) -> tuple[RenderedObject, ...]:
    """Return the objects of a configuration with their patches, and with the models of their stand-ins."""
    patches = [patch for value in values for patch in value.patches]
    return tuple(
        replace(item, manifest=rules.with_models(item.manifest, models))
        for item in render(workload.objects, patches, problems)
    )


def _resolve_configuration(
    row: Configuration, objects: tuple[RenderedObject, ...], parsed: ParsedExperiment
) -> ResolvedConfiguration:
    rendered = replace(row, manifests=tuple(item.manifest for item in objects))
    configuration = for_controller(rendered, parsed.ingress)
    cells = cells_left(parsed, configuration)
    return ResolvedConfiguration(
        configuration, objects, tuple(_answered(cell, parsed, configuration) for cell in cells)
    )


def _answered(cell: ResolvedCell, parsed: ParsedExperiment, configuration: Configuration) -> ResolvedCell:
    """Return a cell whose change has the answers that it makes right in this configuration."""
    if parsed.plan is None:
        return cell
    objects = WorkloadObjects(configuration.manifests, parsed.entry)
    spec = with_answers(cell.change.spec, parsed.plan, objects)
    return replace(cell, change=cell.change._replace(spec=spec))
