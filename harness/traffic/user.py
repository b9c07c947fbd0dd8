"""The Locust user that loses nothing from sight: one of it holds a whole open loop with all its connections.

Subclass it in a locustfile (``locustfiles/steady.py`` is one to copy). Under ``harness run`` the Experiment says what
is sent, to where and when; under plain ``locust`` the class's own ``traffic`` does, to ``host``.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import gevent
from locust import User, events, task
from locust.exception import StopUser

from harness.errors import HarnessError
from harness.kit import streams
from harness.model.experiment import Route, TrafficPlan
from harness.traffic.distributed.roles import Role, role_of
from harness.traffic.distributed.worker_launch import WORKER_VARIABLE
from harness.traffic.plan import VARIABLE

_log = logging.getLogger(__name__)


def _take_standard_input() -> int:
    """Keep the pipe of commands for ourselves: Locust reads its standard input for keys."""
    commands = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return commands


if VARIABLE in os.environ or WORKER_VARIABLE in os.environ:
    # What a locustfile or Locust itself prints into a full log must not end the traffic.
    streams.secure()

#: The parent's commands, where there is a parent.
_COMMANDS_FD = _take_standard_input() if VARIABLE in os.environ else -1


class LosslessUser(User):
    """Sends ``traffic`` on its schedule and records every attempt.

    Attributes:
        traffic: What is sent when no Experiment says it.
        out: Folder for the ledger and its companions when no Experiment says it; each run has its own in it.
    """

    abstract = True
    fixed_count = 1
    traffic = TrafficPlan(rate=50, routes=(Route("/"),))
    out = Path("reports")

    @task
    def send(self) -> None:
        """The whole run; Locust's user has no other task, and this one is never begun a second time."""
        failure = "the traffic process failed"
        try:
            failure = _role(self.environment).take_part(self)
        except HarnessError as error:
            failure = str(error)
            _log.error("The traffic can't begin: %s", error)
        except Exception:  # noqa: BLE001 - Locust would log it and begin the task once more
            _log.exception("The traffic process failed.")
        _finish(self.environment, failure)
        raise StopUser


def _finish(environment: Any, failure: str) -> None:
    """End the process when its work is done; under plain ``locust`` only a failure does, where no web page is open."""
    if failure:
        environment.process_exit_code = 1
    # Not from this greenlet: quitting waits for it.
    if failure and environment.web_ui is not None:
        gevent.spawn(environment.runner.stop)
    elif failure or VARIABLE in os.environ:
        gevent.spawn(environment.runner.quit)


def _role(environment: Any) -> Role:
    """The part that this process plays: as it was when Locust began, or found out now where Locust is a library."""
    if environment not in _roles:
        _roles[environment] = role_of(environment, lambda: _classes(environment), _COMMANDS_FD)
    return _roles[environment]


def _classes(environment: Any) -> list[type[LosslessUser]]:
    """Our user classes that are to run."""
    return [kind for kind in environment.user_classes if issubclass(kind, LosslessUser)]


_roles: dict[Any, Role] = {}


@events.init.add_listener
def _on_init(environment: Any, **_: Any) -> None:
    _role(environment)
