"""The reference of the file format, held against the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.store.experiment.schema import CHANGE_PARTS, ExpectPart, Head, Part, PoolPart, TrafficPart
from harness.store.experiment.validation import fields_of
from harness.store.experiments import load_experiment

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "experiments.md").read_text()


@pytest.mark.parametrize("part", [Head, TrafficPart, PoolPart, ExpectPart, *CHANGE_PARTS.values()])
def test_every_field_is_described(part: type[Part]) -> None:
    """Each field of each part is named in the reference."""
    assert [field for field in fields_of(part) if not re.search(rf"`(pool\.)?{field}`", TEXT)] == []


def test_every_shipped_experiment_is_listed() -> None:
    """The reference says what each shipped file shows."""
    files = [path.name for path in (ROOT / "experiments").glob("*.yaml") if not path.name.startswith("sabotage-")]

    assert [name for name in files if f"`{name}`" not in TEXT] == []


def test_the_example_is_valid(tmp_path: Path) -> None:
    """The example at the top of the reference can be run as it is."""
    for name in ("apps", "patches"):
        (tmp_path / name).symlink_to(ROOT / "experiments" / name)
    example = re.findall(r"```yaml\n(name:.*?)```", TEXT, re.DOTALL)[0]
    (tmp_path / "example.yaml").write_text(example)

    assert len(load_experiment(tmp_path / "example.yaml").cells) == 4
