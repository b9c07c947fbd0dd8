"""The generated parts of the documentation are up to date."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.experiment.json_schema import FILE, schema_text
from harness.reference.__main__ import main
from harness.reference.markers import with_parts
from harness.reference.pages import PAGES, outdated

DOCS = Path(__file__).parents[2] / "docs"


def test_every_generated_part_is_current() -> None:
    """After a change of the code, ``python -m harness.reference`` must have run."""
    assert outdated(DOCS) == (), "run `python -m harness.reference`"


@pytest.mark.parametrize("page", PAGES)
def test_a_part_that_is_not_current_is_found_and_written(tmp_path: Path, page: str) -> None:
    """A line that was edited by hand is found, and the generator restores it."""
    docs = tmp_path / "docs"
    (tmp_path / "experiments").mkdir()
    for name in PAGES:
        (docs / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(DOCS / name, docs / name)
    assert main(tmp_path) == 0
    text = (docs / page).read_text()
    marker = f"<!-- end: {next(iter(PAGES[page]))} -->"
    (docs / page).write_text(text.replace(marker, f"edited by hand\n{marker}"))

    assert outdated(docs) == (page,)
    assert main(tmp_path) == 0
    assert (docs / page).read_text() == text
    assert (tmp_path / "experiments" / FILE).read_text() == schema_text()


def test_a_page_without_its_markers_is_an_error() -> None:
    """The generator could never update a part without markers."""
    with pytest.raises(HarnessError, match="has 0 parts"):
        with_parts("no markers", {"role": "text"})
