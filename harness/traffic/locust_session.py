"""A session in its own greenlet, independent of the start and stop of Locust's users."""

from __future__ import annotations

import gc
import logging

import gevent
from locust.stats import RequestStats

from harness.errors import HarnessError
from harness.traffic.event_log import OnEvent
from harness.traffic.plan import TrafficChildPlan
from harness.traffic.session import Session, SessionCommands
from harness.traffic.statistics import StatisticsFeed

_log = logging.getLogger(__name__)

#: Seconds between updates of Locust's statistics.
_FEED_EVERY = 1.0


class LocustSession:
    """A running session.

    Args:
        plan: The traffic.
        commands: Destination, begin and end.
        stats: Locust's statistics.
        heard: Receives every event of the session's log.

    Attributes:
        failure: The reason for an early end; empty if there was none, or it still runs.
    """

    def __init__(
        self, plan: TrafficChildPlan, commands: SessionCommands, stats: RequestStats, heard: OnEvent | None = None
    ) -> None:
        self.failure = ""
        self.commands = commands
        self._plan = plan
        self._stats = stats
        self._heard = heard
        self._greenlet = gevent.spawn(self._run)

    @property
    def is_over(self) -> bool:
        """True once it has ended."""
        return bool(self._greenlet.dead)

    def wait(self) -> None:
        """Wait for its end."""
        self._greenlet.join()

    def end(self) -> None:
        """Plan nothing more, and wait until all attempts under way have their outcome."""
        self.commands.end()
        self.wait()

    def _run(self) -> None:
        try:
            self.failure = self._session()
        except HarnessError as error:
            self.failure = str(error)
        except Exception:  # noqa: BLE001 - the end of a greenlet; the log has the traceback
            _log.exception("The traffic process failed.")
            self.failure = "the traffic process failed"
        if self.failure:
            _log.error("The traffic ended early: %s", self.failure)

    def _session(self) -> str:
        """Run the session; return the reason for an early end, empty for none."""
        session = Session(self._plan, self.commands, self._heard)
        feed = StatisticsFeed(self._plan.directory / f"ledger-{self._plan.worker}.npy", self._plan.traffic, self._stats)
        # Objects that Locust has loaded stay until the end. Collections that skip them delay the schedule only briefly.
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
