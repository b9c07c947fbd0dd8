"""Remedies and failed attempts are shown in every format, and each failed attempt has a trace."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from html import unescape
from typing import Any

from rich.console import Console

from harness.model.failed import TracedReceipt
from harness.model.verdict import Mark
from harness.report import html, markdown, run, terminal
from harness.report.blocks import Block, FailureRow, FailuresTable, Remedy, TraceEvent
from harness.report.document import Document, Section
from harness.report.failure_data import packed
from harness.report.traces import MarksOfTrial, failures, row_of
from harness.testing.reports import sample_run

TRIAL = sample_run(("bare",), ("rolling-update",)).cells[0].trials[0]
REMEDY = Remedy(
    title="preStop too short",
    why="The pod stopped listening before the ingress stopped sending to it.",
    certainty="certain",
    lost=87,
    code="prestop-too-short",
    object="Deployment/apple",
    field="spec.template.spec.containers[apple].lifecycle.preStop",
    change="Sleep for 6 s.",
    derivation="4.9 s were needed in this run.",
    patch="spec:\n  sleep: <6>\n",
    command="kubectl patch deployment apple --patch-file apple.yaml",
)
ROW = FailureRow(
    id="t-0-7",
    at=4.0,
    stream="GET /apple, new",
    outcome="status",
    status=502,
    upstream="apple-1",
    cause="prestop-too-short",
    trace=(TraceEvent(3.8765, "pod", "apple-1 terminating", "</script>"), TraceEvent(4.0, "attempt", "sent")),
)
TABLE = FailuresTable(rows=(ROW,), total=3, elsewhere="harness export DIR")


def with_block(block: Block) -> Document:
    """Return a document that has one block."""
    document = run.document(sample_run(("bare",), ("none",)))
    return replace(document, sections=(Section(names=("x",), key="x", blocks=(block,)),))


def on_terminal(block: Block) -> str:
    """Return a document with one block as text of a wide terminal."""
    out = io.StringIO()
    Console(file=out, width=200).print(terminal.render(with_block(block)))
    return out.getvalue()


def every_format(block: Block) -> list[str]:
    """Return a document with one block in each format for people, without markup."""
    page = re.sub(r"<[^>]*>", "", html.render(with_block(block)))
    return [unescape(page), markdown.render(with_block(block)), on_terminal(block)]


def test_a_remedy_says_why_and_what_to_change() -> None:
    """Each format has the reason, its certainty, the field, the change, its derivation, the patch and the command."""
    said = ["preStop too short", REMEDY.why, "certain", "87", "Deployment/apple", REMEDY.field, "Sleep for 6 s."]
    said += [REMEDY.derivation, "sleep: <6>", REMEDY.command]

    for text in every_format(REMEDY):
        assert [part for part in said if part not in text] == []
        assert "only hides" not in text


def test_a_remedy_that_only_hides_losses_says_so() -> None:
    """A retry at the proxy is no repair."""
    assert all("only hides" in text for text in every_format(replace(REMEDY, only_hides=True)))


def test_a_reason_without_a_remedy_is_shown() -> None:
    """A cause without a field that helps has no object, no patch and no command."""
    bare = Remedy(title="Unexplained", why="No rule explains these losses.", certainty="unknown", lost=2)

    for text in every_format(bare):
        assert "No rule explains these losses." in text
        assert "→" not in text.split("Unexplained")[1].split("1,000 requests sent")[0]
    assert "<button" not in html.render(with_block(bare)).split("<script>")[0]


def test_failed_attempts_are_shown_in_every_format() -> None:
    """Each has a row with everything that is known of it, and the place of those without a row."""
    for text in every_format(TABLE):
        found = [part for part in ("4.000", "GET /apple, new", "status 502", "apple-1", "t-0-7") if part not in text]
        assert found == []
        assert "1 of 3 lost requests; all of them: harness export DIR" in text


def test_an_empty_table_is_not_shown() -> None:
    """A trial without failed attempts has no table of them."""
    empty = FailuresTable(rows=(), total=0, elsewhere="harness export DIR")

    assert [text for text in every_format(empty) if "harness export" in text] == []


def data_of(table: FailuresTable) -> dict[str, Any]:
    """Return the data for the page's script."""
    found: dict[str, Any] = json.loads(str(packed(table)))
    return found


def test_the_data_of_a_table_can_be_read_back() -> None:
    """Each text and each moment is there once, and no text ends the element that holds it."""
    data = data_of(replace(TABLE, rows=(ROW, replace(ROW, id="t-0-8"))))
    (row, _), texts = data["rows"], data["texts"]

    assert "<" not in str(packed(TABLE))
    assert (row[0], texts[row[2]], texts[row[3]], row[4]) == ("t-0-7", "GET /apple, new", "status", 502)
    assert [data["moments"][place] for place in row[8]] == [
        [3.8765, "pod", "apple-1 terminating", "</script>"],
        [4.0, "attempt", "sent", ""],
    ]
    assert len(data["moments"]) == 2


def test_offsets_count_from_sending() -> None:
    """They are signed milliseconds."""
    assert [ROW.offset_ms(moment) for moment in ROW.trace] == [-123.5, 0.0]


def test_a_trace_has_the_attempt_its_connection_and_the_events_around_it() -> None:
    """Its moments are in order, and events far away are left out."""
    attempt = TRIAL.failed.kept[0]
    far = Mark(attempt.planned + 60, "pod", "other", "ready")
    row = row_of(attempt, MarksOfTrial((*TRIAL.marks, far)))
    moments = [(moment.kind, moment.text.split()[0]) for moment in row.trace]

    assert [moment.at for moment in row.trace] == sorted(moment.at for moment in row.trace)
    assert {("attempt", "planned"), ("attempt", "sent,"), ("attempt", "outcome:"), ("connection", "connection")} < set(
        moments
    )
    assert ("pod", TRIAL.marks[2].subject) in moments
    assert "other" not in {word for _, word in moments}


def test_a_trace_has_the_receipts_of_the_pods() -> None:
    """A receipt is at its time, or at the start of the attempt if that is unknown."""
    (attempt, *_) = TRIAL.failed.kept
    read, answered = TracedReceipt("apple-1", "read", 0, 4.05), TracedReceipt("apple-1", "answered", 200, None)
    row = row_of(replace(attempt, sent=4.0, receipts=(read, answered)), MarksOfTrial(()))

    assert [(moment.at, moment.text, moment.detail) for moment in row.trace if moment.kind == "receipt"] == [
        (4.0, "apple-1 answered it with 200", "at an unknown time"),
        (4.05, "apple-1 read it", ""),
    ]


def test_a_trace_keeps_the_nearest_events() -> None:
    """A busy timeline does not hide what happened next to the attempt."""
    attempt = TRIAL.failed.kept[0]
    busy = tuple(Mark(attempt.planned + n / 1000, "pod", f"pod-{n}", "ready") for n in range(-500, 500))
    events = [moment for moment in row_of(attempt, MarksOfTrial(busy)).trace if moment.kind == "pod"]

    assert len(events) == 24
    assert max(abs(moment.at - attempt.planned) for moment in events) < 0.02


def test_an_attempt_that_was_never_sent_counts_from_its_planned_time() -> None:
    """An unfinished attempt may have no further moment."""
    attempt = replace(TRIAL.failed.kept[0], sent=None, done=None, opened=None, closed=None, outcome="unfinished")
    row = row_of(attempt, MarksOfTrial(()))

    assert (row.at, [moment.text for moment in row.trace]) == (attempt.planned, ["planned"])


def test_unfinished_requests_are_not_called_lost() -> None:
    """Nobody knows their outcome."""
    table = replace(TABLE, rows=(replace(ROW, outcome="unfinished", status=0),))

    assert all("1 of 3 lost or unfinished requests" in text for text in every_format(table))


def test_a_table_says_where_all_failed_attempts_are() -> None:
    """The command names cell and trial."""
    trial = replace(TRIAL, failed=replace(TRIAL.failed, total=5000))

    assert failures(trial).more(90) == (
        "90 of 5,000 lost requests; all of them: harness export DIR --cell 'bare--rolling-update' --trial 1"
    )
    assert failures(replace(trial, directory="origins/1")).elsewhere == "harness export DIR"
