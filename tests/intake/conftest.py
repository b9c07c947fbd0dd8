"""A chart's output as people bring it."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def chart() -> Path:
    """Return one file with the rendered objects of a chart."""
    return Path(__file__).parents[1] / "people" / "inputs" / "chart-full.yaml"
