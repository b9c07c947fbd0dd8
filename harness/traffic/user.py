"""A Locust user that runs the whole open loop and accounts for every request.

Subclass it in a locustfile; ``locustfiles/steady.py`` is one to copy. Under ``harness run`` the Experiment decides
traffic, destination and times; under plain ``locust`` the class's own ``traffic`` goes to ``host``.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import gevent
from locust import User, constant, events, tag, task

from harness.errors import HarnessError
from harness.kit import streams
from harness.model.experiment import Route, TrafficPlan
from harness.traffic.distributed.roles import Role, role_of
from harness.traffic.distributed.worker_launch import WORKER_VARIABLE
from harness.traffic.plan import VARIABLE

_log = logging.getLogger(__name__)


def _take_standard_input() -> int:
    """Move the pipe of commands to another descriptor, since Locust reads keys from standard input."""
    commands = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return commands


if VARIABLE in os.environ or WORKER_VARIABLE in os.environ:
    # Output of a locustfile or of Locust to a full disk must not end the traffic.
    streams.secure()

#: Descriptor of the parent's commands; -1 without a parent.
_COMMANDS_FD = _take_standard_input() if VARIABLE in os.environ else -1


#: Seconds for which a user waits after its only task: longer than any run.
_FOREVER = 1e9


class LosslessUser(User):
    """Sends ``traffic`` on its schedule and records every attempt.

    Attributes:
        traffic: The traffic where no Experiment decides it.
        out: Parent of each run's folder with ledger and other files, where no Experiment decides it.
    """

    abstract = True
    fixed_count = 1
    traffic = TrafficPlan(rate=50, routes=(Route("/"),))
    out = Path("reports")
    # After its task, the user waits to be stopped. Locust logs an error for a user that has ended before.
    wait_time = constant(_FOREVER)

    @task
    def send(self) -> None:
        """Run the whole traffic. The user has no other task, and Locust never starts this one twice."""
        failure = "the traffic process failed"
        try:
            failure = _role(self.environment).serve_user(self)
        except HarnessError as error:
            failure = str(error)
            _log.error("The traffic cannot begin: %s", error)
        except Exception:  # noqa: BLE001 - Locust would log it and start the task again
            _log.exception("The traffic process failed.")
        _finish(self.environment, failure)


def _finish(environment: Any, failure: str) -> None:
    """End the process when its work is done; under plain ``locust`` only after a failure and without a web page."""
    if failure:
        environment.process_exit_code = 1
    # From another greenlet, since quitting waits for this one.
    if failure and environment.web_ui is not None:
        gevent.spawn(environment.runner.stop)
    elif failure or VARIABLE in os.environ:
        gevent.spawn(environment.runner.quit)


def _role(environment: Any) -> Role:
    """Return the role of this process. Determine it now if no init event did, as with Locust as a library."""
    if environment not in _roles:
        _roles[environment] = role_of(environment, lambda: _classes(environment), _COMMANDS_FD)
    return _roles[environment]


def _classes(environment: Any) -> list[type[LosslessUser]]:
    """Return our user classes that Locust runs."""
    return [kind for kind in environment.user_classes if issubclass(kind, LosslessUser)]


_roles: dict[Any, Role] = {}


def _keep_with_tags(options: Any) -> None:
    """Keep the traffic of a LosslessUser whatever ``--tags`` says: it chooses only among tasks of other users."""
    if wanted := set(getattr(options, "tags", None) or ()) - set(getattr(options, "exclude_tags", None) or ()):
        tag(*wanted)(LosslessUser.send)


def faults_of(kinds: Iterable[type[LosslessUser]]) -> list[str]:
    """Return a sentence for each user class that has further tasks.

    Locust chooses the first task of a user at random, and a further one could keep the traffic from ever beginning.
    """
    return [
        f"{kind.__name__} has further tasks: a LosslessUser sends only its traffic. Move them to another user class."
        for kind in kinds
        if any(each is not LosslessUser.send for each in kind.tasks)
    ]


@events.init.add_listener
def _on_init(environment: Any, **_: Any) -> None:
    if faults := faults_of(_classes(environment)):
        for fault in faults:
            _log.error("%s", fault)
        sys.exit(1)
    # The loop's clock stands still while files are imported, and Locust would take that time from --run-time.
    gevent.get_hub().loop.update_now()
    _keep_with_tags(environment.parsed_options)
    _role(environment)
