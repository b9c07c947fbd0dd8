"""Collects the logs of a local cluster as evidence, and follows the event logs of its components."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.controllers.registry import INGRESS_CONTROLLERS
from harness.kit.files import copy_log, expendable
from harness.localkube.system.programs import INGRESS_PROGRAMS
from harness.model.timeline import Detail, Event, EventKind

ACCESS_LOG = "access.jsonl"
CONTROLLER_LOG = "ingress-controller.jsonl"

#: Seconds between two reads of a followed log.
_LOOK = 0.05


def collect_logs(logs: Path, destination: Path, ingress: str) -> None:
    """Copy the access log to ``destination``, and all other logs below ``destination/logs``.

    A controller with its own format of access logs has one log for each of its pods. They are merged into one, in the
    common format.

    A log that can't be written is left out: no verdict depends on it.
    """
    program, controller = INGRESS_PROGRAMS.get(ingress), INGRESS_CONTROLLERS.get(ingress)
    own = program.access_log if program is not None and program.access_log != ACCESS_LOG else ""
    written = sorted(logs.rglob(own)) if own else []
    if written and controller is not None:
        _translate(written, destination / ACCESS_LOG, controller.log.access)
    for source in sorted(path for path in logs.rglob("*") if path.is_file()):
        relative = source.relative_to(logs)
        if relative.name == own:
            continue
        target = destination / relative if relative == Path(ACCESS_LOG) else destination / "logs" / relative
        copy_log(source, target)


def _translate(sources: Iterable[Path], target: Path, access_line: Callable[[str], str]) -> None:
    """Write access logs as ``access.jsonl``. An incomplete last line is kept, marked as unreadable."""
    with expendable(target, remove=True):
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w", encoding="utf-8") as out:
            for source in sources:
                with source.open(encoding="utf-8", errors="replace") as lines:
                    out.writelines(access_line(line) + "\n" for line in lines)


def follow_ingress(log: Path, subject: str, stop: Callable[[], bool]) -> Iterator[Event]:
    """Yield the events in a log until ``stop()``. Events written before the stop are always included.

    Args:
        log: The event log of the ingress controller or of kube-proxy.
        subject: Subject of the events: the name of the component.
        stop: Called between two reads.
    """
    for line in follow_lines(log, stop):
        entry = json.loads(line)
        yield Event(
            at=int(entry["monotonic_ns"]),
            kind=EventKind.INGRESS,
            subject=subject,
            what=str(entry["what"]),
            detail=_flat(entry.get("detail")),
            exact_ns=int(entry.get("exact_ns", 0)),
        )


def follow_lines(path: Path, stop: Callable[[], bool]) -> Iterator[bytes]:
    """Yield whole lines of a growing file, which may not exist yet, until ``stop()``."""
    position = 0
    while True:
        last_look = stop()
        whole = _whole_lines(path, position)
        if whole:
            position += len(whole) + 1
            yield from whole.split(b"\n")
        if last_look:
            return
        time.sleep(_LOOK)


def _whole_lines(path: Path, position: int) -> bytes:
    """Return whole lines from a position on, without the last line end; empty if there is nothing new."""
    try:
        # Most reads find nothing new, and asking for the size is cheap.
        if path.stat().st_size == position:
            return b""
        with path.open("rb") as file:
            file.seek(position)
            return file.read().rpartition(b"\n")[0]
    except FileNotFoundError:
        return b""


def _flat(detail: Any) -> Detail:
    """Return any JSON value as a flat mapping for an event."""
    if detail is None or detail == "":
        return {}
    if not isinstance(detail, Mapping):
        return {"text": str(detail)}
    return {
        str(key): value if isinstance(value, str | int | float | bool) else json.dumps(value, sort_keys=True)
        for key, value in detail.items()
    }
