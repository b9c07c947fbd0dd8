"""Unpack the golden evidence in ``tests/golden``, judge it again, and compare.

This is the only place where the golden tests name modules that judge.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from golden_doctored import DOCTORED

from harness.cli import evidence
from harness.runner.migration.concluding import analyze_again
from harness.store.rundir import RunDirectory, SealedPhase

GOLDEN = Path(__file__).parents[1] / "golden"
EXPECTED = GOLDEN / "expected.json"
EXPECTED_DOCTORED = GOLDEN / "expected-doctored.json"
SUFFIX = ".tar.xz"
#: Fields that were added to ``verdict.json`` and ``comparison.json`` on purpose since the evidence was made, as dotted
#: paths in which lists do not show: ``cells.trials.findings.cause``. Empty means: not one byte may differ.
ADDED: frozenset[str] = frozenset(
    {
        "cells.trials.causes",
        "origins.trial.causes",
        "cells.trials.failed",
        "origins.trial.failed",
        "cells.trials.transitions",
        "origins.trial.transitions",
        "cells.confidence",
        "schema_version",
        "version",
        "cells.trials.pod_events",
        "origins.trial.pod_events",
        "cells.expected_hidden",
        "cells.expected_twice",
        "cells.hidden",
        "cells.twice",
        "cells.trials.accounts",
        "origins.trial.accounts",
        "origins.counted",
        *(f"{part}findings.numbers.{name}" for part in ("cells.", "cells.trials.") for name in ("cut_off", "forced")),
    }
)
#: Files that hold verdicts.
VERDICTS = ("verdict.json", "comparison.json")
#: Files that are rendered from verdicts.
REPORTS = ("index.html", "junit.xml", "summary.md")
#: A folder is a migration's if it holds this file.
_MIGRATION = "migration.json"


@dataclass(frozen=True)
class Golden:
    """Wrap one unpacked archive.

    Attributes:
        path: Its folder: a run directory, or a migration's folder that holds two.
    """

    path: Path

    @property
    def is_migration(self) -> bool:
        """Return whether this is a migration's folder."""
        return (self.path / _MIGRATION).exists()

    def runs(self) -> list[Path]:
        """Return the run directories, the source before the target."""
        return [seals.parent for seals in sorted(self.path.rglob("seals")) if seals.is_dir()]

    def check_seals(self) -> None:
        """Check every phase of every run.

        Raises:
            EvidenceError: A file is not as it was sealed.
        """
        for run in self.runs():
            for phase in get_args(SealedPhase):
                RunDirectory.open(run).verify(phase)

    def seal_again(self) -> None:
        """Seal plan and evidence in their current state, as somebody would who hides an alteration."""
        for run in self.runs():
            for phase in ("plan", "evidence"):
                RunDirectory.open(run).seal(phase)

    def analyze(self, *, unsealed: bool = False) -> int:
        """Judge again, as ``harness analyze`` does, or ``harness migrate --analyze``; returns the exit code.

        Raises:
            EvidenceError: The evidence is not as it was sealed.
        """
        if self.is_migration:
            return analyze_again(self.path).process_code
        return evidence.analyze(self.path, unsealed=unsealed)

    def words(self) -> tuple[str, ...]:
        """Return the words after ``harness`` on a command line that judges this again."""
        return ("migrate", "--analyze", str(self.path)) if self.is_migration else ("analyze", str(self.path))

    def read(self, names: Collection[str]) -> dict[str, bytes]:
        """Return the content of each file with one of these names, by its path in the archive."""
        return {
            path.relative_to(self.path).as_posix(): path.read_bytes()
            for path in sorted(self.path.rglob("*"))
            if path.name in names and path.is_file() and path.parent.name != "seals"
        }

    def seals(self) -> dict[str, bytes]:
        """Return the content of each seal, by its path in the archive."""
        return {
            path.relative_to(self.path).as_posix(): path.read_bytes() for path in sorted(self.path.rglob("seals/*"))
        }


def names() -> list[str]:
    """Return the names of all archives."""
    return sorted(path.name.removesuffix(SUFFIX) for path in GOLDEN.glob(f"*{SUFFIX}"))


def expected_doctored() -> Mapping[str, Any]:
    """Return the expected result of each doctored archive, by the finding that it was made for."""
    return dict(json.loads(EXPECTED_DOCTORED.read_text(encoding="utf-8")))


def judge_doctored(code: str, folder: Path, added: Collection[str] = ADDED) -> dict[str, Any]:
    """Unpack an archive, alter it, seal it again and judge it; returns what ``expected_doctored`` has of it."""
    name, alter = DOCTORED[code]
    golden = unpack(name, folder)
    alter(golden.path)
    golden.seal_again()
    result = golden.analyze()
    verdict = (golden.path / VERDICTS[0]).read_bytes()
    bare = _dump(_without(json.loads(verdict), added)) if added else verdict
    return {"analyze": result, "verdicts": digests({VERDICTS[0]: bare}), "found": found(json.loads(verdict))}


def expected() -> Mapping[str, Any]:
    """Return the expected result of each archive. ``tests/golden/README.md`` describes the fields."""
    return dict(json.loads(EXPECTED.read_text(encoding="utf-8")))


def unpack(name: str, folder: Path) -> Golden:
    """Unpack an archive into a folder."""
    with tarfile.open(GOLDEN / f"{name}{SUFFIX}") as archive:
        archive.extractall(folder, filter="data")
    return Golden(folder / name)


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the SHA-256 of each file."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def same(old: bytes, new: bytes, added: Collection[str] = ADDED) -> bool:
    """Return whether a verdict has the same bytes as before, apart from fields that were added on purpose.

    Args:
        old: As it was stored.
        new: As it is written today.
        added: Dotted paths, as in ``ADDED``.
    """
    return old == (_dump(_without(json.loads(new), added)) if added else new)


def found(verdict: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return verdict and finding codes of each cell of a run, or of each origin of a watch."""
    parts: dict[str, tuple[str, list[Any], list[Any]]]
    if "origins" in verdict:
        parts = {each["url"]: (each["trial"]["verdict"], [], [each["trial"]]) for each in verdict["origins"]}
    else:
        parts = {each["id"]: (each["verdict"], each["findings"], each["trials"]) for each in verdict["cells"]}
    return {
        name: {"verdict": answer, "findings": sorted({each["code"] for each in _all(findings, trials)})}
        for name, (answer, findings, trials) in parts.items()
    }


def outcomes(migration: Mapping[str, Any]) -> dict[str, str]:
    """Return the outcome of each cell of a migration."""
    return {f"{pair['configuration']}--{pair['change']}": pair["outcome"] for pair in migration["pairs"]}


def _all(findings: list[dict[str, Any]], trials: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield from findings
    for trial in trials:
        yield from trial["findings"]


def _without(value: Any, added: Collection[str], path: str = "") -> Any:
    if isinstance(value, list):
        return [_without(each, added, path) for each in value]
    if not isinstance(value, dict):
        return value
    inner = {key: f"{path}.{key}" if path else key for key in value}
    return {key: _without(each, added, inner[key]) for key, each in value.items() if inner[key] not in added}


def _dump(value: Any) -> bytes:
    """Write JSON as verdicts are written; a verdict that is read and written so has the same bytes."""
    return (json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()
