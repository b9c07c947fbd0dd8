"""Start the traffic process by a fork: Locust and the engine are imported once, for all trials of a run.

Only the process that sends alone, with the harness's own locustfile, is forked. Master, workers, and processes with a
user's locustfile begin in an interpreter of their own, where gevent's patches precede every import.

gevent patches the child after the fork. By then a few modules keep classes and functions that gevent replaces only in
their own modules. Apart from Locust's web page and its HTTP users, no code waits with them. A test lists them.
"""

from __future__ import annotations

import warnings

from harness.kit.forkserver import Template

#: Locust leaves the standard library alone where this is set.
_NO_PATCHES = "LOCUST_SKIP_MONKEY_PATCH"

TRAFFIC = Template(
    name="traffic",
    modules=("harness.traffic.preloaded",),
    entry="harness.traffic.forked:main",
    title="locust",
    environment={_NO_PATCHES: "1"},
)


def main() -> None:
    """Run Locust's command line, in a child of the fork server."""
    from gevent import monkey, queue  # noqa: PLC0415 - naming the template does not load gevent

    from harness.traffic.preloaded import installed_plugins_known  # noqa: PLC0415 - as above

    with warnings.catch_warnings(), installed_plugins_known():
        # ssl is already imported. That does no harm: SSLContext is looked up only when a connection needs it.
        warnings.simplefilter("ignore", monkey.MonkeyPatchWarning)
        monkey.patch_all()

    import urllib3  # noqa: PLC0415 - as above
    from locust.main import main as run_locust  # noqa: PLC0415 - as above

    urllib3.connectionpool.ConnectionPool.QueueCls = queue.LifoQueue  # as Locust does
    run_locust()
