"""Lossless traffic beside ordinary Locust users: those make the load, this one sees what it costs.

    locust -f beside_others.py --headless --host http://127.0.0.1:8080 --users 21 --spawn-rate 5 --run-time 1m

One of the users is the LosslessUser, whatever --users says (with --processes or --worker: one in each worker, and they
share its rate). It records every request. Browsers are Locust's own FastHttpUser, which repeats a GET whose connection
was dropped, without a word: never trust it with a count of losses.
"""

from __future__ import annotations

from locust import FastHttpUser, between, task

from harness import LosslessUser, Route, TrafficPlan


class Witness(LosslessUser):
    """20 requests per second on new and on kept connections, each of them accounted for."""

    traffic = TrafficPlan(rate=20, routes=(Route("/apple"),), timeout=3.0)


class Browser(FastHttpUser):
    """An ordinary user, for load."""

    wait_time = between(0.5, 2)

    @task
    def look(self) -> None:
        """One page."""
        self.client.get("/banana")
