"""Finds the lines of files that a run's results are about, for annotations of CI services.

A result that names an object and a field is about the line of that field. Any other is about the Experiment file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.kit.located_yaml import Place, YamlDocument, read_documents
from harness.report.document import Case, Status
from harness.report.run import document
from harness.runner.judging import read_plan, read_verdict
from harness.store.records import to_json
from harness.store.rundir import RunDirectory

#: Status of a case -> severity on GitHub, and in a Code Quality report of GitLab.
_SEVERITIES = {Status.FAILED: ("error", "major"), Status.UNKNOWN: ("warning", "info")}


@dataclass(frozen=True, slots=True)
class Annotation:
    """A message about a line of a file.

    Attributes:
        file: The file, as the user named it.
        line: The line, from 1.
        status: The result of the cell.
        title: A few words.
        message: The result.
    """

    file: str
    line: int
    status: Status
    title: str
    message: str


def annotations_of(directory: Path) -> tuple[Annotation, ...]:
    """Return the annotations of all cells of a run that are not as expected.

    Raises:
        EvidenceError: It is no run directory, was never judged, or is not as it was sealed.
    """
    run = RunDirectory.open(directory)
    run.verify("verdict")
    plan, verdict = read_plan(run), read_verdict(run)
    copies = sorted((run.path / "plan" / "files").glob("*"))
    files = [(name, _documents(copy)) for name, copy in zip(plan.experiment.files, copies, strict=True)]
    cases = [case for suite in document(verdict).suites for case in suite.cases]
    found: list[Annotation] = []
    for case in cases:
        cell = next(c for c in verdict.cells if (c.configuration, c.change) == (case.group[-1], case.name))
        if case.status in _SEVERITIES:
            found += _of_cell(case, to_json(cell), files, plan.experiment.source)
    return tuple(found)


def github(found: Sequence[Annotation]) -> str:
    """Return annotations as workflow commands of GitHub Actions."""
    return "".join(
        f"::{_SEVERITIES[each.status][0]} file={_property(each.file)},line={each.line},title={_property(each.title)}"
        f"::{_data(each.message)}\n"
        for each in found
    )


def gitlab(found: Sequence[Annotation]) -> str:
    """Return annotations as a Code Quality report of GitLab."""
    rows = [
        {
            "description": f"{each.title}: {each.message}",
            "check_name": "harness",
            "fingerprint": hashlib.sha256(f"{each.file}:{each.line}:{each.title}".encode()).hexdigest(),
            "severity": _SEVERITIES[each.status][1],
            "location": {"path": each.file, "lines": {"begin": each.line}},
        }
        for each in found
    ]
    return json.dumps(rows, indent=1) + "\n"


def _of_cell(
    case: Case, raw: Mapping[str, Any], files: Sequence[tuple[str, Sequence[YamlDocument]]], source: str
) -> Iterator[Annotation]:
    """Yield an annotation for each field that the results of a cell name; else one for the Experiment."""
    title = f"{' / '.join(case.group)} x {case.name}"
    text = "; ".join((case.message, *case.reasons))
    places = {}
    for word, field in _named(raw):
        kind, _, name = word.replace("/", " ").partition(" ")
        if line := _line_of(files, kind, name, field):
            places[line] = f"{text} See {field} of {word}."
    for (file, number), message in (places or {(source, 1): text}).items():
        yield Annotation(file, number, case.status, title, message)


def _named(part: Any) -> Iterator[tuple[str, str]]:
    """Yield (object, field) of everything in a verdict that names both."""
    if isinstance(part, Mapping):
        word, field = part.get("object"), part.get("field")
        if isinstance(word, str) and isinstance(field, str):
            yield word, field
        for value in part.values():
            yield from _named(value)
    elif isinstance(part, list):
        for value in part:
            yield from _named(value)


def _line_of(
    files: Sequence[tuple[str, Sequence[YamlDocument]]], kind: str, name: str, field: str
) -> tuple[str, int] | None:
    """Return file and line of a field; of the nearest field around it if the object lacks it."""
    for file, documents in files:
        for each in documents:
            if each.value.get("kind") == kind and (each.value.get("metadata") or {}).get("name") == name:
                return file, each.line_of(_place(each.value, field))
    return None


def _place(value: Any, field: str) -> Place:
    """Return the place of a field in an object; a list stands for its first item that has the field."""
    place: list[str | int] = []
    here = value
    for key in field.split("."):
        if isinstance(here, list):
            index = next((n for n, item in enumerate(here) if isinstance(item, Mapping) and key in item), 0)
            place.append(index)
            here = here[index] if here else None
        place.append(key)
        here = here.get(key) if isinstance(here, Mapping) else None
    return tuple(place)


def _documents(path: Path) -> list[YamlDocument]:
    return [each for each in read_documents(path)[0] if isinstance(each.value, Mapping)]


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
