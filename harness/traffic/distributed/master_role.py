"""The role of a Locust master."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
from locust.runners import STATE_MISSING

from harness.errors import HarnessError
from harness.traffic.class_plan import destination, plan_of_class
from harness.traffic.distributed.channel import RunnerChannel
from harness.traffic.distributed.local_workers import LocalWorkers
from harness.traffic.distributed.master import Master
from harness.traffic.distributed.worker_launch import worker_command
from harness.traffic.plan import VARIABLE, WorkerGroup, read_plan
from harness.traffic.session import SessionCommands

_log = logging.getLogger(__name__)
#: Addresses that a master can listen at, but that nobody can connect to.
_ANY = {"*", "0.0.0.0", "::", ""}  # noqa: S104 - it is compared, not bound


class MasterRole:
    """The master of several workers, for a parent's plan or for a user class that plain ``locust`` runs."""

    def __init__(self, environment: Any, classes: Callable[[], list[Any]], commands_fd: int) -> None:
        self._environment = environment
        self._runner = environment.runner
        self._classes = classes
        self._commands = SessionCommands()
        self._master: Master | None = None
        self._leading: Any = None
        self._workers: LocalWorkers | None = None
        for kind in Master.KINDS:
            self._runner.register_message(str(kind), self._listener(kind))
        environment.events.quitting.add_listener(self._on_stopping)
        if commands_fd >= 0:
            gevent.spawn(self._lead_for_parent, commands_fd)
            return
        options = environment.parsed_options
        if options.num_users is None:
            # The intention is one user in each worker.
            options.num_users = options.spawn_rate = max(1, options.expect_workers)
        environment.events.test_start.add_listener(self._on_start)
        environment.events.test_stopping.add_listener(self._on_stopping)

    def serve_user(self, user: Any) -> str:
        """Raise: a master has no users."""
        raise NotImplementedError(user)

    def _listener(self, kind: str) -> Callable[..., None]:
        def listen(msg: Any, **_: Any) -> None:
            if self._master is not None:
                self._master.listeners()[kind](msg.node_id, msg.data)

        return listen

    def _lead_for_parent(self, commands_fd: int) -> None:
        plan = read_plan(Path(os.environ[VARIABLE]))
        assert plan.crew is not None
        for kind in self._classes():
            kind.fixed_count = plan.crew.size
        gevent.spawn(self._commands.follow, commands_fd)
        self._master = Master(RunnerChannel(self._runner), plan, self._commands, reason_lost=self._reason_lost)
        host = plan.crew.bind[0]
        command = worker_command(
            self._environment.parsed_options.locustfile,
            "127.0.0.1" if host in _ANY else host,
            self._runner.server.port,
            patience=self._environment.stop_timeout,
        )
        self._workers = LocalWorkers(plan.crew.local, command, plan.directory)
        self._leading = gevent.spawn(self._master.lead)
        self._leading.join()
        self._environment.process_exit_code = 1 if self._master.failure else 0
        self._runner.quit()
        self._workers.end()

    def _on_start(self, **_: Any) -> None:
        """Begin under plain ``locust``: as many workers as users share the class's traffic."""
        kinds, runner = self._classes(), self._runner
        if not kinds:
            return
        if len(kinds) > 1:
            names = ", ".join(kind.__name__ for kind in kinds)
            self._give_up(f"Workers share the traffic of one class, not of {names}. Name one on the command line.")
            return
        size = max(1, min(runner.target_user_count, runner.worker_count))
        kinds[0].fixed_count = size
        host = self._environment.host or kinds[0].host
        try:
            plan = plan_of_class(kinds[0], host, WorkerGroup(local=0, remote=size))
        except HarnessError as error:
            self._give_up(f"The traffic cannot begin: {error}")
            return
        self._commands = SessionCommands()
        self._commands.begin(*destination(host))
        self._master = Master(RunnerChannel(runner), plan, self._commands, reason_lost=self._reason_lost)
        self._leading = gevent.spawn(self._lead_for_class, self._master)

    def _lead_for_class(self, master: Master) -> None:
        master.lead()
        if master.failure:
            self._give_up(f"The traffic ended early: {master.failure}")

    def _give_up(self, text: str) -> None:
        """End the process, or only the test while a web page is open."""
        _log.error(text)
        self._environment.process_exit_code = 1
        # From another greenlet, since both wait for this one.
        gevent.spawn(self._runner.quit if self._environment.web_ui is None else self._runner.stop)

    def _on_stopping(self, **_: Any) -> None:
        self._commands.end()
        if self._leading is not None:
            self._leading.join()

    def _reason_lost(self, client: str, number: int) -> str:
        """Return the reason why a worker is lost; empty if it is not."""
        trouble = self._workers.reason_ended(number) if self._workers is not None else ""
        if trouble or not client:
            return trouble
        node = self._runner.clients.get(client)
        if node is None:
            return "has left"
        return "sends no heartbeats" if node.state == STATE_MISSING else ""
