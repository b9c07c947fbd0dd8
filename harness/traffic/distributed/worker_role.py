"""The role of a Locust worker."""

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
from harness.traffic.distributed.worker_launch import WORKER_VARIABLE, WorkerSettings
from harness.traffic.event_log import EventLog, OnEvent
from harness.traffic.locust_session import LocustSession
from harness.traffic.plan import TrafficChildPlan
from harness.traffic.session import SessionCommands

#: Seconds that a worker waits for Locust to end it after its work.
_QUIT_SECONDS = 20.0


class WorkerRole:
    """A worker: it gets its share from its master, and begins and ends by the master's commands."""

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
            settings = from_json(WorkerSettings, json.loads(os.environ[WORKER_VARIABLE]))
            report = EventLog(settings.directory / "worker.jsonl").record if settings.apart else _ignore
            self._begin(settings, report).link(lambda _: self._leave())
        else:
            events.test_start.add_listener(self._on_start)

    def serve_user(self, user: Any) -> str:
        """Ask for a share, unless this process has one, and wait until it is complete."""
        if self._working is None:
            self._begin(WorkerSettings(directory=Path(user.out) / f"worker-{os.getpid()}"), _ignore)
        self._working.join()
        return self._worker.failure if self._worker is not None else ""

    def _begin(self, settings: WorkerSettings, report: Callable[..., None]) -> Any:
        self._worker = Worker(RunnerChannel(self._runner), settings, run=self._run, report=report)
        self._working = gevent.spawn(self._worker.work)
        return self._working

    def _run(self, plan: TrafficChildPlan, commands: SessionCommands, heard: OnEvent) -> LocustSession:
        return LocustSession(plan, commands, self._runner.stats, heard)

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
        """End the process after the work, with the exit code of the result."""
        failed = self._worker is None or self._worker.failure
        self._environment.process_exit_code = 1 if failed else 0
        gevent.spawn_later(0 if failed else _QUIT_SECONDS, self._runner.quit)


def _ignore(_event: str, **_facts: str | float) -> None:
    """Ignore an event."""
