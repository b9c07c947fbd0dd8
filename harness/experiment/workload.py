"""The manifests that an Experiment names, and its patches of them: files or inline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.errors import Problem
from harness.experiment.cluster_rules import ObjectCheck
from harness.experiment.problems import Problems, listed, near
from harness.kit.located_yaml import Place, read_documents
from harness.kube.manifests import CODES, LocatedManifest, manifest_files, name_of, read_manifests, sentence
from harness.kube.schema import violations, without
from harness.kube.strategic import PatchError, strategic_merge
from harness.problem_codes import ProblemCode


@dataclass(slots=True)
class ExperimentFiles:
    """The files of an Experiment.

    Attributes:
        folder: Folder of the Experiment file; relative names start there.
        read: Every file that was read, in order: they are part of the evidence.
    """

    folder: Path
    read: list[str] = field(default_factory=list)

    def path(self, name: str) -> Path:
        """Return the path of a file that the Experiment names."""
        return self.folder / name

    def note(self, path: Path) -> None:
        """Add a file to those that were read, once."""
        if str(path) not in self.read:
            self.read.append(str(path))


@dataclass(frozen=True, slots=True)
class RenderedObject:
    """One object of one configuration.

    Attributes:
        manifest: The object with all patches applied.
        sources: The workload's manifest, then each patch.
    """

    manifest: Mapping[str, Any]
    sources: tuple[LocatedManifest, ...]

    def problem(self, code: ProblemCode, ending: Place, message: str) -> Problem:
        """Return a problem at the last source that has a path with this ending; else at the object's first line."""
        for source in reversed(self.sources):
            inside = source.inside
            places = [p for p in source.document.lines if p[: len(inside)] == inside and p[-len(ending) :] == ending]
            if places:
                return Problem(message, source.file, source.document.line_of(places[0]), code=code)
        first = self.sources[0]
        return Problem(message, first.file, first.line_of(()), code=code)

    def problem_at(
        self, code: ProblemCode, path: Place, message: str, hint: str = "", *, unpatched: bool = False
    ) -> Problem:
        """Return a problem at the source that has most of a path; at the last one if several have as much.

        Args:
            code: The kind of problem.
            path: Path in the finished object. Lists are merged by the names of their items, so an item can have
                another index in a source.
            message: The problem in words.
            hint: The way out; may be empty.
            unpatched: Consider the workload's manifest alone.
        """
        sources = self.sources[:1] if unpatched else self.sources
        places = [_place_in(source.manifest, self.manifest, path) for source in sources]
        most = max(range(len(places)), key=lambda index: (len(places[index]), index))
        source = self.sources[most]
        return Problem(message, source.file, source.line_of(places[most]), hint, code=code)


#: Fields that identify the items of a list, in one kind of list or another.
_KEYS = ("name", "mountPath", "containerPort", "port", "path", "host", "ip")


def _place_in(source: Any, finished: Any, path: Place) -> Place:
    """Return as much of a path in a finished object as a source of it has, with the source's own list indices."""
    place: Place = ()
    for part in path:
        if isinstance(part, int):
            finished = finished[part] if isinstance(finished, list) and part < len(finished) else None
            index = _index_in(source, finished, part)
            if index is None:
                return place
            place, source = (*place, index), source[index]
        elif isinstance(source, Mapping) and part in source:
            finished = finished.get(part) if isinstance(finished, Mapping) else None
            place, source = (*place, part), source[part]
        else:
            return place
    return place


def _index_in(items: Any, wanted: Any, index: int) -> int | None:
    """Return the index in a source's list of an item of the finished list; None if the source does not have it."""
    if not isinstance(items, list):
        return None
    key = next((key for key in _KEYS if isinstance(wanted, Mapping) and key in wanted), "")
    if key:
        same = [i for i, item in enumerate(items) if isinstance(item, Mapping) and item.get(key) == wanted[key]]
        return same[0] if same else None
    return index if index < len(items) else None


def parse_workload(value: Any, files: ExperimentFiles, problems: Problems) -> tuple[LocatedManifest, ...]:
    """Read every manifest of the workload; none if the value is not a path or a list of paths.

    Args:
        value: The value of ``workload``.
        files: Gets the files that were read.
        problems: Gets the errors in them, with file and line.
    """
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return ()
    found: list[LocatedManifest] = []
    for index, name in enumerate(names):
        path = files.path(name)
        if not path.exists():
            message = f"no such file or folder: {path}"
            problems.add(ProblemCode.NO_SUCH_FILE, ("workload", index), message, _near_file(path))
            continue
        for file in manifest_files(path):
            files.note(file)
        manifests, wrong = read_manifests(path)
        problems.extend(wrong)
        found += manifests
    return tuple(found)


def check_allowed(objects: Sequence[LocatedManifest], check_object: ObjectCheck, problems: Problems) -> None:
    """Add a problem for each object that the cluster does not allow."""
    for item in objects:
        problem = check_object(item.manifest)
        if problem is not None:
            line = item.line_of(("kind",))
            problems.extend([replace(problem, file=item.file, line=line, code=ProblemCode.OBJECT_NOT_ALLOWED)])


def parse_patch(value: Any, place: Place, files: ExperimentFiles, problems: Problems) -> list[LocatedManifest]:
    """Return the patches of one value: of a file, or a partial object in the Experiment itself."""
    if isinstance(value, dict):
        patches = [LocatedManifest(value, problems.document.file, problems.document, place)]
    elif isinstance(value, str):
        patches = _patch_file(value, place, files, problems)
    else:
        message = f"expected a patch file's name or a partial object, got {value!r}"
        problems.add(ProblemCode.WRONG_TYPE, place, message)
        return []
    checked = []
    for patch in patches:
        wrong = violations(patch.manifest, patch=True)
        problems.extend(
            Problem(sentence(patch.manifest, v), patch.file, patch.line_of(v.path), code=CODES[v.kind]) for v in wrong
        )
        checked.append(replace(patch, manifest=without(patch.manifest, wrong)))
    return [patch for patch in checked if patch.manifest.get("kind")]


def render(
    workload: Sequence[LocatedManifest], patches: Sequence[LocatedManifest], problems: Problems
) -> tuple[RenderedObject, ...]:
    """Return the workload with patches applied in order.

    Args:
        workload: The objects without patches.
        patches: Each is for the object that it names, or for all objects of its kind if it has no name.
        problems: Gets the patches that match no object or cannot be merged.
    """
    objects = [RenderedObject(item.manifest, (item,)) for item in workload]
    for patch in patches:
        objects = _apply(objects, patch, problems)
    return tuple(objects)


def _apply(objects: list[RenderedObject], patch: LocatedManifest, problems: Problems) -> list[RenderedObject]:
    kind, name = patch.key
    hit = [o for o in objects if o.manifest.get("kind") == kind and name in ("", name_of(o.manifest))]
    if not hit:
        there = [name_of(o.manifest) for o in objects if o.manifest.get("kind") == kind]
        message = (
            f"this patch is for {kind} {name or '(any)'}, which the workload does not have; it has {listed(there)}"
        )
        line = patch.line_of(("metadata", "name"))
        problems.extend([Problem(message, patch.file, line, near(name, there), code=ProblemCode.UNKNOWN_NAME)])
    return [_patched(o, patch, problems) if o in hit else o for o in objects]


def _patched(target: RenderedObject, patch: LocatedManifest, problems: Problems) -> RenderedObject:
    try:
        merged = strategic_merge(target.manifest, patch.manifest)
    except PatchError as error:
        message, line = f"this patch can't be applied: {error}", patch.line_of(())
        problems.extend([Problem(message, patch.file, line, code=ProblemCode.PATCH_FAILS)])
        return target
    return RenderedObject(merged, (*target.sources, patch))


def _patch_file(name: str, place: Place, files: ExperimentFiles, problems: Problems) -> list[LocatedManifest]:
    path = files.path(name)
    if not path.is_file():
        problems.add(ProblemCode.NO_SUCH_FILE, place, f"no such file: {path}", _near_file(path))
        return []
    files.note(path)
    documents, wrong = read_documents(path)
    problems.extend(wrong)
    if not documents and not wrong:
        problems.add(ProblemCode.UNREADABLE_FILE, place, f"{path} is empty")
    other = [d for d in documents if not isinstance(d.value, dict)]
    message = "expected a partial object with a kind"
    problems.extend(Problem(message, d.file, d.line, code=ProblemCode.WRONG_TYPE) for d in other)
    return [LocatedManifest(d.value, d.file, d) for d in documents if isinstance(d.value, dict)]


def _near_file(path: Path) -> str:
    """Return a hint with the nearest name in the folder of a file that does not exist."""
    return near(path.name, [p.name for p in path.parent.iterdir()]) if path.parent.is_dir() else ""
