"""Reports of releases have shares, candidates and versions in every format."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from harness.model.verdict import RunVerdict
from harness.report import html, junit, markdown, terminal
from harness.report.run import document
from harness.store.records import from_json, to_json
from harness.testing.release_reports import sample_releases
from harness.testing.reports import sample_run


class TextFile(SingleFileSnapshotExtension):
    """A golden file of plain text."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


@pytest.fixture
def golden(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Compare with a text file. pytest --snapshot-update writes it."""
    return snapshot.use_extension(TextFile)


def in_terminal(run: RunVerdict) -> str:
    """Return the output of a terminal of 110 columns without colours."""
    out = io.StringIO()
    console = Console(file=out, width=110, highlight=False, color_system=None)
    console.print(terminal.render(document(run)))
    return out.getvalue()


def test_releases_in_a_terminal(golden: SnapshotAssertion) -> None:
    """Each step's share and each candidate has a line, next to the findings."""
    assert in_terminal(sample_releases()) == golden


def test_releases_as_markdown(golden: SnapshotAssertion) -> None:
    """The step summary."""
    assert markdown.render(document(sample_releases())) == golden


def test_releases_as_junit(golden: SnapshotAssertion) -> None:
    """The XML document."""
    assert junit.render(document(sample_releases())) == golden


def test_releases_as_a_page() -> None:
    """There are tables of shares and candidates, with the wrong share marked, and a plot of versions."""
    page = html.render(document(sample_releases()))
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))

    assert "step 2 50.0 % 46.0 % (2,300 of 5,000 answers) 44.2 % to 47.8 % 42.6 % to 49.5 % 7.0 to 8.0" in text
    assert re.search(r'<tr class="lost"><th scope="row">step 2</th>', page)
    assert not re.search(r'<tr class="lost"><th scope="row">step 1</th>', page)
    assert "B 500 3 status 2, wrong-answer 1 450 90.0 % 2.8 ms 240 ms 311 ms" in text
    assert "Success is an answer within 0.2 s: the candidates differ (p &lt; 0.0001, z test)." in text
    assert page.count("var(--new-fill)") > page.count("var(--old-fill)") - 1 > 0


def test_other_changes_have_no_versions() -> None:
    """They have no table, line or plot of versions."""
    run = sample_run(("bare",), ("none", "rolling-update"))

    assert "Candidates side by side" not in html.render(document(run))
    assert "old, new" not in html.render(document(run))
    assert "who answered" not in in_terminal(run) + markdown.render(document(run))


def test_who_answered_survives_the_disk() -> None:
    """A stored and reread verdict is the same."""
    run = sample_releases()

    assert from_json(RunVerdict, to_json(run)) == run
