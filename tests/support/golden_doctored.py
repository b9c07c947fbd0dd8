"""Alter golden evidence to show a broken instrument or a blind spot, which no real run of the set has.

Each function alters an unpacked archive; sealed again, it is judged as if it had been recorded so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

Rows = Any
Lines = list[dict[str, Any]]

#: Outcomes, as ledgers have them.
UNFINISHED, OK, STATUS = 0, 1, 2
#: Shapes, as ledgers have them.
REUSED, SLOW = 1, 3
_MS = 1_000_000


def _ledger(file: Path, alter: Callable[[Rows], None]) -> None:
    rows = np.load(file, mmap_mode="r+")
    alter(rows)
    rows.flush()


def _lines(file: Path, alter: Callable[[Lines], Lines]) -> None:
    lines = alter([json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()])
    file.write_text("".join(json.dumps(line, sort_keys=True) + "\n" for line in lines), encoding="utf-8")


def _trial(run: Path, change: str) -> Path:
    (trial,) = run.glob(f"trials/*--{change}/1")
    return trial


def _calibration_is_gone(run: Path) -> None:
    (_trial(run, "blue-green") / "traffic" / "calibration-0.json").unlink()


def _calibration_differs(run: Path) -> None:
    def alter(rows: Rows) -> None:
        rows["outcome"][np.flatnonzero(rows["outcome"] == STATUS)[0]] = OK

    _ledger(_trial(run, "none") / "traffic" / "calibration-0.npy", alter)


def _slot_is_there_twice(run: Path) -> None:
    def alter(rows: Rows) -> None:
        rows["number"][5] = rows["number"][4]

    _ledger(_trial(run, "none") / "traffic" / "ledger-0.npy", alter)


def _end_is_unknown(run: Path) -> None:
    def alter(rows: Rows) -> None:
        rows["outcome"][20], rows["done"][20] = UNFINISHED, -1

    _ledger(_trial(run, "none") / "traffic" / "ledger-0.npy", alter)


def _nothing_was_sent(run: Path) -> None:
    ledger = _trial(run, "none") / "traffic" / "ledger-0.npy"
    np.save(ledger, np.load(ledger)[:0])


def _everything_is_late(run: Path) -> None:
    def alter(rows: Rows) -> None:
        for name in ("sent", "connected", "first_byte", "done"):
            rows[name][rows[name] >= 0] += 200 * _MS

    _ledger(_trial(run, "none") / "traffic" / "ledger-0.npy", alter)


def _connections_are_gone(run: Path) -> None:
    def alter(rows: Rows) -> None:
        rows["closed"][rows["shape"] == REUSED] = rows["connected"][rows["shape"] == REUSED] + 1
        rows["reason"][rows["shape"] == REUSED] = 1

    _ledger(_trial(run, "none") / "traffic" / "connections-0.npy", alter)


def _nothing_is_carried(run: Path) -> None:
    def alter(rows: Rows) -> None:
        rows["carried"] = 0

    _ledger(run / "origins" / "1" / "traffic" / "ledger-0.npy", alter)


def _slow_answers_are_fast(run: Path) -> None:
    def alter(rows: Rows) -> None:
        slow = rows["shape"] == SLOW
        rows["connected"][slow] = rows["first_byte"][slow] = rows["done"][slow] = rows["sent"][slow] + _MS

    _ledger(_trial(run, "ingress-edit") / "traffic" / "ledger-0.npy", alter)


def _idle_connections_rest_too_little(run: Path) -> None:
    path = run / "run.json"
    plan = json.loads(path.read_text(encoding="utf-8"))
    plan["experiment"]["traffic"]["idle"] = 60.0
    path.write_text(json.dumps(plan), encoding="utf-8")


def _during_the_change(kind: str, what: str, detail: Mapping[str, Any]) -> Callable[[Path], None]:
    """Return what adds an event right after a change was applied."""

    def alter(lines: Lines) -> Lines:
        at = next(n for n, line in enumerate(lines) if (line["kind"], line["what"]) == ("change", "applied")) + 1
        event = {"at": lines[at]["at"], "detail": detail, "exact_ns": 0, "kind": kind, "subject": "node", "what": what}
        return [*lines[:at], event, *lines[at:]]

    return lambda run: _lines(_trial(run, "blue-green") / "timeline.jsonl", alter)


def _clock_error(milliseconds: int) -> Callable[[Path], None]:
    """Return what makes the second worker one of another machine, whose clock is wrong by so much."""

    def alter(lines: Lines) -> Lines:
        return [
            {**line, "error_ns": milliseconds * _MS} if (line["event"], line.get("worker")) == ("clock", 1) else line
            for line in lines
        ]

    return lambda run: _lines(_trial(run, "none") / "traffic" / "traffic.jsonl", alter)


def _step_is_missing(run: Path) -> None:
    def alter(lines: Lines) -> Lines:
        return [line for line in lines if (line["what"], line["detail"].get("step")) != ("step-observed", 2)]

    _lines(_trial(run, "canary") / "timeline.jsonl", alter)


def _new_version_says_too_much(run: Path) -> None:
    def alter(lines: Lines) -> Lines:
        return [
            {**line, "text": "apple-v2".ljust(200, "!")} if line.get("text") == "apple-v2" else line for line in lines
        ]

    _lines(_trial(run, "canary") / "traffic" / "traffic.jsonl", alter)


def _old_version_answers_at_the_last_step(run: Path) -> None:
    traffic = _trial(run, "canary") / "traffic"
    events = [json.loads(line) for line in (traffic / "traffic.jsonl").read_text(encoding="utf-8").splitlines()]
    number = {line["text"]: line["number"] for line in events if line["event"] == "responder"}

    def alter(rows: Rows) -> None:
        new = np.flatnonzero((rows["responder"] == number["apple-v2"]) & (rows["route"] == 0))
        rows["responder"][new[-40:-20]] = number["apple-v1"]

    _ledger(traffic / "ledger-0.npy", alter)


def _sessions_have_no_good_answer(run: Path) -> None:
    def alter(rows: Rows) -> None:
        visitors = rows["route"] == 3
        rows["outcome"][visitors], rows["status"][visitors] = STATUS, 500

    _ledger(_trial(run, "by-weight-sticky") / "traffic" / "ledger-0.npy", alter)


#: By the finding that each is made for: the archive, and what is done to it.
DOCTORED: Mapping[str, tuple[str, Callable[[Path], None]]] = {
    "calibration-missing": ("hasty", _calibration_is_gone),
    "calibration-not-exact": ("hasty", _calibration_differs),
    "identity-broken": ("hasty", _slot_is_there_twice),
    "unfinished": ("hasty", _end_is_unknown),
    "no-traffic": ("hasty", _nothing_was_sent),
    "machine-saturated": ("hasty", _everything_is_late),
    "pool-not-filled": ("hasty", _connections_are_gone),
    "nothing-reused": ("watch", _nothing_is_carried),
    "nothing-under-way": ("slow-idle", _slow_answers_are_fast),
    "never-idle": ("slow-idle", _idle_connections_rest_too_little),
    "node-unwell": ("hasty", _during_the_change("node", "unwell", {"condition": "MemoryPressure", "found": False})),
    "watch-interrupted": ("hasty", _during_the_change("watch", "interrupted", {})),
    "clocks-compared": ("worker-died", _clock_error(2)),
    "clock-uncertain": ("worker-died", _clock_error(20)),
    "release-incomplete": ("releases", _step_is_missing),
    "version-untold": ("releases", _new_version_says_too_much),
    "share-not-as-asked": ("releases", _old_version_answers_at_the_last_step),
    "never-sticky": ("releases", _sessions_have_no_good_answer),
}
