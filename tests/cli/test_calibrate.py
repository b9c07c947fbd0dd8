"""``harness calibrate`` says whether the detector is exact, for people and for scripts."""

from __future__ import annotations

import json

import pytest

from harness.analysis.evidence import Calibration, CalibrationCase
from harness.cli.calibrate import calibrate, show
from harness.errors import ExitCode, InvalidInputError
from harness.findings.instrument import CalibrationNotExact
from harness.report.faults import FAULTS
from harness.traffic.calibration.cases import CASES

EXACT = CalibrationCase("fin-before", "closed", 8, {"closed": 8})
HIDDEN = CalibrationCase("rst-before", "reset", 8, {"reset": 5, "ok": 3})


def shown(calibration: Calibration, capsys: pytest.CaptureFixture[str]) -> tuple[str, dict[str, object]]:
    """Return the text for people and the object for scripts."""
    show(calibration, [finding.sentence().text for finding in CalibrationNotExact.of(calibration)], as_json=True)
    shown = capsys.readouterr()
    found: dict[str, object] = json.loads(shown.out.splitlines()[-1])
    return shown.err, found


def test_every_fault_has_a_description() -> None:
    """``--list`` describes each fault, and there is no description of any other."""
    assert set(FAULTS) == {case.name for case in CASES}


def test_an_exact_calibration_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    """The numbers done and reported are shown for each fault."""
    text, found = shown(Calibration((EXACT,), {"fin-before": (8, 8)}), capsys)

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
def test_an_inexact_calibration_is_reported(calibration: Calibration, capsys: pytest.CaptureFixture[str]) -> None:
    """A misnamed loss, a duplicate request and a client fault each make it inexact."""
    text, found = shown(calibration, capsys)

    assert "✗ not exact" in text
    assert (found["exact"], len(found["wrong"])) == (False, 1)  # type: ignore[arg-type]  # a list


def test_unknown_faults_are_all_named() -> None:
    """They are named before anything starts. TLS faults are only known with ``--tls``."""
    with pytest.raises(InvalidInputError, match="nope") as caught:
        calibrate(faults="ok,nope,tls-hung")

    assert (caught.value.exit_code, "tls-hung" in str(caught.value)) == (ExitCode.INVALID_INPUT, True)


def test_the_list_describes_faults(capsys: pytest.CaptureFixture[str]) -> None:
    """It has name, class and the server's behaviour. Nothing is sent."""
    assert calibrate(faults="fin-before", list_=True) == 0
    assert "closes the connection (FIN) instead of answering" in " ".join(capsys.readouterr().out.split())
