"""Steady traffic that accounts for every request: copy this file and change the traffic.

By itself:                 locust -f steady.py --headless --host http://127.0.0.1:8080 --run-time 30s
With Locust's web page:    locust -f steady.py --host http://127.0.0.1:8080
In several processes:      locust -f steady.py --headless --host http://127.0.0.1:8080 --run-time 30s --processes 4
"""

from __future__ import annotations

from harness import LosslessUser, Method, Pool, Route, Shape, TrafficPlan


class SteadyUser(LosslessUser):
    """Sends 200 requests per second, however slowly answers come: GET and POST, on new and on kept connections."""

    traffic = TrafficPlan(
        rate=200,
        routes=(Route("/apple", answers=("apple*",)), Route("/banana", answers=("banana*",))),
        methods=(Method.GET, Method.POST),
        shapes=(Shape.NEW, Shape.REUSED),
        pool=Pool(size=64, order="fifo", look=True),
        timeout=3.0,
    )
