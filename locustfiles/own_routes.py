"""Your own routes with the right answers of each, and a growing rate: copy this file and change it.

By itself:              locust -f own_routes.py --headless --host https://shop.example --run-time 2m
In several processes:   locust -f own_routes.py --headless --host https://shop.example --run-time 2m --processes 4
On several machines:    locust -f own_routes.py --master --expect-workers 2      and on each of the others
                        locust -f own_routes.py --worker --master-host MASTER

Each run leaves a folder below reports/ with a record of every request (docs/reference/ledger.md describes it).
Workers share the one rate below; those on other machines send their files to the master before they end.
"""

from __future__ import annotations

from pathlib import Path

from harness import Leg, LosslessUser, Method, Pool, Route, Shape, Tls, TrafficPlan


class ShopUser(LosslessUser):
    """Sends 50 requests per second, then up to 400 within a minute, however slowly answers come."""

    traffic = TrafficPlan(
        rate=(Leg(50, 50, 20), Leg(50, 400, 60)),
        routes=(
            Route("/"),  # any 2xx with any body
            Route("/health", body="ok"),  # this body, byte for byte
            Route("/version", regex=r'"version": "2\.\d+"'),
            Route("/old", statuses=(301, 308)),
        ),
        methods=(Method.GET,),
        shapes=(Shape.NEW, Shape.REUSED),
        pool=Pool(size=32, order="fifo", look=True),
        timeout=2.0,
        # For an https:// host; ca="ca.pem" trusts your own authority, verify=False any certificate.
        tls=Tls(),
    )
    out = Path("reports")
