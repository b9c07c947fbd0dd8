"""The plan of a user class that is run by plain ``locust``: what its author wrote, sent to ``--host``."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from harness.errors import HarnessError
from harness.kit.files import clear_disk_errors
from harness.model.experiment import Tls, TrafficPlan
from harness.traffic.plan import Crew, TrafficChildPlan

_PORTS = {"http": 80, "https": 443}


class UserClass(Protocol):
    """A user class, or one of its users."""

    traffic: TrafficPlan
    out: Path


def plan_of_class(user: UserClass, host: str | None, crew: Crew | None = None) -> TrafficChildPlan:
    """The plan, with a new folder for its files.

    Args:
        user: What is sent.
        host: ``http://`` or ``https://`` with a name; the path of it is not used.
        crew: Who shares it; None if nobody does.

    Raises:
        HarnessError: The host is none, or the folder can't be made.
    """
    destination(host)
    traffic = user.traffic
    tls = (traffic.tls or Tls()) if urlsplit(host or "").scheme == "https" else None
    return TrafficChildPlan(
        traffic=replace(traffic, tls=tls),
        answers={route.key: route.answers for route in traffic.routes},
        directory=_new_folder(Path(user.out)),
        crew=crew,
    )


def destination(host: str | None) -> tuple[str, int]:
    """Name and port of a host as Locust is given it.

    Raises:
        HarnessError: It is no ``http://`` or ``https://`` address.
    """
    parts = urlsplit(host or "")
    try:
        port = parts.port or _PORTS[parts.scheme]
    except (KeyError, ValueError):
        port = 0
    if not parts.hostname or not port:
        raise HarnessError(
            f"The host {host or ''!r} is no http:// or https:// address.",
            hint="Use --host http://HOST:PORT, or say it in Locust's web page.",
        )
    return parts.hostname, port


def _new_folder(parent: Path) -> Path:
    """A folder that no other run has, however soon they follow each other."""
    name = time.strftime("locust-%Y%m%d-%H%M%S")
    with clear_disk_errors(parent):
        parent.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            path = parent / (name if number == 1 else f"{name}-{number}")
            try:
                path.mkdir()
            except FileExistsError:
                continue
            return path
    raise AssertionError
