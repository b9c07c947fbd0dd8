"""Manages a run's directory: its files, and the seals that show whether a file has changed since.

A run is sealed in phases: evidence first, then the verdict. Each seal lists the digest of every file that its phase
added. So the verdict can be computed again from the same bytes, and a changed file is always noticed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from harness.errors import EvidenceError, HarnessError, InvalidInputError, Problem
from harness.kit.files import NO_ROOM, clear_disk_errors, digest_of, write_bytes
from harness.store.records import dump

SealedPhase = Literal["plan", "evidence", "verdict", "reports"]

#: The phases in their order.
PHASES: tuple[SealedPhase, ...] = get_args(SealedPhase)

_SEALS = "seals"
#: The phases whose files a verdict depends on.
_EVIDENCE: frozenset[SealedPhase] = frozenset({"plan", "evidence"})

#: Advice for a phase that was never sealed.
_HINTS: Mapping[SealedPhase, str] = {
    "plan": "Run it again.",
    "evidence": "Run it again; `harness analyze --unsealed` shows what it has recorded.",
    "verdict": "`harness analyze` judges it again.",
    "reports": "`harness analyze` judges it again.",
}


def write_json(path: Path, obj: Any) -> None:
    """Write a record or plain data as JSON, atomically; the same content gives the same bytes.

    Raises:
        HarnessError: The file could not be written.
    """
    write_bytes(path, dump(obj))


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that differs from its seal.

    Attributes:
        state: ``changed``, ``missing``, ``extra``, or ``damaged`` for a seal that can't be read.
        name: Path of the file in the run directory.
    """

    state: str
    name: str

    def __str__(self) -> str:
        """Return state and name: ``changed: run.json``."""
        return f"{self.state}: {self.name}"


@dataclass(frozen=True, slots=True)
class TrialDirectory:
    """The directory of one trial's evidence.

    Attributes:
        path: Path of the directory.
    """

    path: Path

    @property
    def plan(self) -> Path:
        """Return the file of the trial's plan."""
        return self.path / "plan.json"

    @property
    def traffic(self) -> Path:
        """Return the folder of ledgers and of the traffic process's journal and logs."""
        return self.path / "traffic"

    @property
    def timeline(self) -> Path:
        """Return the file of the trial's events."""
        return self.path / "timeline.jsonl"

    @property
    def undo(self) -> Path:
        """Return the journal of undos: how to undo each change, and whether it was undone."""
        return self.path / "undo.jsonl"

    @property
    def access(self) -> Path:
        """Return the access log of the ingress controller."""
        return self.path / "access.jsonl"

    @property
    def logs(self) -> Path:
        """Return the folder of all other logs."""
        return self.path / "logs"

    @property
    def outcome(self) -> Path:
        """Return the file that says how the trial was executed."""
        return self.path / "outcome.json"


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """The directory of a run.

    Attributes:
        path: Path of the directory.
    """

    path: Path

    @classmethod
    def create(cls, out: Path | None, name: str) -> RunDirectory:
        """Create the directory of a new run.

        Args:
            out: Directory to use; None creates one below ``reports/``, named by ``name`` and the time.
            name: Name of the Experiment.

        Raises:
            InvalidInputError: ``out`` is not empty, or is no writable directory.
            HarnessError: The disk is full.
        """
        if out is None:
            return cls(new_folder(Path("reports"), name))
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InvalidInputError(
                [Problem(f"{out} exists and is not an empty folder", hint="each run needs a folder of its own")]
            )
        _make(out)
        return cls(out)

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """Open the directory of an earlier run.

        Raises:
            EvidenceError: The path is no run directory.
        """
        run = cls(path)
        if not path.is_dir():
            wrong = f"{path} is a file, not a run directory." if path.exists() else f"There is no folder {path}."
            raise EvidenceError(wrong, hint="Give the run directory that `harness run` named.")
        if not run._seal_path("plan").is_file():
            raise EvidenceError(
                f"{path} is not a run directory: it has no {_SEALS}/plan.json.",
                hint="Give the run directory that `harness run` named.",
            )
        return run

    def trial(self, cell_id: str, number: int) -> TrialDirectory:
        """Return the directory of a cell's trial (counted from 1); create it if it is missing."""
        trial = TrialDirectory(self.path / "trials" / cell_id / str(number))
        with clear_disk_errors(trial.path):
            trial.traffic.mkdir(parents=True, exist_ok=True)
        return trial

    def seal(self, phase: SealedPhase) -> None:
        """Seal a phase: every file that no other phase has sealed, and the seals of earlier phases.

        Sealing a phase again (after another analysis) covers the same files, not those of later phases.

        Raises:
            HarnessError: The seal can't be written.
        """
        others = [other for other in PHASES if other != phase]
        sealed = {name for other in others if self._seal_path(other).is_file() for name in self._sealed(other)}
        earlier = [self._seal_path(other) for other in PHASES[: PHASES.index(phase)]]
        with clear_disk_errors(self._seal_path(phase)):
            names = {name for name in self._files() if name not in sealed}
            names |= {path.relative_to(self.path).as_posix() for path in earlier if path.is_file()}
            files = {name: digest_of(self.path / name) for name in sorted(names)}
        write_json(self._seal_path(phase), {"phase": phase, "files": files})

    def verify(self, phase: SealedPhase) -> None:
        """Check that the files of a phase and of all earlier ones match their seals.

        Unsealed files are an error in the folders of these phases. They are allowed at the top level, where later
        phases write.

        Raises:
            EvidenceError: The phase was never sealed, or files are changed, missing or extra; lists all of them.
        """
        phases = PHASES[: PHASES.index(phase) + 1]
        wrong = self._compare({name: digest for each in phases for name, digest in self._sealed(each).items()})
        if wrong:
            raise EvidenceError(
                f"{self.path} is not as it was sealed ({phase}):",
                detail="\n".join(f"  {difference}" for difference in wrong),
                hint="Only unchanged evidence can be judged; take an untouched copy of the run directory.",
            )

    def is_sealed(self, phase: SealedPhase) -> bool:
        """Return True if a phase has a seal, valid or not."""
        return self._seal_path(phase).is_file()

    def differences(self) -> tuple[Difference, ...]:
        """Return the files that differ from existing seals; empty if nothing was sealed.

        Seals that later phases have sealed count as well: a removed seal is a missing file.
        """
        sealed: dict[str, str] = {}
        damaged: list[Difference] = []
        for phase in (each for each in PHASES if self._seal_path(each).is_file()):
            try:
                found = self._sealed(phase)
            except EvidenceError:
                damaged.append(Difference("damaged", f"{_SEALS}/{phase}.json"))
                continue
            sealed |= {n: d for n, d in found.items() if phase in _EVIDENCE or n.startswith(f"{_SEALS}/")}
        known = {difference.name for difference in damaged}
        return (*damaged, *(each for each in self._compare(sealed) if each.name not in known))

    def _compare(self, sealed: Mapping[str, str]) -> tuple[Difference, ...]:
        states = {name: _state(self.path / name, digest) for name, digest in sorted(sealed.items())}
        wrong = [Difference(state, name) for name, state in states.items() if state != "sealed"]
        return (*wrong, *(Difference("extra", name) for name in self._extra(sealed)))

    def _extra(self, sealed: Mapping[str, str]) -> list[str]:
        folders = {name.partition("/")[0] for name in sealed if "/" in name}
        later = {name for each in PHASES if self._seal_path(each).is_file() for name in self._readable(each)}
        return [
            name
            for name in self._files()
            if "/" in name and name.partition("/")[0] in folders and name not in sealed and name not in later
        ]

    def _seal_path(self, phase: SealedPhase) -> Path:
        return self.path / _SEALS / f"{phase}.json"

    def _sealed(self, phase: SealedPhase) -> dict[str, str]:
        path = self._seal_path(phase)
        try:
            files = json.loads(path.read_bytes())["files"]
            return {str(name): str(digest) for name, digest in files.items()}
        except FileNotFoundError:
            raise EvidenceError(
                f"{self.path} has no seal of its {phase}: the run did not get that far.",
                hint=_HINTS[phase],
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise EvidenceError(f"{path} is damaged: {error!r}.") from error

    def _readable(self, phase: SealedPhase) -> dict[str, str]:
        """Return the files of a seal; empty if the seal is damaged, which is reported separately."""
        try:
            return self._sealed(phase)
        except EvidenceError:
            return {}

    def _files(self) -> list[str]:
        """Return the relative paths of all regular files except seals, sorted."""
        return sorted(
            path.relative_to(self.path).as_posix()
            for path in self.path.rglob("*")
            if path.is_file() and not path.is_symlink() and path.relative_to(self.path).parts[0] != _SEALS
        )


def _make(out: Path) -> None:
    """Create the directory that the user named.

    A path that can't be a directory is the user's mistake; a full disk is not.
    """
    try:
        with clear_disk_errors(out):
            out.mkdir(parents=True, exist_ok=True)
    except HarnessError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in NO_ROOM:
            raise
        problem = Problem(f"--out {out}: cannot create the folder: {_reason(error)}", hint="choose another one")
        raise InvalidInputError([problem]) from error
    if not os.access(out, os.W_OK | os.X_OK):
        raise InvalidInputError([Problem(f"--out {out}: the folder is not writable", hint="choose another one")])


def _reason(error: HarnessError) -> str:
    cause = error.__cause__
    return str(cause.strerror or cause) if isinstance(cause, OSError) else error.message


def new_folder(parent: Path, name: str) -> Path:
    """Create a new directory, named by name and time, and return its path.

    Raises:
        InvalidInputError: 99 directories have that name and second already.
        HarnessError: The disk is full.
    """
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "run"
    base = f"{stem}-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    for suffix in ("", *(f"-{n}" for n in range(2, 100))):
        path = parent / f"{base}{suffix}"
        with clear_disk_errors(path):
            try:
                path.mkdir(parents=True)
            except FileExistsError:
                continue
        return path
    raise InvalidInputError([Problem(f"{parent / base} and 98 more like it exist already", hint="use --out")])


def _state(path: Path, digest: str) -> str:
    """Return ``sealed``, ``changed`` or ``missing``."""
    if not path.is_file():
        return "missing"
    return "sealed" if digest_of(path) == digest else "changed"
