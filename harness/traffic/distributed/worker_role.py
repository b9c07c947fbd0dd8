"""A Locust worker among the roles: it has its share from its master, and begins and ends when that says so."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gevent

from harness.store.records import from_json
from harness.traffic.distributed.channel import RunnerChannel
from harness.traffic.distributed.worker import Worker
from harness.traffic.distributed.worker_launch import WORKER_VARIABLE, WorkerTerms
from harness.traffic.event_log import Heard, Journal
from harness.traffic.plan import TrafficChildPlan
from harness.traffic.running import Running
from harness.traffic.session import Commands

#: Seconds that a worker which is done waits for Locust's own farewell.
_FAREWELL = 20.0


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
