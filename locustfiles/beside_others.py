"""Lossless traffic next to ordinary Locust users: those make the load, and this one counts the losses.

    locust -f beside_others.py --headless --host http://127.0.0.1:8080 --users 21 --spawn-rate 5 --run-time 1m

One of the users is the LosslessUser, whatever --users says (with --processes or --worker: one in each worker, and they
share its rate). It records every request. Browsers are Locust's own FastHttpUser, which silently repeats a GET after a
dropped connection: its count of losses is useless.
"""

from __future__ import annotations

from locust import FastHttpUser, between, task

from harness import LosslessUser, Route, TrafficPlan


class Witness(LosslessUser):
    """Accounts for 20 requests per second on new and on kept connections."""

    traffic = TrafficPlan(rate=20, routes=(Route("/apple"),), timeout=3.0)


class Browser(FastHttpUser):
    """Makes load as an ordinary user."""

    wait_time = between(0.5, 2)

    @task
    def look(self) -> None:
        """Get a page."""
        self.client.get("/banana")
