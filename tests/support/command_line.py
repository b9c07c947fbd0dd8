"""The real command line as a child process, with a check that none of its processes is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.findings.registry import TYPES, WEIGHTS
from harness.kit.waiting import wait_until
from harness.model.verdict import Weight
from harness.store.timeline import read_timeline

ROOT = Path(__file__).parents[2]
MARK = "HARNESS_E2E_MARK"
#: Seconds; more than any command of these tests takes, but for a table of cells, however busy the machine is.
PATIENCE = 600
#: Codes of findings that do not affect a verdict.
NOTES = frozenset(code for code in TYPES if WEIGHTS[code] is Weight.NOTE)


def reached(trial: Path, phase: str) -> bool:
    """Return True if a trial's timeline says that a phase has begun."""
    path = trial / "timeline.jsonl"
    return path.exists() and any(event.kind == "phase" and event.subject == phase for event in read_timeline(path))


@dataclass(frozen=True)
class Finished:
    """The result of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Return the last line of its standard output, as JSON."""
        return json.loads(self.out.splitlines()[-1])

    @property
    def result(self) -> str:
        """Return what a failed test must show: exit code, verdicts, findings and reasons, then standard error.

        The summary of a test run shows the first 100 characters or so, so these have the verdicts and codes.
        """
        try:
            found = self.json
        except (ValueError, IndexError):
            found = None
        lines = [line.strip() for line in self.err.splitlines() if line.strip()] or ["nothing on standard error"]
        errors = [line for line in lines if line.startswith("error:")] or lines[-1:]
        verdicts = _verdicts(found) if isinstance(found, dict) else ""
        return "\n".join([f"exit {self.code}: {verdicts or errors[0]}", *_reasons(found), self.err])


@dataclass
class CommandLine:
    """A runner of ``harness`` with a mark in its environment, by which its descendants are found.

    Attributes:
        folder: The current directory of commands.
        mark: The value of the mark.
        finished: The results of all commands that have ended, in their order.
    """

    folder: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    finished: list[Finished] = field(default_factory=list)

    def start(self, *args: str | Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start ``harness`` in the test's folder."""
        return self.start_command([sys.executable, "-m", "harness", *map(str, args)], env=env)

    def start_command(self, argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start any command in the test's folder, in its own session."""
        return subprocess.Popen(
            argv,
            cwd=self.folder,
            env={**os.environ, MARK: self.mark, "COLUMNS": "200", **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *args: str | Path, timeout: float = PATIENCE, env: Mapping[str, str] | None = None) -> Finished:
        """Run a command to its end."""
        process = self.start(*args, env=env)
        return self.finish(process, timeout)

    def finish(self, process: subprocess.Popen[str], timeout: float = PATIENCE) -> Finished:
        """Wait for the end of a command."""
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=PATIENCE)
            pytest.fail(f"not done after {timeout} s:\n{out}\n{err}")
        self.finished.append(Finished(process.returncode, out, err))
        return self.finished[-1]

    def processes(self) -> dict[int, str]:
        """Return pid and command line of every live process with the mark."""
        wanted = f"{MARK}={self.mark}".encode()
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            # nginx writes its title over its environment; it works in a folder of the run's.
            if wanted not in _read(entry / "environ").split(b"\0") and not self._is_inside(entry / "cwd"):
                continue
            if _read(entry / "stat").rpartition(b")")[2].split()[:1] not in ([b"Z"], [b"X"], []):
                found[int(entry.name)] = _read(entry / "cmdline").replace(b"\0", b" ").decode(errors="replace")
        return found

    def titled(self, title: str) -> list[int]:
        """Every live process that carries the mark and that the kernel calls so."""
        wanted = f"{title}\n".encode()
        return [pid for pid in self.processes() if _read(Path(f"/proc/{pid}/comm")) == wanted]

    def _is_inside(self, link: Path) -> bool:
        try:
            return str(link.readlink()).startswith(f"{self.folder}/")
        except OSError:
            return False

    def wait_for_none(self, timeout: float = PATIENCE) -> None:
        """Wait until no process with the mark is left."""
        wait_until(lambda: not self.processes(), timeout=timeout, what=lambda: f"these to go: {self.processes()}")


def short(cell: Mapping[str, Any]) -> str:
    """Return verdict, losses and findings of a cell or a watch in few words. Findings that are notes are left out."""
    name = cell.get("change", "watch")
    if "outcome" in cell:
        return f"{name} {cell['outcome']}"
    codes = ",".join(code for code in cell.get("findings", ()) if code not in NOTES)
    return f"{name} {cell.get('verdict')} lost {cell.get('lost')} [{codes}]"


def _verdicts(found: Mapping[str, Any]) -> str:
    """Return the verdicts of the object that a command printed; empty if it has none."""
    cells = found.get("cells", found.get("pairs", [found] if "verdict" in found else []))
    return "; ".join(map(short, cells))


def _reasons(found: object) -> list[str]:
    """Return the findings and numbers that affect the verdicts of a run, from its directory."""
    path = Path(str(found.get("directory"))) / "verdict.json" if isinstance(found, dict) else Path()
    if not path.is_file():
        return []
    cells = json.loads(path.read_text(encoding="utf-8")).get("cells", [])
    parts = [(cell["id"], part) for cell in cells for part in (cell, *cell["trials"])]
    return [
        f"{name}: {each['code']} {json.dumps(each['numbers'])}"
        for name, part in parts
        for each in part["findings"]
        if each["code"] not in NOTES
    ]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
