"""States the calibration of the detector once for a whole run, and in each trial only what deviates."""

from __future__ import annotations

from collections.abc import Sequence

from harness.model.verdict import TrialVerdict
from harness.report.blocks import CalibrationTable, Detail, Paragraph
from harness.report.document import Section
from harness.wording import count, plural

KEY = "detector"


def detector(trials: Sequence[TrialVerdict]) -> tuple[Section, ...]:
    """Return the section about the detector; nothing if no trial has a calibration."""
    calibrated = [trial.calibration for trial in trials if trial.calibration]
    if not calibrated:
        return ()
    sums: dict[str, tuple[int, int]] = {}
    for calibration in calibrated:
        for fault, (planned, found) in calibration.items():
            before = sums.get(fault, (0, 0))
            sums[fault] = before[0] + planned, before[1] + found
    exact = sum(all(planned == found for planned, found in calibration.values()) for calibration in calibrated)
    text = (
        "Before each trial, the same client meets a server with known faults and has to name each of them. "
        f"It was exact in {count(exact)} of {plural(len(calibrated), 'trial')}."
    )
    blocks = (Paragraph(text=text), CalibrationTable(calibration=sums))
    return (Section(names=("The detector",), key=KEY, blocks=blocks, detail=Detail.PAGE),)


def calibration_of(trial: TrialVerdict) -> CalibrationTable:
    """Return what a trial says of its calibration, with a link to the section of the run."""
    return CalibrationTable(calibration=trial.calibration, target=f"{KEY}-title" if trial.calibration else "")
