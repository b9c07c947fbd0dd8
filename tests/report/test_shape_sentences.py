"""Sentences about idle connections, slow answers and pauses of the sender."""

from __future__ import annotations

import pytest

from harness.findings.connections import UnusedClosed
from harness.findings.losses import RequestsLost
from harness.findings.registry import explain
from harness.findings.sending import BehindSchedule
from harness.findings.shapes import NeverIdle, NeverPreopened, NothingUnderWay, NothingWaited
from harness.findings.surroundings import SenderPaused
from harness.model.verdict import Finding

STREAM = {"method": "POST", "shape": "slow", "path": "/a"}
LOST = {"lost": 3, "sent": 9, "classes": "status 3", "lost_new": 1, "lost_reused": 0, "lost_slow": 2}


@pytest.mark.parametrize(
    ("code", "numbers", "words"),
    [
        (NeverIdle.code, {**STREAM, "shape": "idle", "idle_s": 3.0}, ("POST /a on idle connections", "3.0 s")),
        (
            NeverPreopened.code,
            {**STREAM, "shape": "preopened", "preopened_s": 3.0, "closed": 2},
            ("POST /a on preopened connections", "3.0 s", "closed 2 of them"),
        ),
        (UnusedClosed.code, {"closed": 3, "by_rst": 1, "waiting": 8}, ("3 preopened", "1 by RST", "8 were open")),
        (NothingWaited.code, {**STREAM, "shape": "idle", "seconds": 3.0}, ("on idle connections", "3.0 s")),
        (
            NothingUnderWay.code,
            {**STREAM, "delay_s": 2.0, "answered_s": 0.004},
            ("with slow answers", "4.0 ms"),
        ),
        (SenderPaused.code, {"pause_ms": 180.0, "at_s": 1.3, "count": 1}, ("For 180 ms, 1.3 s after",)),
        (SenderPaused.code, {"pause_ms": 180.0, "count": 2, "limit_ms": 100.0}, ("2 times", "100 ms")),
        (
            BehindSchedule.code,
            {"p90_ms": 130.5, "max_ms": 140.0},
            ("during the change, one request in ten was sent 130 ms",),
        ),
        (BehindSchedule.code, {"p99_ms": 120.0, "max_ms": 140.0}, ("one request in a hundred was sent 120 ms",)),
        (
            RequestsLost.code,
            {**LOST, "first_s": -0.6, "last_s": 0.8},
            ("0.6 s before and 0.8 s after", "2 with slow answers"),
        ),
        (RequestsLost.code, {**LOST, "first_s": 0.1, "last_s": 0.8}, ("between 0.1 s and 0.8 s after",)),
    ],
)
def test_the_sentence_has_its_numbers(code: str, numbers: dict[str, str | float], words: tuple[str, ...]) -> None:
    """Each number has a suitable unit."""
    text = explain(Finding(code, numbers)).text

    assert [word for word in words if word not in text] == []
