"""Clients that send a request again report no loss, although two pods executed it; the harness reports the loss."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import sent_again
from bench.sent_again import CLIENTS, Result, measure

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]


@pytest.mark.parametrize(
    ("client", "reported"),
    [
        ("urllib3", "200, no error"),
        ("aiohttp", "200, no error"),
        ("Locust `FastHttpUser`", "2 requests, 0 failures, exit code 0"),
    ],
)
def test_a_client_that_sends_again_reports_no_loss(client: str, reported: str) -> None:
    """The pods' receipts show that the request was executed twice."""
    found = measure(client)

    assert (found.reported, found.executed) == (reported, 2)


def test_the_harness_reports_the_loss_and_does_not_repeat_it() -> None:
    """The same pod is killed at the same moment, and the work is done once."""
    assert measure("the harness") == Result("the harness", "lost: closed", 1)


def test_the_table_has_a_row_for_each_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The published table names the versions that were measured."""
    monkeypatch.setattr(sent_again, "measure", lambda client: Result(f"{client} 1", "fine", 2))
    document = tmp_path / "page.md"

    sent_again.main(["--doc", str(document)])

    text = document.read_text(encoding="utf-8")
    assert [f"| {client} 1 | fine | 2 |" in text for client in CLIENTS] == [True] * len(CLIENTS)
