"""Which part a Locust process plays: it sends alone, leads workers, or is one of them.

Locust starts and stops users; sessions are begun and ended here. So a user that Locust moves to another worker, or a
second one in the same process, changes nothing.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import gevent
from locust.exception import RPCError
from locust.runners import STATE_MISSING, MasterRunner, WorkerRunner

from harness.errors import HarnessError
from harness.store.records import from_json
from harness.traffic.class_plan import destination, plan_of_class
from harness.traffic.journal import Heard, Journal
from harness.traffic.local_workers import LocalWorkers
from harness.traffic.master import Master
from harness.traffic.plan import VARIABLE, Crew, TrafficChildPlan, read_plan
from harness.traffic.running import Running
from harness.traffic.session import Commands
from harness.traffic.terms import WORKER_VARIABLE, WorkerTerms, worker_command
from harness.traffic.worker import Worker

_log = logging.getLogger(__name__)
#: Seconds that a worker which is done waits for Locust's own farewell.
_FAREWELL = 20.0
#: Addresses at which a master listens that are none to connect to.
_ANY = {"*", "0.0.0.0", "::", ""}  # noqa: S104 - it is compared, not bound


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
        return Leading(environment, classes, commands_fd)
    if isinstance(environment.runner, WorkerRunner):
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


class RunnerChannel:
    """Locust's runner as a channel whose hiccups are logged; what matters is said again."""

    def __init__(self, runner: Any) -> None:
        self._runner = runner

    def send_message(self, msg_type: str, data: dict[str, Any] | None = None, client_id: str | None = None) -> None:
        """Send a message."""
        try:
            self._runner.send_message(str(msg_type), data, client_id)
        except RPCError as error:
            _log.warning("A message could not be sent: %s", error)


class Leading:
    """The master of several workers: by a parent's plan, or for a user's class that plain ``locust`` runs."""

    def __init__(self, environment: Any, classes: Callable[[], list[Any]], commands_fd: int) -> None:
        self._environment = environment
        self._runner = environment.runner
        self._classes = classes
        self._commands = Commands()
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
            # One user in each worker is what is meant.
            options.num_users = options.spawn_rate = max(1, options.expect_workers)
        environment.events.test_start.add_listener(self._on_start)
        environment.events.test_stopping.add_listener(self._on_stopping)

    def take_part(self, user: Any) -> str:
        """Never asked: a master has no users."""
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
        self._master = Master(RunnerChannel(self._runner), plan, self._commands, trouble_of=self._trouble_of)
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
        """Plain ``locust`` begins: as many workers as there are to be users share the class's traffic."""
        kinds, runner = self._classes(), self._runner
        if not kinds:
            return
        if len(kinds) > 1:
            _log.error("Only %s is run: workers share the traffic of one class. Name it on the command line.", kinds[0])
        size = max(1, min(runner.target_user_count, runner.worker_count))
        kinds[0].fixed_count = size
        host = self._environment.host or kinds[0].host
        try:
            plan = plan_of_class(kinds[0], host, Crew(local=0, remote=size))
        except HarnessError as error:
            self._give_up(f"The traffic can't begin: {error}")
            return
        self._commands = Commands()
        self._commands.begin(*destination(host))
        self._master = Master(RunnerChannel(runner), plan, self._commands, trouble_of=self._trouble_of)
        self._leading = gevent.spawn(self._lead_for_class, self._master)

    def _lead_for_class(self, master: Master) -> None:
        master.lead()
        if master.failure:
            self._give_up(f"The traffic ended early: {master.failure}")

    def _give_up(self, text: str) -> None:
        """End what can't go on: the process, or where a web page is open the test alone."""
        _log.error(text)
        self._environment.process_exit_code = 1
        # Not from this greenlet: both wait for it.
        gevent.spawn(self._runner.quit if self._environment.web_ui is None else self._runner.stop)

    def _on_stopping(self, **_: Any) -> None:
        self._commands.end()
        if self._leading is not None:
            self._leading.join()

    def _trouble_of(self, client: str, number: int) -> str:
        """Why a worker is lost; empty if it is not."""
        trouble = self._workers.trouble(number) if self._workers is not None else ""
        if trouble or not client:
            return trouble
        node = self._runner.clients.get(client)
        if node is None:
            return "has left"
        return "gives no sign of life" if node.state == STATE_MISSING else ""


class Following:
    """A worker: it has its share from its master, and begins and ends when that says so."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self._runner = environment.runner
        self._worker: Worker | None = None
        self._working: Any = None
        self._is_led = WORKER_VARIABLE in os.environ
        for kind in Worker.KINDS:
            self._runner.register_message(str(kind), self._listener(kind))
        events = environment.events
        events.heartbeat_received.add_listener(self._on_heartbeat)
        events.test_stopping.add_listener(self._on_stopping)
        events.quitting.add_listener(self._on_stopping)
        if self._is_led:
            terms = from_json(WorkerTerms, json.loads(os.environ[WORKER_VARIABLE]))
            tell = Journal(terms.directory / "worker.jsonl").record if terms.apart else _silence
            self._begin(terms, tell).link(lambda _: self._leave())
        else:
            events.test_start.add_listener(self._on_start)

    def take_part(self, user: Any) -> str:
        """Ask for a share, unless this process has one, and wait until it is done."""
        if self._working is None:
            self._begin(WorkerTerms(directory=Path(user.out) / f"worker-{os.getpid()}"), _silence)
        self._working.join()
        return self._worker.failure if self._worker is not None else ""

    def _begin(self, terms: WorkerTerms, tell: Callable[..., None]) -> Any:
        self._worker = Worker(RunnerChannel(self._runner), terms, run=self._run, tell=tell)
        self._working = gevent.spawn(self._worker.work)
        return self._working

    def _run(self, plan: TrafficChildPlan, commands: Commands, heard: Heard) -> Running:
        return Running(plan, commands, self._runner.stats, heard)

    def _listener(self, kind: str) -> Callable[..., None]:
        def listen(msg: Any, **_: Any) -> None:
            if self._worker is not None:
                data: Mapping[str, Any] = msg.data
                self._worker.listeners()[kind](data)

        return listen

    def _on_heartbeat(self, **_: Any) -> None:
        if self._worker is not None:
            self._worker.heard_of_master()

    def _on_start(self, **_: Any) -> None:
        if self._working is not None and self._working.dead:
            self._worker = self._working = None

    def _on_stopping(self, **_: Any) -> None:
        if self._worker is not None:
            self._worker.leave()
            self._working.join()

    def _leave(self) -> None:
        """The work is done: end with Locust's farewell, or without it."""
        failed = self._worker is None or self._worker.failure
        self._environment.process_exit_code = 1 if failed else 0
        gevent.spawn_later(0 if failed else _FAREWELL, self._runner.quit)


def _silence(_event: str, **_facts: str | float) -> None:
    """Tell nobody."""
