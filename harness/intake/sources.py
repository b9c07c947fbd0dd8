"""Read manifests from files, folders, standard input, charts and overlays, as people have them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import InvalidInputError, MissingToolError, Problem
from harness.intake.mistaken import mistaken_file, mistaken_program
from harness.kit.located_yaml import parse_documents
from harness.kube.manifests import LocatedManifest, manifest_files, objects_of, read_objects, render_command
from harness.problem_codes import ProblemCode

#: The word for standard input.
STDIN = "-"
#: Seconds that kubectl or helm may take to render.
_RENDER_SECONDS = 120


@dataclass(slots=True)
class Source:
    """Objects that were read.

    Attributes:
        objects: Every object as it is written, in the order of the files; lists of objects are taken apart.
        name: A name for the whole, from the file or folder.
        plain: True if they come from files that an Experiment can name.
        rendered_by: The command that made the objects of a chart or an overlay; empty without one.
    """

    objects: list[Mapping[str, Any]] = field(default_factory=list)
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
    what, way = mistaken_program(place)
    if what:
        message = f"this is {what}, and not a manifest"
        raise InvalidInputError([Problem(message, path, hint=way, code=ProblemCode.UNREADABLE_FILE)])
    name = place.resolve().stem if place.is_file() else place.resolve().name
    argv = render_command(place)
    if argv:
        text = _render(argv)
        return _checked(_parsed(Source(name=name, plain=False, rendered_by=" ".join(argv)), text, argv[0]), path)
    source, problems = Source(name=name), []
    for file in manifest_files(place):
        found, wrong = read_objects(file)
        problems += [*wrong, *_no_objects(found)]
        source.objects += [each.manifest for each in found]
    if problems:
        raise InvalidInputError(problems)
    return _checked(source, path)


def _render(argv: list[str]) -> str:
    if shutil.which(argv[0]) is None:
        command = " ".join(argv)
        raise MissingToolError(
            f"{argv[0]} is not installed, but this folder must be rendered by it.",
            hint=f"Install it; or on a machine that has it, write its output to a file: {command} > all.yaml",
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
        InvalidInputError: It is neither YAML nor JSON, or has something else than objects.
    """
    documents, problems = parse_documents(text, file)
    found = [item for document in documents for item in objects_of(document)]
    if problems := [*problems, *_no_objects(found)]:
        raise InvalidInputError(problems)
    source.objects += [each.manifest for each in found]
    return source


def _no_objects(found: Iterable[LocatedManifest]) -> Iterator[Problem]:
    """Yield the problem of each value that is no object."""
    for each in found:
        what, way = mistaken_file(each.manifest)
        if what:
            message = f"this is {what}, and not a manifest"
            yield Problem(message, each.file, each.line_of(()), way, code=ProblemCode.UNKNOWN_KIND)
        elif not isinstance(each.manifest, dict) or "kind" not in each.manifest:
            message = "expected an object with apiVersion and kind"
            yield Problem(message, each.file, each.line_of(()), code=ProblemCode.UNKNOWN_KIND)


def _checked(source: Source, path: str) -> Source:
    if not source.objects:
        raise InvalidInputError(
            [
                Problem(
                    "no object with apiVersion and kind",
                    "standard input" if path == STDIN else path,
                    hint=_folders_below(Path(path)) if path != STDIN else "",
                    code=ProblemCode.EMPTY_WORKLOAD,
                )
            ]
        )
    return source


def _folders_below(place: Path) -> str:
    """Return a hint with the folders below a folder that have manifests; a folder is read without them."""
    if not place.is_dir():
        return ""
    below = sorted(each for each in place.iterdir() if each.is_dir() and (manifest_files(each) or render_command(each)))
    return f"folders below are not read; name one of {', '.join(map(str, below))}" if below else ""
