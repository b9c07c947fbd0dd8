"""Manifests from files, each with its place, so that a wrong field can be shown where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import InvalidInputError, Problem
from harness.kit.located_yaml import Document, Place, read_documents
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
    """One object of a file.

    Attributes:
        manifest: The object, without the values that are wrong (which are problems by themselves).
        file: The file it is in.
        document: The document it is in.
        inside: Where in the document it begins; empty where it is the whole document.
    """

    manifest: Manifest
    file: str
    document: Document
    inside: Place = ()

    @property
    def key(self) -> tuple[str, str]:
        """(kind, name): what tells objects of one namespace apart."""
        return str(self.manifest.get("kind")), name_of(self.manifest)

    @property
    def written(self) -> Manifest:
        """The object as the file has it, with the values that are wrong."""
        value = self.document.value
        for part in self.inside:
            value = value[part]
        found: Manifest = value
        return found

    def line_of(self, path: Place) -> int:
        """The line of a field, or of the nearest one around it."""
        return self.document.line_of((*self.inside, *path))


def name_of(manifest: Manifest) -> str:
    """``metadata.name``; empty if there is none."""
    metadata = manifest.get("metadata")
    return str(metadata.get("name") or "") if isinstance(metadata, dict) else ""


def load_manifests(path: Path) -> list[LocatedManifest]:
    """Read and check the manifests of a file, or of all YAML and JSON files of a folder, in the order of their names.

    Raises:
        InvalidInputError: With everything that is wrong in any of the files.
    """
    manifests, problems = read_manifests(path)
    if problems:
        raise InvalidInputError(problems)
    return manifests


def read_manifests(path: Path) -> tuple[list[LocatedManifest], list[Problem]]:
    """As ``load_manifests``, giving the problems back beside what could be read."""
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
    """The files that a path stands for: itself, or the manifests of a folder (not of those below it)."""
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.suffix in SUFFIXES and file.is_file())
    return [path]


def _problems(document: Document, wrong: list[Violation]) -> list[Problem]:
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
    """What is wrong with which field of which object: ``Deployment apple: spec.replicas: expected integer, …``."""
    title = " ".join(str(part) for part in (manifest.get("kind"), name_of(manifest)) if part)
    where = "" if violation.names_its_field else path_text(violation.path)
    return ": ".join(part for part in (title, where, violation.message) if part)


def _twice(found: list[LocatedManifest]) -> list[Problem]:
    problems = []
    first: dict[tuple[str, str], LocatedManifest] = {}
    for item in found:
        earlier = first.setdefault(item.key, item)
        if earlier is not item:
            message = f"{' '.join(item.key)} is here twice; it is already in {earlier.file}:{earlier.document.line}"
            problems.append(Problem(message, item.file, item.document.line, code=ProblemCode.REPEATED))
    return problems
