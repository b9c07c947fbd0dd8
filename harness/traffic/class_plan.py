"""The plan of a user class that plain ``locust`` runs: the class's traffic, sent to ``--host``."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from harness.errors import HarnessError
from harness.kit.files import clear_disk_errors
from harness.kit.web_address import has_login, web_address
from harness.model.experiment import Route, Tls, TrafficPlan
from harness.traffic.plan import TrafficChildPlan, WorkerGroup


class UserClass(Protocol):
    """A user class, or one of its users."""

    traffic: TrafficPlan
    out: Path


def plan_of_class(user: UserClass, host: str | None, crew: WorkerGroup | None = None) -> TrafficChildPlan:
    """Build the plan, with a new folder for its files.

    Args:
        user: The class.
        host: ``http://`` or ``https://`` with a name; its path is ignored.
        crew: The workers that share it; None for none.

    Raises:
        HarnessError: The host or a route is invalid, or the folder cannot be made.
    """
    destination(host)
    traffic = user.traffic
    for route in traffic.routes:
        if not isinstance(route, Route):
            raise HarnessError(f"The traffic has {route!r} in its routes.", hint=f"Write Route({route!r}).")
    tls = (traffic.tls or Tls()) if urlsplit(host or "").scheme == "https" else None
    return TrafficChildPlan(
        traffic=replace(traffic, tls=tls),
        answers={route.key: route.answers for route in traffic.routes},
        directory=_new_folder(Path(user.out)),
        crew=crew,
    )


def destination(host: str | None) -> tuple[str, int]:
    """Return name and port of Locust's ``--host``.

    Raises:
        HarnessError: It is not an ``http://`` or ``https://`` address.
    """
    hint = "Use --host http://HOST:PORT, or enter it in Locust's web page."
    try:
        if has_login(host or ""):
            raise HarnessError("The host has a user name and a password, which no request would have.", hint=hint)
        address = web_address(host or "")
    except ValueError as error:
        raise HarnessError(f"The host {host or ''!r} is no http:// or https:// address: {error}.", hint=hint) from None
    return address.host, address.port


def _new_folder(parent: Path) -> Path:
    """Make a folder that no other run has, even one that started in the same second."""
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
