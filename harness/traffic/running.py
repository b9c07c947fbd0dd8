"""A session in a greenlet of its own, so that Locust's users may come and go without touching it."""

from __future__ import annotations

import gc
import logging

import gevent
from locust.stats import RequestStats

from harness.errors import HarnessError
from harness.traffic.event_log import Heard
from harness.traffic.plan import TrafficChildPlan
from harness.traffic.session import Commands, Session
from harness.traffic.statistics import StatisticsFeed

_log = logging.getLogger(__name__)

#: How often Locust's statistics are brought up to date, in seconds.
_FEED_EVERY = 1.0


class Running:
    """A session that runs.

    Args:
        plan: What is sent.
        commands: When, and where to.
        stats: Locust's statistics.
        heard: Told of every event of the session's journal.

    Attributes:
        failure: Why it ended before it was told to; empty if it did not, or still runs.
    """

    def __init__(
        self, plan: TrafficChildPlan, commands: Commands, stats: RequestStats, heard: Heard | None = None
    ) -> None:
        self.failure = ""
        self.commands = commands
        self._plan = plan
        self._stats = stats
        self._heard = heard
        self._greenlet = gevent.spawn(self._run)

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return bool(self._greenlet.dead)

    def wait(self) -> None:
        """Wait for its end."""
        self._greenlet.join()

    def end(self) -> None:
        """Plan nothing more, and wait until what is under way is answered or lost."""
        self.commands.end()
        self.wait()

    def _run(self) -> None:
        try:
            self.failure = self._session()
        except HarnessError as error:
            self.failure = str(error)
        except Exception:  # noqa: BLE001 - a greenlet's end; what it was is in the log, that it was is said
            _log.exception("The traffic process failed.")
            self.failure = "the traffic process failed"
        if self.failure:
            _log.error("The traffic ended early: %s", self.failure)

    def _session(self) -> str:
        """Do the work; returns why it ended early, or nothing."""
        session = Session(self._plan, self.commands, self._heard)
        feed = StatisticsFeed(self._plan.directory / f"ledger-{self._plan.worker}.npy", self._plan.traffic, self._stats)
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


def _feed_forever(feed: StatisticsFeed, session: Session) -> None:
    while True:
        gevent.sleep(_FEED_EVERY)
        feed.feed(session.origin_ns)
