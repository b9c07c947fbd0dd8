"""Tests that the page about verdicts agrees with the code."""

from __future__ import annotations

from pathlib import Path

from harness.analysis import thresholds
from harness.model.attempt import LOSSES

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "verdicts.md").read_text(encoding="utf-8")


def test_every_class_of_loss_is_described() -> None:
    """Each outcome that is a loss has its line."""
    assert [loss.label for loss in LOSSES if f"`{loss.label}`" not in PAGE] == []


def test_the_numbers_are_those_of_the_code() -> None:
    """The page's numbers are the constants."""
    lines = (
        f"| {thresholds.LATENESS_P99_MS.value:g} ms |",
        f"| {thresholds.STALL_MEDIAN_MS.value:g} ms |",
        f"| {thresholds.SEND_GAP_S.value:g} s more than",
        f"| {thresholds.IN_FLIGHT_S.value:g} s |",
        f"| {thresholds.GRACE_SLACK_S.value:g} s |",
    )

    assert [line for line in lines if line not in PAGE] == []


def test_every_threshold_reaches_the_report_with_its_reason() -> None:
    """No threshold is missing in reports."""
    drawn = {id(value) for value in vars(thresholds).values() if isinstance(value, thresholds.Threshold)}

    assert {id(threshold) for threshold in thresholds.THRESHOLDS.values()} == drawn
    assert all(reason for _, reason in thresholds.exported().values())
