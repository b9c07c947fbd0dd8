"""The role of a Locust process: it sends alone, leads workers, or is a worker.

Locust starts and stops users; the role starts and stops sessions. So it does not matter if Locust moves a user to
another worker, or starts a second one in the same process.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import gevent
from locust.runners import MasterRunner, WorkerRunner

from harness.traffic.class_plan import destination, plan_of_class
from harness.traffic.locust_session import LocustSession
from harness.traffic.plan import VARIABLE, read_plan
from harness.traffic.session import SessionCommands

_log = logging.getLogger(__name__)


class Role(Protocol):
    """The work of a user in this process."""

    def serve_user(self, user: Any) -> str:
        """Wait while the traffic of the user's class runs.

        Returns:
            The reason for an early end; empty for none.
        """


def role_of(environment: Any, classes: Callable[[], list[Any]], commands_fd: int) -> Role:
    """Return the role of this process.

    Args:
        environment: Locust's environment.
        classes: Returns our user classes that Locust runs.
        commands_fd: Descriptor of the parent's commands; -1 without a parent.
    """
    if isinstance(environment.runner, MasterRunner):
        from harness.traffic.distributed.master_role import MasterRole  # noqa: PLC0415 - a process that sends alone starts without it

        return MasterRole(environment, classes, commands_fd)
    if isinstance(environment.runner, WorkerRunner):
        from harness.traffic.distributed.worker_role import WorkerRole  # noqa: PLC0415 - see above

        return WorkerRole(environment)
    return SoleRole(environment, classes, commands_fd)


class SoleRole:
    """The only process: it sends the plan of its parent, or of the user's class."""

    def __init__(self, environment: Any, classes: Callable[[], list[Any]], commands_fd: int) -> None:
        self._environment = environment
        self._classes = classes
        self._commands_fd = commands_fd
        self._running: dict[type, LocustSession] = {}
        self._tested = False
        environment.events.test_start.add_listener(self._on_start)
        environment.events.test_stopping.add_listener(self._on_stopping)
        # Locust computes its exit code right after this event, and must know the last loss by then.
        environment.events.quitting.add_listener(self._on_quitting)

    def serve_user(self, user: Any) -> str:
        """Begin the traffic of the user's class, unless another user did, and wait for its end."""
        kind = type(user)
        if kind not in self._running:
            self._running[kind] = self._begin(user)
        self._running[kind].wait()
        return self._running[kind].failure

    def _begin(self, user: Any) -> LocustSession:
        commands = SessionCommands()
        if self._commands_fd >= 0:
            gevent.spawn(commands.follow, self._commands_fd)
            plan = read_plan(Path(os.environ[VARIABLE]))
        else:
            plan = plan_of_class(user, user.host)
            commands.begin(*destination(user.host))
        return LocustSession(plan, commands, self._environment.runner.stats)

    def _on_start(self, **_: Any) -> None:
        self._tested = True
        self._running.clear()

    def _on_stopping(self, **_: Any) -> None:
        for running in tuple(self._running.values()):
            running.end()

    def _on_quitting(self, **_: Any) -> None:
        """End the traffic. Fail if the traffic of a class never began, since Locust may start no user of a class."""
        self._on_stopping()
        if self._commands_fd >= 0 or not self._tested:
            return
        for kind in self._classes():
            if kind not in self._running:
                _log.error("%s sent no request: Locust started no user of it, or the user failed.", kind.__name__)
                self._environment.process_exit_code = 1
