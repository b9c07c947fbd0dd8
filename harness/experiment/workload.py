"""The manifests that an Experiment names, and its patches on them: files or inline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.errors import Problem
from harness.experiment.cluster_rules import ObjectCheck
from harness.experiment.namespaces import Workload, leave_namespace_out
from harness.experiment.problems import Problems, listed, near
from harness.kit.located_yaml import Place, read_documents
from harness.kube.manifests import LocatedManifest, manifest_files, name_of, read_manifests, sentence
from harness.kube.schema import violations, without
from harness.kube.strategic import PatchError, strategic_merge


@dataclass(slots=True)
class Files:
    """Where an Experiment's files are looked for, and which were read."""

    folder: Path
    read: list[str] = field(default_factory=list)

    def path(self, name: str) -> Path:
        """A file named in the Experiment; relative names are relative to the Experiment's folder."""
        return self.folder / name

    def note(self, path: Path) -> None:
        """Remember a file as part of the evidence, once."""
        if str(path) not in self.read:
            self.read.append(str(path))


@dataclass(frozen=True, slots=True)
class Rendered:
    """One object of one configuration.

    Attributes:
        manifest: The object with all patches applied.
        sources: What it was made of: the workload's manifest, then each patch.
    """

    manifest: Mapping[str, Any]
    sources: tuple[LocatedManifest, ...]

    def problem(self, ending: Place, message: str) -> Problem:
        """A problem at the last source that says anything at a path with this ending; else where the object begins."""
        for source in reversed(self.sources):
            inside = source.inside
            places = [p for p in source.document.lines if p[: len(inside)] == inside and p[-len(ending) :] == ending]
            if places:
                return Problem(message, source.file, source.document.line_of(places[0]))
        first = self.sources[0]
        return Problem(message, first.file, first.line_of(()))

    def problem_at(self, path: Place, message: str, hint: str = "", *, unpatched: bool = False) -> Problem:
        """A problem at the source that says most of a path in the finished object; the last of those that say as much.

        Lists are merged by what names their items, so an item can stand elsewhere in a source.
        With ``unpatched`` the workload's manifest alone counts.
        """
        sources = self.sources[:1] if unpatched else self.sources
        places = [_place_in(source.manifest, self.manifest, path) for source in sources]
        most = max(range(len(places)), key=lambda index: (len(places[index]), index))
        source = self.sources[most]
        return Problem(message, source.file, source.line_of(places[most]), hint)


#: What names the items of a list, in one kind of list or another.
_KEYS = ("name", "mountPath", "containerPort", "port", "path", "host", "ip")


def _place_in(source: Any, finished: Any, path: Place) -> Place:
    """As much of a path in a finished object as a source of it has, with the source's own list indices."""
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
    """Where an item of a finished list stands in a source's list; None if it is not there."""
    if not isinstance(items, list):
        return None
    key = next((key for key in _KEYS if isinstance(wanted, Mapping) and key in wanted), "")
    if key:
        same = [i for i, item in enumerate(items) if isinstance(item, Mapping) and item.get(key) == wanted[key]]
        return same[0] if same else None
    return index if index < len(items) else None


def read_workload(names: list[str], files: Files, problems: Problems, check_object: ObjectCheck) -> Workload:
    """Read every manifest of the workload.

    Args:
        names: Files and folders.
        files: Where they are looked for.
        problems: Gets what is wrong in them, with its file and line.
        check_object: Asked of every object that is not left out.
    """
    found: list[LocatedManifest] = []
    wrong: list[Problem] = []
    for index, name in enumerate(names):
        path = files.path(name)
        if not path.exists():
            problems.add(("workload", index), f"no such file or folder: {path}", _neighbours(path))
            continue
        for file in manifest_files(path):
            files.note(file)
        manifests, problems_here = read_manifests(path)
        wrong += problems_here
        found += manifests
    workload = leave_namespace_out(found, problems)
    refused = [problem for item in workload.objects for problem in _refused(item, check_object)]
    # An object that is refused as a whole needs no second word about its kind.
    places = {(problem.file, problem.line) for problem in refused}
    problems.extend(problem for problem in wrong if (problem.file, problem.line) not in places)
    problems.extend(refused)
    return workload


def _refused(item: LocatedManifest, check_object: ObjectCheck) -> Iterator[Problem]:
    problem = check_object(item.written)
    if problem is not None:
        yield replace(problem, file=item.file, line=item.line_of(("kind",)))


def read_patch(value: Any, place: Place, files: Files, problems: Problems) -> list[LocatedManifest]:
    """Read one patch: the name of a file, or a partial object written in the Experiment itself."""
    if isinstance(value, dict):
        patches = [LocatedManifest(value, problems.document.file, problems.document, place)]
    elif isinstance(value, str):
        patches = _patch_file(value, place, files, problems)
    else:
        problems.add(place, f"expected a patch file's name or a partial object, got {value!r}")
        return []
    checked = []
    for patch in patches:
        wrong = violations(patch.manifest, patch=True)
        problems.extend(Problem(sentence(patch.manifest, v), patch.file, patch.line_of(v.path)) for v in wrong)
        checked.append(replace(patch, manifest=without(patch.manifest, wrong)))
    return [patch for patch in checked if patch.manifest.get("kind")]


def apply(objects: list[Rendered], patch: LocatedManifest, problems: Problems) -> list[Rendered]:
    """Apply a patch to the object it names, or to all of its kind where it names none."""
    kind, name = patch.key
    hit = [o for o in objects if o.manifest.get("kind") == kind and name in ("", name_of(o.manifest))]
    if not hit:
        there = [name_of(o.manifest) for o in objects if o.manifest.get("kind") == kind]
        message = f"this patch is for {kind} {name or '(any)'}, which the workload has not; it has {listed(there)}"
        problems.extend([Problem(message, patch.file, patch.line_of(("metadata", "name")), near(name, there))])
    return [_patched(o, patch, problems) if o in hit else o for o in objects]


def _patched(target: Rendered, patch: LocatedManifest, problems: Problems) -> Rendered:
    try:
        merged = strategic_merge(target.manifest, patch.manifest)
    except PatchError as error:
        problems.extend([Problem(f"this patch can't be applied: {error}", patch.file, patch.line_of(()))])
        return target
    return Rendered(merged, (*target.sources, patch))


def _patch_file(name: str, place: Place, files: Files, problems: Problems) -> list[LocatedManifest]:
    path = files.path(name)
    if not path.is_file():
        problems.add(place, f"no such file: {path}", _neighbours(path))
        return []
    files.note(path)
    documents, wrong = read_documents(path)
    problems.extend(wrong)
    if not documents and not wrong:
        problems.add(place, f"{path} has nothing in it")
    strange = [d for d in documents if not isinstance(d.value, dict)]
    problems.extend(Problem("expected a partial object with a kind", d.file, d.line) for d in strange)
    return [LocatedManifest(d.value, d.file, d) for d in documents if isinstance(d.value, dict)]


def _neighbours(path: Path) -> str:
    """The nearest name in the folder where a file was looked for."""
    return near(path.name, [p.name for p in path.parent.iterdir()]) if path.parent.is_dir() else ""
