"""``index.html`` of a watch: the account, the outages, the chart; one offline file in the look of a run's report."""

from __future__ import annotations

from harness.model.watch import WatchVerdict
from harness.report.html import environment
from harness.report.watched import sentences


def render(watch: WatchVerdict) -> str:
    """The document."""
    return environment().get_template("watch.html.j2", globals={"told": sentences}).render(watch=watch)
