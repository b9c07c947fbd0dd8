"""Reads manifests from files, with the position of each field, so that a problem names its line."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.errors import InvalidInputError, Problem
from harness.kit.located_yaml import Place, YamlDocument, read_documents
from harness.kube.dumps import reason_to_leave_out, was_on_a_cluster, without_server_fields
from harness.kube.schema import Violation, ViolationKind, missing_fields, path_text, violations, without
from harness.kube.versions import current
from harness.model.experiment import Manifest
from harness.problem_codes import ProblemCode

SUFFIXES = (".yaml", ".yml", ".json")
#: Names of the file that makes a folder a kustomization.
OVERLAYS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
#: The file that makes a folder a Helm chart.
CHART = "Chart.yaml"

#: Kind of a violation of the schema -> code of its problem.
CODES: Mapping[ViolationKind, ProblemCode] = {
    ViolationKind.UNKNOWN_KIND: ProblemCode.UNKNOWN_KIND,
    ViolationKind.UNKNOWN_VERSION: ProblemCode.UNKNOWN_KIND,
    ViolationKind.UNKNOWN_FIELD: ProblemCode.UNKNOWN_FIELD,
    ViolationKind.WRONG_TYPE: ProblemCode.WRONG_TYPE,
    ViolationKind.MISSING: ProblemCode.REQUIRED,
}


@dataclass(frozen=True, slots=True)
class LocatedManifest:
    """An object of a file.

    Attributes:
        manifest: The object without its invalid values, which are reported as problems.
        file: Name of its file.
        document: The YAML document that has it.
        inside: Its path within the document; empty if it is the whole document, longer for an item of a List.
    """

    manifest: Manifest
    file: str
    document: YamlDocument
    inside: Place = ()

    @property
    def key(self) -> tuple[str, str]:
        """Return (kind, name), which identifies an object within a namespace."""
        return str(self.manifest.get("kind")), name_of(self.manifest)

    def line_of(self, path: Place) -> int:
        """Return the line of a field, or of the nearest field around it."""
        return self.document.line_of((*self.inside, *path))


def name_of(manifest: Manifest) -> str:
    """Return ``metadata.name``; empty if there is none."""
    metadata = manifest.get("metadata")
    return str(metadata.get("name") or "") if isinstance(metadata, dict) else ""


def load_manifests(path: Path) -> list[LocatedManifest]:
    """Read and check the manifests of a file, or of all YAML and JSON files of a folder, in the order of their names.

    Raises:
        InvalidInputError: A file is invalid; lists all problems of all files.
    """
    manifests, problems = read_manifests(path)
    if problems:
        raise InvalidInputError(problems)
    return manifests


def read_manifests(path: Path) -> tuple[list[LocatedManifest], list[Problem]]:
    """Read manifests as ``load_manifests`` does. Return those that could be read, and the problems."""
    if command := render_command(path):
        return [], [_unrendered(path, command)]
    files = manifest_files(path)
    if not files:
        return [], [Problem("no YAML or JSON file in this folder", str(path), code=ProblemCode.UNREADABLE_FILE)]
    found: list[LocatedManifest] = []
    problems: list[Problem] = []
    for file in files:
        written, unreadable = read_objects(file)
        problems += unreadable
        for item in written:
            if not isinstance(item.manifest, dict):
                message = "expected an object with apiVersion and kind"
                problems.append(Problem(message, item.file, item.line_of(()), code=ProblemCode.WRONG_TYPE))
                continue
            newest = replace(item, manifest=current(item.manifest))
            wrong, problems_of_it = _check(newest)
            problems += problems_of_it
            found.append(replace(newest, manifest=without(newest.manifest, wrong)))
    return found, problems + _twice(found)


def _check(item: LocatedManifest) -> tuple[list[Violation], list[Problem]]:
    """Return the violations of an object and its problems.

    An object that is left out, and fields that a cluster has set, are not checked: they are not applied.
    """
    if reason_to_leave_out(item.manifest):
        return [], []
    dumped = was_on_a_cluster(item.manifest)
    checked = replace(item, manifest=without_server_fields(item.manifest)) if dumped else item
    wrong = violations(checked.manifest)
    return wrong, _problems(checked, wrong)


def read_objects(file: Path) -> tuple[list[LocatedManifest], list[Problem]]:
    """Read every object of a file as it is written, unchecked. Lists of objects are taken apart.

    Returns:
        Every object, also entries that are no object; and the problems of the file.
    """
    documents, problems = read_documents(file)
    if not documents and not problems:
        problems.append(Problem("no object in this file", str(file), code=ProblemCode.UNREADABLE_FILE))
    if problems and _is_template(file):
        hint = "this is a template of Helm: name the folder that has Chart.yaml, or the output of helm template"
        problems = [replace(problem, hint=hint) for problem in problems]
    return [item for document in documents for item in objects_of(document)], problems


def objects_of(document: YamlDocument) -> Iterator[LocatedManifest]:
    """Yield the objects of a document: itself, or the items of a List or of a plain list, at any depth."""
    return _taken_apart(document.value, document, (), {})


def _taken_apart(
    value: Any, document: YamlDocument, place: Place, implied: Mapping[str, Any]
) -> Iterator[LocatedManifest]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _taken_apart(item, document, (*place, index), implied)
    elif isinstance(value, dict) and str(value.get("kind", "")).endswith("List") and "items" in value:
        kind = str(value["kind"]).removesuffix("List")
        # Items of a typed list, such as DeploymentList, may omit apiVersion and kind: the list implies them.
        inherited = {"apiVersion": value.get("apiVersion"), "kind": kind} if kind else {}
        yield from _taken_apart(value["items"] or [], document, (*place, "items"), inherited)
    else:
        manifest = {**implied, **value} if isinstance(value, dict) else value
        yield LocatedManifest(manifest, document.file, document, place)


def _is_template(file: Path) -> bool:
    return b"{{" in file.read_bytes() if file.is_file() else False


def render_command(path: Path) -> list[str]:
    """Return the command that renders a folder, or the file that makes it one; empty for plain manifests."""
    if path.name in OVERLAYS and path.is_file():
        return ["kubectl", "kustomize", str(path.parent)]
    if (path / CHART).is_file():
        return ["helm", "template", path.resolve().name, str(path)]
    return ["kubectl", "kustomize", str(path)] if any((path / name).is_file() for name in OVERLAYS) else []


def _unrendered(path: Path, command: list[str]) -> Problem:
    folder = path if path.is_dir() else path.parent
    words = shlex.join(command)
    message = f"{folder} is not a folder of plain manifests: {command[0]} renders it"
    hint = f"name a file with the output of {words}, or write an Experiment: harness init {folder}"
    return Problem(message, str(path), hint=hint, code=ProblemCode.NOT_RENDERED)


def manifest_files(path: Path) -> list[Path]:
    """Return the file itself, or the manifest files in a folder, without subfolders."""
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.suffix in SUFFIXES and file.is_file())
    return [path]


def _problems(item: LocatedManifest, wrong: list[Violation]) -> list[Problem]:
    everything = [*wrong, *missing_fields(item.manifest)]
    problems = [
        Problem(sentence(item.manifest, v), item.file, item.line_of(v.path), code=CODES[v.kind]) for v in everything
    ]
    if not name_of(item.manifest) and not any(v.kind is ViolationKind.UNKNOWN_KIND for v in wrong):
        line = item.line_of(("metadata",))
        problems.append(Problem(_without_name(item.manifest), item.file, line, code=ProblemCode.REQUIRED))
    return problems


def _without_name(manifest: Manifest) -> str:
    metadata = manifest.get("metadata")
    generated = isinstance(metadata, Mapping) and metadata.get("generateName")
    kind = str(manifest.get("kind"))
    return f'{kind}: "metadata.name" is required' + (", and generateName is not used" if generated else "")


def sentence(manifest: Manifest, violation: Violation) -> str:
    """Return the message of a problem: ``Deployment apple: spec.replicas: expected integer, …``."""
    title = " ".join(str(part) for part in (manifest.get("kind"), name_of(manifest)) if part)
    where = "" if violation.names_its_field else path_text(violation.path)
    return ": ".join(part for part in (title, where, violation.message) if part)


def _twice(found: list[LocatedManifest]) -> list[Problem]:
    problems = []
    first: dict[tuple[str, str], LocatedManifest] = {}
    for item in found:
        earlier = first.setdefault(item.key, item)
        if earlier is not item:
            message = f"{' '.join(item.key)} is defined twice; first in {earlier.file}:{earlier.line_of(())}"
            problems.append(Problem(message, item.file, item.line_of(()), code=ProblemCode.REPEATED))
    return problems
