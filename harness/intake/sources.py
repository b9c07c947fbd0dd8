"""Read manifests from files, folders, standard input, charts and overlays, as people have them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import InvalidInputError, MissingToolError, Problem
from harness.kit.located_yaml import parse_documents
from harness.kube.manifests import manifest_files
from harness.problem_codes import ProblemCode

#: The word for standard input.
STDIN = "-"
#: Seconds that kubectl or helm may take to render.
_RENDER_SECONDS = 120
_OVERLAYS = ("kustomization.yaml", "kustomization.yml", "Kustomization")


@dataclass(slots=True)
class Source:
    """Objects that were read.

    Attributes:
        objects: Every object, in the order of the files; lists of objects are taken apart.
        name: A name for the whole, from the file or folder.
        plain: The files hold these very objects, one a document, so that an Experiment can name them.
        rendered_by: The command that made the objects of a chart or an overlay; empty without one.
    """

    objects: list[dict[str, Any]] = field(default_factory=list)
    name: str = "workload"
    plain: bool = True
    rendered_by: str = ""


def read_source(path: str) -> Source:
    """Read everything that a path stands for.

    Args:
        path: A file, a folder of manifests, of a chart or of an overlay, or ``-`` for standard input.

    Raises:
        InvalidInputError: It cannot be read, or holds no object; every problem with its file and line.
        MissingToolError: It is a chart or an overlay, and the program that renders it is not there.
    """
    if path == STDIN:
        return _checked(_parsed(Source(name="workload", plain=False), sys.stdin.read(), "standard input"), path)
    place = Path(path)
    if not place.exists():
        raise InvalidInputError([Problem(f"no such file or folder: {path}", code=ProblemCode.NO_SUCH_FILE)])
    name = place.resolve().stem if place.is_file() else place.resolve().name
    argv = _renderer(place)
    if argv:
        text = _render(argv)
        return _checked(_parsed(Source(name=name, plain=False, rendered_by=" ".join(argv)), text, argv[0]), path)
    source = Source(name=name)
    for file in manifest_files(place):
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInputError(
                [Problem(f"cannot be read: {error}", str(file), code=ProblemCode.UNREADABLE_FILE)]
            ) from error
        _parsed(source, text, str(file))
    return _checked(source, path)


def _renderer(place: Path) -> list[str]:
    """Return the command that renders a folder; empty for a folder of plain manifests, or a file."""
    if place.is_file():
        return ["kubectl", "kustomize", str(place.parent)] if place.name in _OVERLAYS else []
    if (place / "Chart.yaml").is_file():
        return ["helm", "template", place.resolve().name, str(place)]
    if any((place / name).is_file() for name in _OVERLAYS):
        return ["kubectl", "kustomize", str(place)]
    return []


def _render(argv: list[str]) -> str:
    if shutil.which(argv[0]) is None:
        command = " ".join(argv)
        raise MissingToolError(
            f"{argv[0]} is not installed, and this folder is to be rendered by it.",
            hint=f"Where it is installed: {command} | harness check -",
        )
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=_RENDER_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise InvalidInputError(
            [Problem(f"{' '.join(argv)} took longer than {_RENDER_SECONDS} s", code=ProblemCode.UNREADABLE_FILE)]
        ) from error
    if done.returncode:
        raise InvalidInputError(
            [Problem(f"{' '.join(argv)} failed: {done.stderr.strip()}", code=ProblemCode.UNREADABLE_FILE)]
        )
    return done.stdout


def _parsed(source: Source, text: str, file: str) -> Source:
    """Add the objects of a text to a source.

    Raises:
        InvalidInputError: It is neither YAML nor JSON.
    """
    found = list(_values(text, file))
    for value in found:
        objects = list(_objects(value, file))
        source.plain &= objects == [value]
        source.objects += objects
    return source


def _values(text: str, file: str) -> Iterator[Any]:
    if text.lstrip().startswith(("{", "[")):
        try:
            yield json.loads(text)  # JSON may be indented with tabs, which YAML forbids.
        except ValueError:
            pass
        else:
            return
    documents, problems = parse_documents(text, file)
    if problems:
        raise InvalidInputError(problems)
    for document in documents:
        yield document.value


def _objects(value: Any, file: str) -> Iterator[dict[str, Any]]:
    """Take lists of objects apart."""
    if isinstance(value, list):
        for item in value:
            yield from _objects(item, file)
    elif not isinstance(value, Mapping) or "kind" not in value:
        raise InvalidInputError(
            [Problem("expected an object with apiVersion and kind", file, code=ProblemCode.UNKNOWN_KIND)]
        )
    elif str(value["kind"]).endswith("List") and isinstance(value.get("items"), list):
        kind = str(value["kind"]).removesuffix("List")
        for item in value["items"]:
            # The items of a DeploymentList and the like leave out what the list says for them.
            implied = {} if kind == "" else {"apiVersion": value.get("apiVersion"), "kind": kind}
            yield from _objects({**implied, **item} if isinstance(item, Mapping) else item, file)
    else:
        yield dict(value)


def _checked(source: Source, path: str) -> Source:
    if not source.objects:
        raise InvalidInputError(
            [
                Problem(
                    "no object with apiVersion and kind",
                    "standard input" if path == STDIN else path,
                    code=ProblemCode.EMPTY_WORKLOAD,
                )
            ]
        )
    return source
