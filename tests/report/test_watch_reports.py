"""Every format of a watch's report equals its golden file, and the JSON object keeps its guarantees."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from documentation import page
from made_up_watches import lossy, quiet, watched
from pages import own_text
from rich.console import Console
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from harness.analysis.evidence import TrialEvidence
from harness.model.attempt import Outcome
from harness.model.watch import WatchVerdict
from harness.report import html, junit, markdown, terminal
from harness.report.watch import document
from harness.report.watch_json import summary
from harness.testing.evidence import with_losses, with_rows
from harness.wording import length


class TextFile(SingleFileSnapshotExtension):
    """A golden file of plain text."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


@pytest.fixture
def golden(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Compare with a text file. pytest --snapshot-update writes it."""
    return snapshot.use_extension(TextFile)


def in_terminal(watch: WatchVerdict) -> str:
    """Return the output of a terminal of 110 columns without colours."""
    out = io.StringIO()
    console = Console(file=out, width=110, highlight=False, color_system=None)
    console.print(terminal.render(document(watch)))
    return out.getvalue()


def test_a_watch_in_a_terminal(golden: SnapshotAssertion) -> None:
    """It has accounting, outages, findings and answer."""
    assert in_terminal(lossy()) == golden


def test_a_watch_as_markdown(golden: SnapshotAssertion) -> None:
    """The step summary."""
    assert markdown.render(document(lossy())) == golden


def test_a_watch_as_junit(golden: SnapshotAssertion) -> None:
    """The XML document."""
    assert junit.render(document(lossy())) == golden


def test_a_watch_as_html_is_one_offline_file() -> None:
    """It loads nothing, and has the answer, the accounting and every outage."""
    text = own_text(html.render(document(lossy())))
    loaded = re.findall(r'(?:href|src)="(?!#|data:,)([^"]*)"|@import|url\(', text)

    assert loaded == []
    assert "62 of 300 requests (20.7 %) were lost, in 2 outages, the longest of 500 ms; one was not over" in text
    assert "2026-01-02T03:04:06.500000Z" in text
    assert text.count("not over</span>") == 1


@pytest.mark.parametrize("trials", [1, 2])
def test_the_object_for_scripts_adds_up(trials: int) -> None:
    """Both sums hold over all origins. Outages have wall-clock times and seconds."""
    spoilt = with_rows(with_losses(quiet(), 1.0, 1.1), 2.0, 2.005, outcome=Outcome.UNFINISHED)
    found = summary(watched(*[spoilt] * trials), "reports/x")

    assert found["ok"] + found["lost_total"] + found["unfinished"] == found["sent"] == 300 * trials
    assert found["sent"] + found["missed_slots"] + found["abandoned"] + found["client_faults"] == found["planned"]
    assert found["lost"] == {"status": 10 * trials}
    assert found["outages_total"] == len(found["outages"]) == trials
    assert (found["outages"][0]["start"], found["outages"][0]["start_s"]) == ("2026-01-02T03:04:06.500000Z", 1.0)
    assert (found["outages"][0]["seconds"], found["outages"][0]["lost"]) == (0.1, 10)
    assert (found["verdict"], found["exit_code"]) == ("lossy", 1)


def test_unknown_values_are_missing() -> None:
    """There is no latency without an answer, and no wall clock that was not recorded."""
    found = summary(watched(with_losses(quiet(), 0, 10, Outcome.REFUSED), wall=0), "x")
    refused = summary(watched(with_rows(quiet(), 0, 10, outcome=Outcome.REFUSED, progress=0)), "x")

    assert found["outages"][0]["start"] == ""
    assert refused["latency_ms"] == {"p50": None, "p99": None, "max": None}


@pytest.mark.parametrize(
    ("trial", "answer"),
    [
        (quiet(), "✓ lossless: None of 300 requests was lost."),
        (replace(quiet(), failure="it died"), "? inconclusive: No answer: none of 300 requests lost, but"),
        (with_losses(quiet(), 1.0, 1.005), "1 of 300 requests (0.3 %) was lost, in an outage of 10 ms."),
        (
            replace(quiet(), attempts=quiet().attempts[:0], origin_ns=0, stopped_ns=None, failure="there is no way"),
            "? inconclusive: No answer: nothing was sent.",
        ),
    ],
    ids=["lossless", "failed", "one", "nothing"],
)
def test_the_answer_is_one_sentence(trial: TrialEvidence, answer: str) -> None:
    """Each kind of watch has its sentence and sign."""
    assert answer in in_terminal(watched(trial))


def test_lengths_have_a_suitable_unit() -> None:
    """They range from parts of a millisecond to minutes."""
    told = [length(seconds) for seconds in (0.0004, 0.0024, 0.12, 4.2, 200.0)]

    assert told == ["0.4 ms", "2.4 ms", "120 ms", "4.20 s", "3 min 20 s"]


def test_every_member_of_the_object_is_described() -> None:
    """docs/reference/watch.md describes each."""
    text = page("reference/watch.md")
    found = summary(lossy(), "x")
    names = [*found, *found["latency_ms"], *found["outages"][0]]

    assert [name for name in names if f"`{name}`" not in text and f"outages[].{name}`" not in text] == []
