"""Reads manifests from files, with the position of each field, so that a problem names its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import InvalidInputError, Problem
from harness.kit.located_yaml import Place, YamlDocument, read_documents
from harness.kube.schema import Violation, ViolationKind, missing_fields, path_text, violations, without
from harness.model.experiment import Manifest
from harness.problem_codes import ProblemCode

SUFFIXES = (".yaml", ".yml", ".json")

#: The code of the problem that a violation of the schema is.
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
        inside: Its path within the document; empty if it is the whole document.
    """

    manifest: Manifest
    file: str
    document: YamlDocument
    inside: Place = ()

    @property
    def key(self) -> tuple[str, str]:
        """Return (kind, name), which identifies an object within a namespace."""
        return str(self.manifest.get("kind")), name_of(self.manifest)

    @property
    def written(self) -> Manifest:
        """Return the object as the file has it, including invalid values."""
        value = self.document.value
        for part in self.inside:
            value = value[part]
        found: Manifest = value
        return found

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
    found: list[LocatedManifest] = []
    problems: list[Problem] = []
    files = manifest_files(path)
    if not files:
        problems.append(Problem("no YAML or JSON file in this folder", str(path), code=ProblemCode.UNREADABLE_FILE))
    for file in files:
        documents, unreadable = read_documents(file)
        problems += unreadable
        if not documents and not unreadable:
            problems.append(Problem("no object in this file", str(file), code=ProblemCode.UNREADABLE_FILE))
        for document in documents:
            if not isinstance(document.value, dict):
                message = "expected an object with apiVersion and kind"
                problems.append(Problem(message, document.file, document.line, code=ProblemCode.WRONG_TYPE))
                continue
            wrong = violations(document.value)
            problems += _problems(document, wrong)
            found.append(LocatedManifest(without(document.value, wrong), document.file, document))
    return found, problems + _twice(found)


def manifest_files(path: Path) -> list[Path]:
    """Return the file itself, or the manifest files in a folder, without subfolders."""
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.suffix in SUFFIXES and file.is_file())
    return [path]


def _problems(document: YamlDocument, wrong: list[Violation]) -> list[Problem]:
    everything = [*wrong, *missing_fields(document.value)]
    problems = [
        Problem(sentence(document.value, v), document.file, document.line_of(v.path), code=CODES[v.kind])
        for v in everything
    ]
    if not name_of(document.value):
        line = document.line_of(("metadata",))
        problems.append(Problem('"metadata.name" is required', document.file, line, code=ProblemCode.REQUIRED))
    return problems


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
            message = f"{' '.join(item.key)} is defined twice; first in {earlier.file}:{earlier.document.line}"
            problems.append(Problem(message, item.file, item.document.line, code=ProblemCode.REPEATED))
    return problems
