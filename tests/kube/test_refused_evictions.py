"""A refused eviction is another error than a 429 of an overloaded API server."""

from __future__ import annotations

import json

import pytest

from harness.kube.client import read_answer
from harness.kube.errors import EvictionRefusedError, KubeError

CAUSE = {"reason": "DisruptionBudget", "message": "The disruption budget b needs 2 healthy pods and has 2 currently"}


def answer(*causes: dict[str, str]) -> bytes:
    """Return the body of a 429."""
    status = {"kind": "Status", "message": "Cannot evict pod", "reason": "TooManyRequests"}
    return json.dumps({**status, "details": {"causes": list(causes)}}).encode()


def test_the_cause_of_a_refused_eviction_is_its_answer() -> None:
    """It has the numbers of the budget, which the message lacks."""
    with pytest.raises(EvictionRefusedError) as caught:
        read_answer("evict Pod p", 429, answer(CAUSE))

    assert caught.value.answer == CAUSE["message"]


def test_an_overloaded_server_refuses_no_eviction() -> None:
    """A 429 without that cause is an error like any other."""
    with pytest.raises(KubeError) as caught:
        read_answer("evict Pod p", 429, answer())

    assert not isinstance(caught.value, EvictionRefusedError)
