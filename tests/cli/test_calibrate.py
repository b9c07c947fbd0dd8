"""``harness calibrate`` says what is exact and what is not, for people and for scripts."""

from __future__ import annotations

import json

import pytest

from harness.analysis.checks.instrument import inexact
from harness.analysis.evidence import Calibration, CalibrationCase
from harness.cli.calibrate import calibrate, show
from harness.errors import ExitCode, InvalidInputError
from harness.report.faults import FAULTS
from harness.report.sentences import explain
from harness.traffic.calibration.cases import CASES

EXACT = CalibrationCase("fin-before", "closed", 8, {"closed": 8})
HIDDEN = CalibrationCase("rst-before", "reset", 8, {"reset": 5, "ok": 3})


def told(calibration: Calibration, capsys: pytest.CaptureFixture[str]) -> tuple[str, dict[str, object]]:
    """What a person reads, and what a script gets."""
    show(calibration, [explain(finding).text for finding in inexact(calibration)], as_json=True)
    shown = capsys.readouterr()
    found: dict[str, object] = json.loads(shown.out.splitlines()[-1])
    return shown.err, found


def test_every_fault_is_described_and_nothing_else_is() -> None:
    """What ``--list`` says of each."""
    assert set(FAULTS) == {case.name for case in CASES}


def test_what_is_exact_is_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    """Done, reported and exact for each fault."""
    text, found = told(Calibration((EXACT,), {"fin-before": (8, 8)}), capsys)

    assert "✓ exact" in text
    assert found["exact"] is True
    assert found["faults"] == [
        {"fault": "fin-before", "expected": "closed", "done": 8, "reported": {"closed": 8}, "exact": True}
    ]


@pytest.mark.parametrize(
    "calibration",
    [
        Calibration((EXACT, HIDDEN), {}),
        Calibration((EXACT,), {"fin-before": (8, 9)}),
        Calibration((EXACT,), {}, duplicates=1),
        Calibration((EXACT,), {}, faults=("no file descriptor",)),
    ],
    ids=["hidden", "re-sent", "twice", "own-fault"],
)
def test_what_is_not_exact_is_said_to_be(calibration: Calibration, capsys: pytest.CaptureFixture[str]) -> None:
    """A loss under another name, a request that came twice, or a failure of our own."""
    text, found = told(calibration, capsys)

    assert "✗ not exact" in text
    assert (found["exact"], len(found["wrong"])) == (False, 1)  # type: ignore[arg-type]  # a list


def test_faults_that_are_not_known_are_all_named() -> None:
    """Before anything starts; those of TLS need TLS."""
    with pytest.raises(InvalidInputError, match="nope") as caught:
        calibrate(faults="ok,nope,tls-hung")

    assert (caught.value.exit_code, "tls-hung" in str(caught.value)) == (ExitCode.INVALID_INPUT, True)


def test_the_list_says_what_each_fault_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Name, class and what the server does; nothing is sent."""
    assert calibrate(faults="fin-before", list_=True) == 0
    assert "closes the connection (FIN) instead of answering" in " ".join(capsys.readouterr().out.split())
