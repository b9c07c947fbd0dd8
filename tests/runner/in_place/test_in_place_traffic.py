"""The traffic of a change in place."""

from __future__ import annotations

import pytest

from harness.errors import InvalidInputError
from harness.model.attempt import Method
from harness.model.shapes import Shape
from harness.runner.in_place.prepare import InPlaceRequest, _origin
from harness.runner.watch.request import WatchRequest


def request(baseline: float) -> InPlaceRequest:
    """Return a restart under traffic on connections that wait for 4 s."""
    requests = WatchRequest(
        urls=("http://shop.test/",),
        rate=50.0,
        methods=(Method.GET,),
        shapes=(Shape.NEW, Shape.PREOPENED),
        timeout=2.0,
        durations={Shape.PREOPENED: 4.0},
    )
    return InPlaceRequest(
        "deployment/apple", "restart", "shop", "", "", requests, baseline=baseline, settle=3.0, control=5.0, hold=0.0
    )


def test_the_change_must_meet_connections_that_have_waited() -> None:
    """Otherwise the trial would end inconclusive, after the change."""
    with pytest.raises(InvalidInputError, match="no connection that has waited long enough") as caught:
        _origin(request(4.9))

    assert caught.value.problems[0].hint == "write --baseline 5s or more"
    assert _origin(request(5.0)).traffic.baseline == 5.0
