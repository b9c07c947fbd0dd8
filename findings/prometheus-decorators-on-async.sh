#!/usr/bin/env bash
# prometheus_client: its decorators on an `async def` measure nothing, and no exception.
#
# Expected: time(), count_exceptions() and track_inprogress() work on a coroutine function, or refuse it.
# Happens: they wrap the call that makes the coroutine. A handler of 300 ms that raises is recorded as microseconds,
#   0 exceptions, 0 in progress. The same objects as context managers inside the handler are right.
# Versions: prometheus_client 0.26.0, seen 2026-11-29.
# Matters: an ASGI service instrumented in this way shows perfect latency and no failure during an outage, and a
#   shutdown hook that waits for "in progress" to fall to 0 does not wait.
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
pips prometheus_client==0.26.0
expected "one call of 300 ms that raises: 0.3 s, 1 exception, 1 in progress meanwhile"
"$tmp/venv/bin/python" - <<'PY'
import asyncio
from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from seen import seen
value = REGISTRY.get_sample_value
latency, errors, running = Histogram("latency", "s"), Counter("errors", "n"), Gauge("running", "n")
meanwhile = []

@latency.time()
@errors.count_exceptions()
@running.track_inprogress()
async def decorated():
    meanwhile.append(value("running"))
    await asyncio.sleep(0.3)
    raise LookupError

async def inside():
    with latency.time(), errors.count_exceptions(), running.track_inprogress():
        meanwhile.append(value("running"))
        await asyncio.sleep(0.3)
        raise LookupError

def call(function):
    before = value("latency_sum"), value("errors_total")
    try:
        asyncio.run(function())
    except LookupError:
        return value("latency_sum") - before[0], value("errors_total") - before[1]

seconds, exceptions = call(decorated)
seen(value("latency_count") == 1 and seconds < 0.1, f"decorated: {seconds * 1e6:.0f} microseconds")
seen(exceptions == 0 and meanwhile == [0.0], "decorated: 0 exceptions, 0 in progress")
seconds, exceptions = call(inside)
seen(seconds >= 0.3 and exceptions == 1 and meanwhile[1] == 1.0, "inside, as context managers: 0.3 s, 1 exception, 1 in progress")
PY
