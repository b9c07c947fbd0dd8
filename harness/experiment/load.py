"""Experiment files: from YAML to a checked ``Experiment``, with every problem at once and in its place.

What the file may say is described in ``docs/experiments.md``; the parts are read by the modules of
``harness.experiment``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.errors import InvalidInputError, Problem
from harness.experiment.cells import make_cells, select
from harness.experiment.changes.context import CheckContext
from harness.experiment.changes.reading import Located, check_changes, read_changes, with_answers
from harness.experiment.cluster_rules import ANYTHING, ClusterRules
from harness.experiment.entry import read_entry
from harness.experiment.fields import FieldReview
from harness.experiment.ingress_class import check_kinds, for_controller
from harness.experiment.matrix import configurations, read_matrix
from harness.experiment.namespaces import Workload
from harness.experiment.objects import Objects
from harness.experiment.problems import Problems
from harness.experiment.routes import check_routes
from harness.experiment.schema import VERSION, Head
from harness.experiment.traffic import read_traffic
from harness.experiment.validation import validate
from harness.experiment.workload import Files, read_workload
from harness.kit.located_yaml import YamlDocument, read_documents
from harness.model.changes import ChangeSpec
from harness.model.controllers import DEFAULT
from harness.model.experiment import Cell, Configuration, Experiment, TrafficPlan

_ALL: Mapping[str, tuple[str, ...]] = {}


def load_experiment(
    path: Path,
    *,
    only: Mapping[str, tuple[str, ...]] = _ALL,
    rules: ClusterRules = ANYTHING,
    assume_inert: Iterable[str] = (),
    ingress: str = "",
) -> Experiment:
    """Read an Experiment and all files that it names, and check everything that can be checked without a cluster.

    Args:
        path: The Experiment file.
        only: Names or globs of the configurations and changes to keep (``{"change": ("restart",)}``); the controls of
            the configurations that are kept stay.
        rules: What the cluster that it is for does not take.
        assume_inert: Names of fields that ``rules.fields`` refuses and that are assumed to have no effect.
        ingress: The controller to take in place of the file's; empty for that.

    Raises:
        InvalidInputError: With every problem that was found, each with its file, line, and what was expected.
    """
    document = _document(path)
    if ingress:
        document = replace(document, value={**document.value, "ingress": ingress})
    problems = Problems(document)
    files = Files(path.parent)
    files.note(path)
    head = validate(Head, document.value, (), problems)
    plan = read_traffic(document.value.get("traffic"), files, problems) if "traffic" in document.value else None
    review = FieldReview(rules.fields, frozenset(assume_inert), head.ingress if head is not None else "")
    workload = _workload(document.value, files, problems, rules)
    rows = for_controller(
        _configurations(document.value, workload, files, problems, rules=rules, review=review), review.ingress
    )
    check_kinds(rows, head.ingress if head is not None else "", problems)
    entry = read_entry(head, rows, problems) if head is not None else ""
    cells = _cells(document.value, plan, rows, problems, entry=entry, rules=rules, review=review)
    if problems.found or head is None or plan is None:
        raise InvalidInputError(sorted(problems.found, key=lambda p: (p.file != str(path), p.file, p.line)))
    return Experiment(
        name=head.name,
        source=str(path),
        files=tuple(files.read),
        ingress=head.ingress,
        traffic=plan,
        cells=select(cells, only),
        trials=head.trials,
        description=head.description.strip(),
        labels=head.labels,
        entry=entry,
        assumed=review.assumed,
        inert=review.inert,
        notices=workload.notices,
    )


def _document(path: Path) -> YamlDocument:
    documents, problems = read_documents(path)
    if not problems and len(documents) != 1:
        problems = [Problem(f"expected one YAML document, got {len(documents)}", str(path))]
    if not problems and not isinstance(documents[0].value, dict):
        problems = [Problem("expected a map with name, workload, traffic and changes", str(path), documents[0].line)]
    if not problems:
        problems = _wrong_version(documents[0])
    if problems:
        raise InvalidInputError(problems)
    return documents[0]


def _wrong_version(document: YamlDocument) -> list[Problem]:
    """Return the problem of a file in another version of the format; the rest of it may mean anything."""
    version = document.value.get("version", VERSION)
    if version == VERSION and type(version) is int:
        return []
    message = f"version: expected {VERSION}, the version of the format that this harness reads, got {version!r}"
    hint = f"write version: {VERSION}, or leave it out"
    return [Problem(message, document.file, document.line_of(("version",)), hint)]


def _workload(raw: Mapping[str, Any], files: Files, problems: Problems, rules: ClusterRules) -> Workload:
    """Read the workload; without an object where the Experiment does not name it as it must."""
    names = raw.get("workload")
    names = [names] if isinstance(names, str) else names
    readable = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return read_workload(names, files, problems, rules.object) if readable and names else Workload()


def _configurations(
    raw: Mapping[str, Any],
    workload: Workload,
    files: Files,
    problems: Problems,
    *,
    rules: ClusterRules,
    review: FieldReview,
) -> list[Configuration]:
    """The configurations; none where the workload can't be read, so that nothing is said about what isn't known."""
    axes = read_matrix(raw["matrix"], files, problems) if "matrix" in raw else []
    return configurations(workload.objects, axes, problems, rules.image, review) if workload.objects else []


def _cells(
    raw: Mapping[str, Any],
    plan: TrafficPlan | None,
    rows: list[Configuration],
    problems: Problems,
    *,
    entry: str,
    rules: ClusterRules,
    review: FieldReview,
) -> tuple[Cell, ...]:
    before = len(problems.found)
    control = raw.get("control") is not False
    changes = read_changes(raw["changes"], problems, control=control) if "changes" in raw else []
    unreadable = len(problems.found) > before
    if not rows:
        return ()
    ingress = raw.get("ingress", DEFAULT.word)
    check_changes(
        changes, [CheckContext(Objects(row.manifests, entry), problems, plan, ingress, rules) for row in rows]
    )
    review.look_at_changes(changes, rows, problems)
    if plan is not None and not entry:
        check_routes(plan, rows, problems)
    specs = _answered(changes, plan, Objects(rows[0].manifests, entry), problems)
    return make_cells(rows, [] if unreadable else specs, raw.get("exclude"), raw.get("expect"), problems)


def _answered(
    changes: list[Located], plan: TrafficPlan | None, objects: Objects, problems: Problems
) -> list[ChangeSpec]:
    """The changes with their answers; routes and selectors are those of the first configuration."""
    if plan is None:
        return [spec for spec, _ in changes]
    return [with_answers(located, plan, objects, problems) for located in changes]
