"""``docs/reference/ledger.md`` describes the ledgers correctly."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from documentation import page

from harness.model.attempt import Method, Outcome, Progress
from harness.model.shapes import Shape
from harness.store.ledger import LedgerWriter
from harness.store.ledger_format import ATTEMPT, CONNECTION

TEXT = page("reference/ledger.md")
SNIPPETS = re.findall(r"```python\n(.*?)```", page("how-to/read-attempts.md"), flags=re.DOTALL)


def test_every_field_is_described() -> None:
    """The tables contain all fields of both records."""
    described = set(re.findall(r"`([a-z_]+)`", TEXT))

    assert {name for dtype in (ATTEMPT, CONNECTION) for name in dtype.names or ()} - described == set()


def test_every_outcome_has_its_code() -> None:
    """The table of outcomes is that of the code."""
    rows = re.findall(r"^\| (\d+) \| `([a-z-]+)` \|", TEXT, flags=re.MULTILINE)

    assert {int(code): label for code, label in rows} == {outcome.value: outcome.label for outcome in Outcome}


@pytest.mark.parametrize("snippet", SNIPPETS, ids=["numpy", "pandas"])
def test_the_lines_that_read_a_ledger_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, snippet: str) -> None:
    """The test runs them unchanged."""
    monkeypatch.chdir(tmp_path)
    ledger = LedgerWriter(tmp_path / "ledger-0.npy", origin_ns=0)
    for outcome in Outcome:
        row = ledger.intent(0, 0, Method.GET, Shape.NEW, sent=1)
        if outcome != Outcome.UNFINISHED:
            ledger.outcome(row, outcome, Progress.SENT)
    ledger.close()
    names: dict[str, object] = {}
    exec(snippet, names)

    if "frame" in names:
        assert len(names["frame"]) == len(Outcome)  # type: ignore[arg-type]  # a DataFrame
    else:
        assert isinstance(names["lost"], np.ndarray)
        assert len(names["lost"]) == 10
