"""``harness compare``: which sides go together, and how it tells an Experiment from manifests."""

from __future__ import annotations

from pathlib import Path

import pytest
from documentation import ROOT
from golden import unpack

from harness.cli.compare import _is_experiment, compare
from harness.errors import EvidenceError, InvalidInputError

DEMO = ROOT / "experiments" / "demo.yaml"


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({}, "name either a second side or --with-image"),
        ({"after": DEMO, "with_image": ["a=b"]}, "name either a second side or --with-image"),
        ({"after": DEMO, "repeat": 0}, "--repeat 0 is for run directories"),
        ({"with_image": ["a"]}, "expected NAME=REF"),
    ],
)
def test_sides_that_do_not_go_together_are_refused(options: dict[str, object], word: str) -> None:
    """Nothing starts."""
    with pytest.raises(InvalidInputError, match=word):
        compare(DEMO, **options)  # type: ignore[arg-type]


def test_two_run_directories_are_needed(tmp_path: Path) -> None:
    """One is not enough, an Experiment can't be the second one, and no image of theirs can be replaced."""
    run = unpack("lifecycle", tmp_path).runs()[0]

    with pytest.raises(InvalidInputError, match="two run directories are needed"):
        compare(run)
    with pytest.raises(InvalidInputError, match="two run directories are needed"):
        compare(run, run, with_image=["a=b"])
    with pytest.raises(EvidenceError):
        compare(run, DEMO)
    with pytest.raises(InvalidInputError, match="is a run directory and"):
        compare(DEMO, run)


def test_experiments_and_manifests_are_distinguished(tmp_path: Path) -> None:
    """By the ``kind`` that every manifest has. A missing file is reported as a missing Experiment."""
    manifest, several, broken = (tmp_path / name for name in ("one.yaml", "two.yaml", "three.yaml"))
    manifest.write_text("kind: Service\n")
    several.write_text("kind: Service\n---\nkind: Deployment\n")
    broken.write_text("a: [")

    assert _is_experiment(DEMO)
    assert _is_experiment(tmp_path / "missing.yaml")
    assert not any(map(_is_experiment, (manifest, several, broken, tmp_path)))
