"""A run's folder: what is in it, and the seals that tell whether it is still what it was.

Evidence comes before opinion. A run is sealed in phases; each seal lists the digest of every file that the phase
added, so that a verdict can be reached again from the same bytes, and a changed file can't pass unnoticed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from harness.errors import EvidenceError, HarnessError, InvalidInputError, Problem
from harness.kit.files import NO_ROOM, clear_disk_errors, write_bytes
from harness.store.records import dump

SealedPhase = Literal["plan", "evidence", "verdict", "reports"]

#: The phases in their order.
PHASES: tuple[SealedPhase, ...] = get_args(SealedPhase)

_SEALS = "seals"
#: The phases whose files a verdict rests on.
_EVIDENCE: frozenset[SealedPhase] = frozenset({"plan", "evidence"})

#: What to do about a phase that was never sealed.
_HINTS: Mapping[SealedPhase, str] = {
    "plan": "Run it again.",
    "evidence": "Run it again; `harness analyze --unsealed` shows what it has recorded.",
    "verdict": "`harness analyze` judges it again.",
    "reports": "`harness analyze` judges it again.",
}


def write_json(path: Path, obj: Any) -> None:
    """Write a record or plain data as JSON: atomic, and the same bytes for the same content.

    Raises:
        HarnessError: It could not be written.
    """
    write_bytes(path, dump(obj))


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that is not as it was sealed.

    Attributes:
        state: ``changed``, ``missing``, ``extra``, or ``damaged`` for a seal that can't be read.
        name: Its path in the run directory.
    """

    state: str
    name: str

    def __str__(self) -> str:
        """``changed: run.json``."""
        return f"{self.state}: {self.name}"


@dataclass(frozen=True, slots=True)
class TrialDirectory:
    """Where the evidence of one trial is.

    Attributes:
        path: Its folder.
    """

    path: Path

    @property
    def plan(self) -> Path:
        """What the trial was to do."""
        return self.path / "plan.json"

    @property
    def traffic(self) -> Path:
        """The folder of ledgers and of what the traffic's process said."""
        return self.path / "traffic"

    @property
    def timeline(self) -> Path:
        """What happened meanwhile."""
        return self.path / "timeline.jsonl"

    @property
    def undo(self) -> Path:
        """How each change can be taken back, and whether it was."""
        return self.path / "undo.jsonl"

    @property
    def access(self) -> Path:
        """The ingress's access log."""
        return self.path / "access.jsonl"

    @property
    def logs(self) -> Path:
        """The folder of all other logs."""
        return self.path / "logs"

    @property
    def outcome(self) -> Path:
        """How the trial went as an execution."""
        return self.path / "outcome.json"


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """A run's folder.

    Attributes:
        path: The folder.
    """

    path: Path

    @classmethod
    def create(cls, out: Path | None, name: str) -> RunDirectory:
        """Make the folder of a new run.

        Args:
            out: Where; None makes a new folder below ``reports/``, named by ``name`` and the time.
            name: The Experiment's name.

        Raises:
            InvalidInputError: ``out`` has something in it already, or can't be a folder that is written to.
            HarnessError: There is no room for it.
        """
        if out is None:
            return cls(_new_folder(Path("reports"), name))
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InvalidInputError(
                [
                    Problem(
                        f"{out} is there already and not an empty folder", hint="a run never mixes with another's files"
                    )
                ]
            )
        _make(out)
        return cls(out)

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """An earlier run's folder.

        Raises:
            EvidenceError: It isn't one.
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
        """The folder of a cell's trial (counted from 1); made if it isn't there."""
        trial = TrialDirectory(self.path / "trials" / cell_id / str(number))
        with clear_disk_errors(trial.path):
            trial.traffic.mkdir(parents=True, exist_ok=True)
        return trial

    def seal(self, phase: SealedPhase) -> None:
        """Seal a phase: every file that no other phase has sealed, and the seals of the phases before.

        Sealing a phase again (after another analysis) takes the same files, not those of later phases.

        Raises:
            HarnessError: The seal can't be written.
        """
        others = [other for other in PHASES if other != phase]
        sealed = {name for other in others if self._seal_path(other).is_file() for name in self._sealed(other)}
        earlier = [self._seal_path(other) for other in PHASES[: PHASES.index(phase)]]
        with clear_disk_errors(self._seal_path(phase)):
            names = {name for name in self._files() if name not in sealed}
            names |= {path.relative_to(self.path).as_posix() for path in earlier if path.is_file()}
            files = {name: _digest(self.path / name) for name in sorted(names)}
        write_json(self._seal_path(phase), {"phase": phase, "files": files})

    def verify(self, phase: SealedPhase) -> None:
        """Make sure that a phase and all before it are as they were sealed.

        Files that nobody sealed are an error in the folders that these phases filled, and nobody's business at the
        top, where later phases write.

        Raises:
            EvidenceError: It was never sealed, or files are changed, missing or extra: all of them are listed.
        """
        phases = PHASES[: PHASES.index(phase) + 1]
        wrong = self._held_against({name: digest for each in phases for name, digest in self._sealed(each).items()})
        if wrong:
            raise EvidenceError(
                f"{self.path} is not as it was sealed ({phase}):",
                detail="\n".join(f"  {difference}" for difference in wrong),
                hint="Only unchanged evidence can be judged; take an untouched copy of the run directory.",
            )

    def is_sealed(self, phase: SealedPhase) -> bool:
        """Whether there is a seal of a phase, right or wrong."""
        return self._seal_path(phase).is_file()

    def differences(self) -> tuple[Difference, ...]:
        """How the evidence differs from the seals that there are; nothing where it was never sealed.

        Seals that later phases have sealed count, too: one that was taken away is missing.
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
        return (*damaged, *(each for each in self._held_against(sealed) if each.name not in known))

    def _held_against(self, sealed: Mapping[str, str]) -> tuple[Difference, ...]:
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
        """What a seal lists; nothing if it is damaged, which is told where the seal itself is looked at."""
        try:
            return self._sealed(phase)
        except EvidenceError:
            return {}

    def _files(self) -> list[str]:
        """Relative paths of all regular files except seals, sorted."""
        return sorted(
            path.relative_to(self.path).as_posix()
            for path in self.path.rglob("*")
            if path.is_file() and not path.is_symlink() and path.relative_to(self.path).parts[0] != _SEALS
        )


def _make(out: Path) -> None:
    """Make the folder that the user named; where none can be, that is the user's mistake, which a full disk is not."""
    try:
        with clear_disk_errors(out):
            out.mkdir(parents=True, exist_ok=True)
    except HarnessError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in NO_ROOM:
            raise
        problem = Problem(f"--out {out}: no folder can be made there: {_reason(error)}", hint="choose another one")
        raise InvalidInputError([problem]) from error
    if not os.access(out, os.W_OK | os.X_OK):
        raise InvalidInputError([Problem(f"--out {out}: nothing can be written there", hint="choose another one")])


def _reason(error: HarnessError) -> str:
    cause = error.__cause__
    return str(cause.strerror or cause) if isinstance(cause, OSError) else error.message


def _new_folder(parent: Path, name: str) -> Path:
    """A folder that was not there before, named by name and time."""
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
    raise InvalidInputError([Problem(f"{parent / base} and 98 more like it are there already", hint="use --out")])


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _state(path: Path, digest: str) -> str:
    """``sealed``, ``changed`` or ``missing``."""
    if not path.is_file():
        return "missing"
    return "sealed" if _digest(path) == digest else "changed"
