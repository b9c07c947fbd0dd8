"""Tests that an export has exactly the content of the ledgers, for any number of workers."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from documentation import page

from harness.errors import EvidenceError
from harness.kit.clock import Clock
from harness.model.attempt import Method, Outcome, Progress
from harness.model.experiment import Route, TrafficPlan
from harness.model.shapes import Shape
from harness.runner import export as exporting
from harness.runner.execution import TrialOutcome
from harness.runner.export import COLUMNS, parts_of, write_csv
from harness.store.ledger import LedgerWriter, read_ledger
from harness.store.ledger_format import NEVER
from harness.store.records import to_json
from harness.store.rundir import write_json
from harness.traffic.plan import TrafficChildPlan, WorkerGroup, write_plan

TRAFFIC = TrafficPlan(rate=1000, routes=(Route("/a"), Route('/b?x="1",2')), methods=(Method.GET, Method.POST))
#: A time whose nanoseconds no float can hold.
WALL, ORIGIN = 1_767_323_045_123_456_789, 5_000_000_000_001


def record(folder: Path, worker: int, rows: int) -> None:
    """Write one worker's ledger and journal, with every outcome in turn."""
    ledger = LedgerWriter(folder / f"ledger-{worker}.npy", origin_ns=ORIGIN, worker=worker)
    for number in range(rows):
        outcome = Outcome(number % len(Outcome))
        row = ledger.intent(number * 1_000_000, number % 2, Method(number % 5), Shape(number % 2), sent=ORIGIN + number)
        if outcome is not Outcome.UNFINISHED:
            answered = outcome in {Outcome.OK, Outcome.STATUS}
            ledger.outcome(
                row, outcome, Progress.ANSWERED if answered else Progress.SENT,
                connected=ORIGIN + number + 7 if answered else NEVER, done=ORIGIN + number + 10**15 + 1,
                connection=number, port=40_000 + number % 100, errno=0 if answered else 104,
                status=200 if answered else 0, responder=1 if answered else 0, bytes_in=number, bytes_out=90,
            )  # fmt: skip
    ledger.close()
    events = [{"event": "ready", "token": "tok"}, {"event": "responder", "number": 1, "text": f'w{worker}\n"x", y'}]
    name = f"traffic-{worker}.jsonl"
    (folder / name).write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Create a run directory with one trial of two workers, and one trial of another cell that never began."""
    trial, other = tmp_path / "trials" / "bare--none" / "1", tmp_path / "trials" / "bare--restart" / "1"
    for folder in (trial / "traffic", other / "traffic"):
        folder.mkdir(parents=True)
        write_plan(TrafficChildPlan(traffic=TRAFFIC, answers={}, directory=folder, crew=WorkerGroup(local=2)))
    for worker in (0, 1):
        record(trial / "traffic", worker, 504)
    write_json(trial / "outcome.json", to_json(TrialOutcome(Clock(WALL, ORIGIN), origin_ns=ORIGIN)))
    return tmp_path


def exported(run: Path) -> pd.DataFrame:
    """Return the CSV of a run as pandas reads it, with nullable whole numbers."""
    out = io.StringIO(newline="")
    count = write_csv(run, parts_of(run), out)
    frame = pd.read_csv(io.StringIO(out.getvalue(), newline=""), dtype_backend="numpy_nullable")
    assert count == len(frame)
    return frame


def test_every_field_comes_back_exactly(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes are labels, missing times are empty, and all other values are exact, also across blocks."""
    monkeypatch.setattr(exporting, "_BLOCK", 64)
    frame = exported(run)
    rows = np.concatenate([read_ledger(run / f"trials/bare--none/1/traffic/ledger-{w}.npy") for w in (0, 1)])

    assert tuple(frame.columns) == COLUMNS
    for name in ("planned", "sent", "connected", "first_byte", "done"):
        assert frame[f"{name}_ns"].fillna(-1).tolist() == rows[name].tolist()
    for name in ("number", "worker", "connection", "carried", "port", "bytes_out", "bytes_in", "status"):
        assert frame[name].fillna(0).tolist() == rows[name].tolist()
    assert frame["outcome"].tolist() == [Outcome(code).label for code in rows["outcome"]]
    assert frame["method"].tolist() == [Method(code).name for code in rows["method"]]
    assert frame["connections"].tolist() == [Shape(code).name.lower() for code in rows["shape"]]
    assert frame["path"].tolist() == [TRAFFIC.routes[index].path for index in rows["route"]]
    assert frame["planned_unix_ns"].tolist() == (rows["planned"] + WALL).tolist()
    assert set(frame["errno"].dropna()) == {"ECONNRESET"}


def test_ids_are_those_of_the_wire_and_slots_those_of_the_whole_schedule(run: Path) -> None:
    """Two workers send alternate rounds of the streams, and each has its own list of responders."""
    frame = exported(run)
    second = frame[frame["worker"] == 1]

    assert second["id"].tolist() == [f"tok-1-{number}" for number in range(504)]
    assert sorted(frame["slot"].tolist()) == list(range(1008))
    assert second["slot"].tolist()[:10] == [8, 9, 10, 11, 12, 13, 14, 15, 24, 25]
    assert set(second["responder"].dropna()) == {'w1\n"x", y'}


def test_parts_are_chosen_by_cell_and_trial(run: Path) -> None:
    """A choice without a match lists the existing cells."""
    assert [folder.parent.parent.name for folder in parts_of(run)] == ["bare--none", "bare--restart"]
    assert len(parts_of(run, cells="*--none", trial=1)) == 1
    with pytest.raises(EvidenceError) as caught:
        parts_of(run, cells="graceful--*")

    assert caught.value.hint == "It has bare--none, bare--restart."


def test_an_unknown_clock_leaves_empty_cells(run: Path) -> None:
    """A killed run may have no outcome."""
    (run / "trials/bare--none/1/outcome.json").unlink()

    assert exported(run)["planned_unix_ns"].isna().all()


def test_every_column_is_described() -> None:
    """The table in docs has exactly these columns."""
    table = page("reference/ledger.md").partition("## Columns of the CSV")[2].partition("Workers come")[0]
    described = {
        name for line in table.splitlines() if line.startswith("| `") for name in line.split("|")[1].split("`")
    }

    assert {name for name in described if name.strip(", ")} == set(COLUMNS)
