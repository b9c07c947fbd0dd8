"""The calibration is exact with an honest client, and is not with one that hides or invents losses."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.server import StreamServer

from harness.analysis.evidence import Calibration as Judged
from harness.findings.instrument import CALIBRATED, CALIBRATED_WITH_TLS
from harness.model.attempt import Outcome, Progress
from harness.model.shapes import Shape
from harness.store.ledger import LedgerWriter, read_ledger
from harness.traffic.calibration import cases, faulty_server
from harness.traffic.calibration.cases import CASES, CalibrationError
from harness.traffic.calibration.faulty_server import Behaviour
from harness.traffic.calibration.run import CalibrationRun
from harness.traffic.calibration.server import FaultyServer
from harness.traffic.http.attempt import Attempt
from harness.traffic.http.client import Client
from harness.traffic.http.http1 import Http1Connection


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    """Start a faulty server in this process."""
    closed, full = faulty_server._closed_port(), faulty_server._full_port()
    facts = {"refused_port": closed.getsockname()[1], "full_port": full[0].getsockname()[1]}
    behaviour = Behaviour(facts)
    handlers = (behaviour.handle, behaviour.handle_tls, behaviour.handle_handshake)
    servers = [StreamServer(("127.0.0.1", 0), handler, backlog=1024) for handler in handlers]
    for server in servers:
        server.start()
    facts |= {"tls_port": servers[1].server_port, "handshake_port": servers[2].server_port}
    yield "127.0.0.1", servers[0].server_port
    for server in servers:
        server.stop(timeout=0)
    for held in (closed, *full):
        held.close()
    gevent.sleep(0)


def calibrated(address: tuple[str, int], directory: Path, **settings: Any) -> Judged:
    """Calibrate, and read the result as judging does."""
    CalibrationRun(address, directory, token="tok", **settings).run()
    record = json.loads((directory / "calibration-0.json").read_text())
    return Judged.of(record, read_ledger(directory / "calibration-0.npy"))


def inexact(judged: Judged) -> set[str]:
    """Return the cases with a wrong outcome, and the counts on which both sides disagree."""
    return {case.name for case in judged.cases if not case.is_exact} | {
        f"served {name}" for name, (sent, served) in judged.served.items() if sent != served
    }


def test_an_honest_client_is_exact(address: tuple[str, int], tmp_path: Path) -> None:
    """Every fault comes out under its name, as often as it was met, and both sides agree on what was sent."""
    judged = calibrated(address, tmp_path)

    assert inexact(judged) == set()
    assert (judged.duplicates, judged.faults) == (0, ())
    assert {case.expected for case in judged.cases} == CALIBRATED
    assert {case.name for case in CASES if Shape.NEW in case.shapes and Shape.REUSED in case.shapes} > {"fin-before"}


def test_with_tls_the_same_faults_are_met_through_tls(address: tuple[str, int], tmp_path: Path) -> None:
    """All of them, and those of the handshake: certificates that are not accepted, and each way to be cut off in it."""
    judged = calibrated(address, tmp_path, tls=True)
    names = {case.name for case in judged.cases}

    assert inexact(judged) == set()
    assert {case.expected for case in judged.cases} == CALIBRATED_WITH_TLS
    assert {"fin-before", "refused", "send-after-rst", "no-length-cut", "tls-untrusted", "tls-hung"} < names


def test_a_machine_that_is_slow_to_connect_is_no_inexact_detector(
    address: tuple[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Handshakes that take longer than the least that attempts are left waiting: the answer's timeout is met."""
    monkeypatch.setattr(cases, "SHORT", 0.01)
    judged = calibrated(address, tmp_path, tls=True, names=("ok", "hung", "hung-inside-body"))

    assert inexact(judged) == set()
    assert {case.expected for case in judged.cases} == {"ok", "timeout-response"}


def test_some_faults_can_be_met_many_times(address: tuple[str, int], tmp_path: Path) -> None:
    """So many times with each method and shape; nothing else is met but what has to come before on a connection."""
    judged = calibrated(address, tmp_path, names=("rst-before", "hung", "full-backlog"), times=7)

    assert inexact(judged) == set()
    assert {case.name: case.planned for case in judged.cases} == {
        "ok": 14, "rst-before": 28, "hung": 28, "full-backlog": 14,
    }  # fmt: skip


@pytest.mark.parametrize(("name", "why"), [("rst-befor", "not known"), ("tls-hung", "needs TLS")])
def test_an_unknown_fault_is_refused(tmp_path: Path, name: str, why: str) -> None:
    """The refusal comes before anything is sent, and lists the known faults."""
    with pytest.raises(CalibrationError, match=why) as caught:
        CalibrationRun(("127.0.0.1", 9), tmp_path, token="tok", names=("ok", name))

    assert "fin-before" in caught.value.hint


def test_a_client_that_sends_again_is_caught(
    address: tuple[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The retry that most HTTP clients have: a dropped request is sent once more, and its loss is gone."""
    fail = Client.failed

    def retry(self: Client, connection: Http1Connection, attempt: Attempt, error: BaseException, at: int) -> None:
        if attempt.stream.path != "/fault/fin-before" or attempt.carried == 0:
            fail(self, connection, attempt, error, at)
            return
        again = self._new_connection(replace(attempt.stream, shape=Shape.NEW), at)
        attempt.connection, attempt.carried, attempt.progress = again, 0, Progress.NOT_CONNECTED
        again.open(self._destination, attempt, self._forms[0].request(attempt.row))

    monkeypatch.setattr(Client, "failed", retry)
    judged = calibrated(address, tmp_path)

    assert judged.duplicates > 0
    assert "served fin-before" in inexact(judged)


def without_answer(how: str) -> set[str]:
    """Return the cases of connections that end without a byte of an answer."""
    return {f"{how}-before", f"send-after-{how}", f"unused-{how}-before", f"send-after-unused-{how}"}


@pytest.mark.parametrize(
    ("lie", "caught"),
    [
        (
            lambda outcome: Outcome.OK if outcome == Outcome.CLOSED else outcome,
            without_answer("fin"),
        ),
        (
            lambda outcome: Outcome.CLOSED if outcome == Outcome.RESET else outcome,
            without_answer("rst"),
        ),
        (lambda outcome: Outcome.OK if outcome == Outcome.WRONG_ANSWER else outcome, {"wrong-body", "empty-body"}),
    ],
    ids=["hides", "confuses", "believes"],
)
def test_a_detector_that_errs_in_one_class_is_caught_in_that_class(
    address: tuple[str, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    lie: Callable[[Outcome], Outcome],
    caught: set[str],
) -> None:
    """Each hidden, confused or accepted fault shows under its name."""
    record = LedgerWriter.outcome

    def lying(self: LedgerWriter, row: int, outcome: Outcome, *args: Any, **known: Any) -> None:
        record(self, row, lie(outcome), *args, **known)

    monkeypatch.setattr(LedgerWriter, "outcome", lying)

    assert inexact(calibrated(address, tmp_path)) == caught


def test_a_client_that_loses_its_rows_is_caught(
    address: tuple[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outcomes that are not recorded leave unfinished attempts, which no case expects."""
    record = LedgerWriter.outcome

    def forgetful(self: LedgerWriter, row: int, outcome: Outcome, *args: Any, **known: Any) -> None:
        if row % 50:
            record(self, row, outcome, *args, **known)

    monkeypatch.setattr(LedgerWriter, "outcome", forgetful)

    assert inexact(calibrated(address, tmp_path))


def test_without_a_faulty_server_there_is_no_calibration(tmp_path: Path) -> None:
    """It fails instead of passing."""
    with pytest.raises(CalibrationError, match="faulty server"):
        CalibrationRun(("127.0.0.1", 9), tmp_path, token="tok").run()

    assert not (tmp_path / "calibration-0.json").exists()


@pytest.mark.processes
def test_the_server_counts_what_it_does_by_client(tmp_path: Path) -> None:
    """Several calibrations use one server; at its end it writes what it did for each."""
    with FaultyServer.start(tmp_path) as server:
        for token in ("one", "two"):
            (tmp_path / token).mkdir()
            CalibrationRun((server.address, server.port), tmp_path / token, token=token).run()
    served = json.loads((tmp_path / "served.json").read_text())
    planned = Counter(
        {
            one["name"]: one["count"]
            for one in json.loads((tmp_path / "one" / "calibration-0.json").read_text())["served"]["requests"]
        }
    )

    assert served["one"] == served["two"] == planned | {"duplicates": 0}
    assert threading.active_count() == 1
