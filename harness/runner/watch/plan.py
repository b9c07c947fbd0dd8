"""Records of a watch's plan and end, as sealed in ``watch.json`` and ``end.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.model.counted import KeepOk
from harness.model.experiment import TrafficPlan
from harness.store.rundir import RunDirectory, TrialDirectory

#: The plan's file; its presence distinguishes a watch's directory from a run's.
PLAN = "watch.json"
END = "end.json"


@dataclass(frozen=True, slots=True)
class Origin:
    """A scheme, host and port with the traffic that goes there.

    Attributes:
        url: URL without a path: ``http://shop.example:8080``.
        host: Host name or IP address.
        port: TCP port.
        traffic: Traffic with a route for every path given with this origin.
    """

    url: str
    host: str
    port: int
    traffic: TrafficPlan


@dataclass(frozen=True, slots=True)
class WatchPlan:
    """The content of ``watch.json``.

    Attributes:
        urls: The URLs as the user wrote them.
        origins: The origins of these URLs; each has a sender of its own.
        seconds: Duration of the traffic; 0 means until an interruption.
        workers: Number of sending processes per origin.
        command: Command line of the watch.
        started: Start of the watch, ISO 8601, UTC.
        environment: Machine, system and versions.
        keep_ok: Which right answers far from any loss stay in the ledgers; earlier harnesses kept all.
    """

    urls: tuple[str, ...]
    origins: tuple[Origin, ...]
    seconds: float
    workers: int
    command: str
    started: str
    environment: Mapping[str, str]
    keep_ok: KeepOk = KeepOk.ALL


@dataclass(frozen=True, slots=True)
class WatchEnd:
    """The content of ``end.json``.

    Attributes:
        interrupted: Ctrl-C, SIGTERM or SIGHUP ended the watch before its time was up.
    """

    interrupted: bool = False


def directory_of(run: RunDirectory, number: int) -> TrialDirectory:
    """Return the folder of an origin's evidence (counted from 1), laid out like a trial's."""
    return TrialDirectory(run.path / "origins" / str(number))


def is_watch(path: Path) -> bool:
    """Return True if a run directory belongs to a watch."""
    return (path / PLAN).is_file()
