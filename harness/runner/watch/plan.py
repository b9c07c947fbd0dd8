"""What a watch was asked to do and how it ended, as both are sealed: ``watch.json`` and ``end.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.model.experiment import TrafficPlan
from harness.store.rundir import RunDirectory, TrialDirectory

#: The file that tells a watch's directory from a run's.
PLAN = "watch.json"
END = "end.json"


@dataclass(frozen=True, slots=True)
class Origin:
    """One scheme, host and port, and the traffic that goes there.

    Attributes:
        url: Without a path: ``http://shop.example:8080``.
        host: Its name or IP address.
        port: Its port.
        traffic: A route for every path that was given with this origin.
    """

    url: str
    host: str
    port: int
    traffic: TrafficPlan


@dataclass(frozen=True, slots=True)
class WatchPlan:
    """The content of ``watch.json``.

    Attributes:
        urls: As they were given.
        origins: Each gets a sender of its own.
        seconds: How long requests are planned for; 0 until it is ended.
        workers: Processes that send, for each origin.
        command: The command line.
        started: ISO 8601, UTC.
        environment: Machine, system and versions.
    """

    urls: tuple[str, ...]
    origins: tuple[Origin, ...]
    seconds: float
    workers: int
    command: str
    started: str
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class WatchEnd:
    """The content of ``end.json``.

    Attributes:
        interrupted: Whether it was ended by Ctrl-C, SIGTERM or SIGHUP rather than by its time.
    """

    interrupted: bool = False


def directory_of(run: RunDirectory, number: int) -> TrialDirectory:
    """The folder of an origin's evidence (counted from 1), laid out like a trial's."""
    return TrialDirectory(run.path / "origins" / str(number))


def is_watch(path: Path) -> bool:
    """Whether a run directory is that of a watch."""
    return (path / PLAN).is_file()
