"""The Locust user that loses nothing from sight: one of it holds a whole open loop with all its connections.

Subclass it in a locustfile (``locustfiles/steady.py`` is one to copy). Under ``harness run`` the Experiment says what
is sent, to where and when; under plain ``locust`` the class's own ``traffic`` does, to ``host``.
"""

from __future__ import annotations

import gc
import logging
import os
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gevent
from locust import User, events, task
from locust.exception import StopUser

from harness.errors import HarnessError
from harness.model.experiment import Route, TrafficPlan
from harness.traffic.plan import VARIABLE, TrafficChildPlan, read_plan
from harness.traffic.session import Commands, Session
from harness.traffic.statistics import StatisticsFeed

_log = logging.getLogger(__name__)

#: How often Locust's statistics are brought up to date, in seconds.
_FEED_EVERY = 1.0


def _take_standard_input() -> int:
    """Keep the pipe of commands for ourselves: Locust reads its standard input for keys."""
    commands = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return commands


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

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._commands = Commands()
        self._background: list[Any] = []
        events.test_stopping.add_listener(self._on_test_stopping)

    @task
    def send(self) -> None:
        """The whole run; Locust's user has no other task, and this one is never begun a second time."""
        failure = "the traffic process failed"
        try:
            failure = self._run(self._plan())
        except HarnessError as error:
            failure = str(error)
        except Exception:  # noqa: BLE001 - Locust would log it and begin the task once more
            _log.exception("The traffic process failed.")
        if failure:
            _log.error("The traffic ended early: %s", failure)
        self._quit(1 if failure else None)
        raise StopUser

    def _run(self, plan: TrafficChildPlan) -> str:
        """Do the work; returns why it ended early, or nothing."""
        session = Session(plan, self._commands)
        ledger = plan.directory / f"ledger-{plan.worker}.npy"
        feed = StatisticsFeed(ledger, plan.traffic, self.environment.runner.stats)
        # What Locust has loaded stays for good: without it, collecting garbage never holds up the schedule for long.
        gc.freeze()
        feeding = gevent.spawn(_feed_forever, feed, session)
        try:
            session.run()
        finally:
            feeding.kill()
            feed.feed(session.origin_ns)
            feed.close()
        return session.failure

    def _on_test_stopping(self, **_: Any) -> None:
        self._commands.end()

    def _plan(self) -> TrafficChildPlan:
        """The Experiment's plan, or one from the class."""
        if VARIABLE in os.environ:
            self._background.append(gevent.spawn(self._commands.follow, _COMMANDS_FD))
            return read_plan(Path(os.environ[VARIABLE]))
        parts = urlsplit(self.host or "")
        if parts.scheme != "http" or not parts.hostname:
            raise HarnessError(f"The host {self.host!r} is no http:// address.", hint="Use --host http://HOST:PORT.")
        self._commands.begin(parts.hostname, parts.port or 80)
        directory = self.out / time.strftime("locust-%Y%m%d-%H%M%S")
        return TrafficChildPlan(
            traffic=self.traffic,
            answers={route.path: route.answers for route in self.traffic.routes},
            directory=directory,
        )

    def _quit(self, code: int | None) -> None:
        """End the process when its work is done; under plain ``locust`` only a failure ends it."""
        for greenlet in self._background:
            greenlet.kill(block=False)
        if code is not None:
            self.environment.process_exit_code = code
        if code is not None or VARIABLE in os.environ:
            # Not from this greenlet: quitting waits for it.
            gevent.spawn(self.environment.runner.quit)


def _feed_forever(feed: StatisticsFeed, session: Session) -> None:
    while True:
        gevent.sleep(_FEED_EVERY)
        feed.feed(session.origin_ns)
