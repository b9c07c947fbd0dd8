"""Which part a Locust process plays: it sends alone, leads workers, or is one of them.

Locust starts and stops users; sessions are begun and ended here. So a user that Locust moves to another worker, or a
second one in the same process, changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import gevent
from locust.runners import MasterRunner, WorkerRunner

from harness.traffic.class_plan import destination, plan_of_class
from harness.traffic.plan import VARIABLE, read_plan
from harness.traffic.running import Running
from harness.traffic.session import Commands


class Role(Protocol):
    """What a user of ours in this process does."""

    def take_part(self, user: Any) -> str:
        """Wait as long as the traffic of the user's class runs.

        Returns:
            Why it ended early; nothing if it did not.
        """


def role_of(environment: Any, classes: Callable[[], list[Any]], commands_fd: int) -> Role:
    """The part of this process.

    Args:
        environment: Locust's.
        classes: Our user classes that are to run.
        commands_fd: The parent's commands; -1 where there is no parent.
    """
    if isinstance(environment.runner, MasterRunner):
        from harness.traffic.distributed.master_role import Leading  # noqa: PLC0415 - a process that sends alone starts without it

        return Leading(environment, classes, commands_fd)
    if isinstance(environment.runner, WorkerRunner):
        from harness.traffic.distributed.worker_role import Following  # noqa: PLC0415 - see above

        return Following(environment)
    return Alone(environment, commands_fd)


class Alone:
    """The only process: it sends what its parent says, or what the user's class says."""

    def __init__(self, environment: Any, commands_fd: int) -> None:
        self._environment = environment
        self._commands_fd = commands_fd
        self._running: dict[type, Running] = {}
        environment.events.test_start.add_listener(lambda **_: self._running.clear())
        environment.events.test_stopping.add_listener(self._on_stopping)
        # Locust reckons its exit code right after this one: by then it must know of the last loss.
        environment.events.quitting.add_listener(self._on_stopping)

    def take_part(self, user: Any) -> str:
        """Begin the traffic of the user's class, unless another user has, and wait for its end."""
        kind = type(user)
        if kind not in self._running:
            self._running[kind] = self._begin(user)
        self._running[kind].wait()
        return self._running[kind].failure

    def _begin(self, user: Any) -> Running:
        commands = Commands()
        if self._commands_fd >= 0:
            gevent.spawn(commands.follow, self._commands_fd)
            plan = read_plan(Path(os.environ[VARIABLE]))
        else:
            plan = plan_of_class(user, user.host)
            commands.begin(*destination(user.host))
        return Running(plan, commands, self._environment.runner.stats)

    def _on_stopping(self, **_: Any) -> None:
        for running in tuple(self._running.values()):
            running.end()
