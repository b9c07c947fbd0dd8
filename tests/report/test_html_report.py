"""The HTML report is one offline file with the same bytes each time, readable for everybody."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from pages import own_text
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from harness.analysis.failed import MOST
from harness.model.failed import FailedAttempts
from harness.model.verdict import Mark, RunVerdict, Window
from harness.report import html
from harness.report.run import document
from harness.store.records import dump, from_json
from harness.testing.reports import sample_run

#: Six cells: enough for every kind of answer.
FEW = (("bare", "graceful"), ("none", "rolling-update", "ingress-edit"))
#: Two cells: enough for what must be the same twice.
PAIR = (("bare",), ("rolling-update", "ingress-edit"))


def few() -> RunVerdict:
    """Return a small run."""
    return sample_run(*FEW)


class HtmlFile(SingleFileSnapshotExtension):
    """A golden file that a browser can show."""

    _write_mode = WriteMode.TEXT
    file_extension = "html"


class Page(HTMLParser):
    """A parsed page: elements with their attributes, and whether each is closed."""

    VOID = frozenset({"meta", "link", "br", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Add an element without content."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Close an element, which must be the last one opened."""
        assert self.open.pop() == tag

    def having(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of every element of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def text() -> str:
    """Return the sample's report."""
    return html.render(document(few()))


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    """Return the parsed report."""
    return Page(text)


def test_html(text: str, snapshot: SnapshotAssertion) -> None:
    """It equals its golden file. pytest --snapshot-update writes it."""
    assert own_text(text) == snapshot.use_extension(HtmlFile)


def test_it_is_one_offline_file(text: str, page: Page) -> None:
    """It loads nothing: no src, no foreign href, no import, no url() in styles."""
    links = [a[key] or "" for _, a in page.elements for key in ("href", "src", "xlink:href") if key in a]

    assert [link for link in links if not link.startswith("#") and link != "data:,"] == []
    assert re.findall(r"@import|url\(|https?://", re.sub(r'xmlns(?::xlink)?="[^"]*"', "", own_text(text))) == []


def test_every_element_is_closed_and_every_id_is_one(page: Page) -> None:
    """The page is well formed, links lead to existing ids, and ids are unique."""
    ids = Counter(attributes["id"] for _, attributes in page.elements if "id" in attributes)
    targets = {(a["href"] or "")[1:] for a in page.having("a")}

    assert page.open == []
    assert max(ids.values()) == 1
    assert targets <= set(ids)


def test_only_what_is_not_as_expected_is_open(page: Page) -> None:
    """The unexpected and the inconclusive cell and their reasons are open, and the others closed."""
    assert opened(page) == {
        "bare--ingress-edit",
        "graceful--rolling-update",
        "why-bare--ingress-edit",
        "why-graceful--rolling-update",
    }
    assert len([a for a in page.having("details") if a.get("id")]) == 6 + 3


def opened(page: Page) -> set[str | None]:
    """Return the ids of cells and reasons that are open."""
    return {a["id"] for a in page.having("details") if a.get("id") and "open" in a}


def test_each_lossy_or_unexpected_cell_has_its_reason_before_all_cells(text: str) -> None:
    """The reader sees why, and what to change, before any chart. Those that are not as expected come first."""
    found = re.findall(r'<details class="cell [a-z]+" id="([^"]*)"', text)

    assert found[:3] == ["why-bare--ingress-edit", "why-graceful--rolling-update", "why-bare--rolling-update"]
    assert [each for each in found[3:] if each.startswith("why-")] == []
    assert text.index('id="matrix-title"') < text.index('id="why-title"') < text.index('id="cells-title"')


def test_where_all_is_as_expected_the_first_loss_is_open() -> None:
    """The reader of an expected result sees at once what a loss looks like."""
    run = sample_run(("probe",), ("none", "rolling-update", "delete-pod"))

    assert opened(Page(html.render(document(run)))) == {"probe--rolling-update", "why-probe--rolling-update"}


def test_the_accounting_is_printed_and_said_to_hold_or_not() -> None:
    """Both sums have their numbers, and a wrong sum is marked."""
    run = sample_run(("bare",), ("rolling-update",))
    cell = run.cells[0]
    broken = replace(cell.trials[0], identity=replace(cell.trials[0].identity, ok=1))
    words = [
        re.sub(
            r"\s+",
            " ",
            re.sub(r"<[^>]*>", "", html.render(document(replace(run, cells=(replace(cell, trials=(trial,)),))))),
        )
        for trial in (cell.trials[0], broken)
    ]

    assert "1,000 planned = 1,000 sent + 0 missed + 0 abandoned + 0 client faults" in words[0]
    assert "1,000 sent = 910 ok + 90 lost: status + 0 unfinished" in words[0]
    assert ["Both sums are right" in text for text in words] == [True, False]
    assert ["do not add up" in text for text in words] == [False, True]


def calibrated(*calibrations: dict[str, tuple[int, int]]) -> str:
    """Return the page of a run with a trial for each calibration."""
    run = sample_run(("bare",), ("none",))
    cell = run.cells[0]
    trials = tuple(replace(cell.trials[0], number=n, calibration=each) for n, each in enumerate(calibrations, 1))
    return own_text(html.render(document(replace(run, cells=(replace(cell, trials=trials),)))))


def test_the_calibration_is_stated_once() -> None:
    """Every trial has a line that links to the one table, which has the sums of all trials."""
    text = calibrated({"hung": (8, 8)}, {"hung": (8, 8)})

    assert len(re.findall(r'<table class="plain calibration">', text)) == 1
    assert re.search(r'<th scope="row">hung</th><td class="n">16</td><td class="n">16</td>', text)
    assert text.count('<a href="#detector-title">All kinds</a>') == 2
    assert "It was exact in 2 of 2 trials." in text


def test_an_inexact_calibration_is_unfolded() -> None:
    """A trial shows the kinds that differ, and only those; nothing has to be opened to see them."""
    text = calibrated({"hung": (8, 7), "slow": (4, 4)}, {"hung": (8, 8), "slow": (4, 4)})
    shown = [a for a in Page(text).having("details") if a.get("class") == "more" and "open" in a]

    assert len(shown) == 2
    assert len(re.findall(r'<th scope="row">slow</th>', text)) == 1
    assert re.search(r'<th scope="row">hung</th><td class="n">8</td><td class="n">7</td>', text)
    assert "It was exact in 1 of 2 trials." in text


def test_tables_and_charts_speak_to_screen_readers(page: Page) -> None:
    """Every table heading has a scope, and every chart a role and a label."""
    drawings = [a for a in page.having("svg") if a.get("class") == "chart"]

    assert len(drawings) == 7
    assert all(a.get("role") == "img" and a.get("aria-label") for a in drawings)
    assert all("scope" in a for a in page.having("th"))


def test_text_from_outside_is_text() -> None:
    """Answers of pods and texts of users are shown, and never run."""
    run = few()
    evil = "<script>alert(1)</script>"
    trial = replace(run.cells[0].trials[0], responders={evil: 3}, directory=evil)
    cell = replace(run.cells[0], trials=(trial,), expected_reason=evil)

    shown = html.render(
        document(replace(run, name=evil, description=evil, command=evil, cells=(cell,), environment={evil: evil}))
    )

    assert evil not in shown
    assert [a for a in Page(shown).having("script") if "type" not in a] == [{}]


def test_a_stored_verdict_gives_the_same_bytes() -> None:
    """A run that was written to disk and read again gives the same page. So does rendering twice."""
    run = sample_run(*PAIR)
    stored = from_json(RunVerdict, json.loads(dump(run)))

    assert html.render(document(stored)) == html.render(document(run))


@pytest.mark.processes
def test_another_process_gives_the_same_bytes() -> None:
    """Nothing is random: neither ids of charts nor the order of sets."""
    imports = "from harness.report import html, run; from harness.testing.reports import sample_run"
    code = f"{imports}; print(html.render(run.document(sample_run(*{PAIR}))), end='')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": "1", "PYTHONUTF8": "1", "TZ": "Asia/Kolkata"},
    )
    assert done.stdout == html.render(document(sample_run(*PAIR)))


def test_a_trial_without_traffic_has_no_chart() -> None:
    """It has an accounting, and no empty picture."""
    run = few()
    series = replace(run.cells[0].trials[0].series, sent=(), ok=(), failed=(), latency_p50=(), latency_max=())
    trial = replace(run.cells[0].trials[0], series=series, streams=(), marks=(), phases=(), pods=())
    shown = html.render(document(replace(run, cells=(replace(run.cells[0], trials=(trial,)),))))

    assert Page(shown).having("svg") == []


def test_a_page_has_at_most_a_megabyte_per_trial() -> None:
    """Its size is bounded for a million losses, a thousand times with losses, and ten thousand events."""
    run = sample_run(("bare",), ("rolling-update",))
    cell = run.cells[0]
    trial = cell.trials[0]
    full = replace(
        trial,
        failed=FailedAttempts(1_000_000, (trial.failed.kept * 3)[:MOST]),
        losing=tuple(Window(n, n + 0.5, "1000") for n in range(1000)),
        marks=tuple(Mark(n / 1000, "pod", "apple-66f9d8c7b5-x7k2p", "unready") for n in range(10_000)),
        responders={f"answer {n}": 1 for n in range(10_000)},
    )
    text = html.render(document(replace(run, cells=(replace(cell, trials=(full,)),))))

    assert len(text.encode()) < 1_000_000
    assert "200 of 1,000,000 lost requests" in text
    assert "and 988 further times" in text
    assert "The first 1,000;" in text


def test_a_run_without_cells_says_so() -> None:
    """Its page says that there is no answer."""
    run = replace(few(), cells=(), configurations=(), changes=(), exit_code=3)

    assert "No answer" in html.render(document(run))
