"""Traffic to a faulty server that answers half of the slots and drops the others, for tests of traffic processes."""

from __future__ import annotations

from pathlib import Path

from harness.model.attempt import Method
from harness.model.experiment import Route, TrafficPlan
from harness.traffic.calibration.server import FaultyServer
from harness.traffic.plan import TrafficChildPlan, WorkerGroup

#: Seconds; more than anything takes here, however busy the machine is. Nothing is asked that is not answered or cut.
PATIENCE = 250
TRAFFIC = TrafficPlan(
    rate=200,
    routes=(Route("/fault/ok", ("ok",)), Route("/fault/fin-before", ("ok",))),
    methods=(Method.GET, Method.POST),
    timeout=PATIENCE,
)


def plan(server: FaultyServer, directory: Path, workers: WorkerGroup | None = None) -> TrafficChildPlan:
    """Return a plan of which half of the slots is answered and half dropped."""
    return TrafficChildPlan(
        traffic=TRAFFIC,
        answers={route.path: route.answers for route in TRAFFIC.routes},
        directory=directory / "traffic",
        calibration=(server.address, server.port),
        crew=workers,
    )
