"""The documentation of the file format agrees with the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.experiment.load import load_experiment
from harness.localkube.kubelet.images import KNOWN_IMAGES

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "reference" / "experiments.md").read_text()


def test_the_first_page_lists_the_images_of_local_clusters() -> None:
    """Users whose own image is refused find those that exist."""
    page = (ROOT / "README.md").read_text()

    assert [name for name in KNOWN_IMAGES if f"`{name}`" not in page] == []


def test_every_shipped_experiment_is_listed() -> None:
    """The page has a row for each shipped file."""
    files = [path.name for path in (ROOT / "experiments").glob("*.yaml") if not path.name.startswith("sabotage-")]

    assert [name for name in files if f"`{name}`" not in TEXT] == []


#: Every Experiment in the documentation, by its file: what has a workload is one, whether YAML can read it or not.
EXAMPLES = [
    (path.stem, block)
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    for block in re.findall(r"```yaml\n(.*?)```", path.read_text(), re.DOTALL)
    if re.search("^workload:", block, re.MULTILINE)
]


@pytest.mark.parametrize(("page", "example"), EXAMPLES, ids=[page for page, _ in EXAMPLES])
def test_every_example_is_valid(page: str, example: str, tmp_path: Path) -> None:
    """Each runs as it is, next to the shipped ones."""
    for name in ("apps", "patches"):
        (tmp_path / name).symlink_to(ROOT / "experiments" / name)
    (tmp_path / "mine.yaml").write_text(example)

    assert load_experiment(tmp_path / "mine.yaml").cells


def test_the_first_page_and_the_reference_have_an_example() -> None:
    """Otherwise the test above would check nothing."""
    assert [page for page, _ in EXAMPLES] == ["README", "experiments", "first-run", "nightly"]
