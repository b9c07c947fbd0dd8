"""Every format of a migration's report has the answer, both sides' numbers, and the causes of differences."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from junitparser import JUnitXml
from rich.console import Console

from harness.judging.migration.comparing import MigrationRun, compare
from harness.judging.migration.sides import AccessFacts
from harness.model.migration import DifferenceCode, Migration, MigrationDifference
from harness.model.verdict import Verdict
from harness.report import html, junit, markdown, migration_text, terminal
from harness.report.migration import document
from harness.testing.reports import sample_run

INGRESS = {
    "kind": "Ingress",
    "metadata": {"name": "fruit<br>", "annotations": {"nginx.ingress.kubernetes.io/rewrite-target": "/|"}},
}


@pytest.fixture(scope="module")
def migration() -> Migration:
    """Return the sample run behind two controllers. Only the target loses in one cell, where the source retried."""
    source = sample_run(("bare", "graceful"), ("none", "rolling-update", "ingress-edit"))
    cells = tuple(
        replace(cell, verdict=Verdict.LOSSLESS, findings=(), lost=0, as_expected=True)
        if cell.id == "bare--rolling-update"
        else cell
        for cell in source.cells
    )
    access = {cell.id: AccessFacts(1000, 9 if cell.id == "bare--rolling-update" else 0, {}) for cell in cells}
    return compare(
        MigrationRun("ingress-nginx", "source-ingress-nginx", replace(source, cells=cells), access),
        MigrationRun("traefik", "target-traefik", source, {**access, "bare--rolling-update": AccessFacts(1000, 0, {})}),
        {"bare": (INGRESS,)},
        command="harness migrate sample.yaml",
    )


def terminal_text(migration: Migration, width: int = 160) -> str:
    """Return the output of a terminal of this width."""
    console = Console(file=io.StringIO(), width=width)
    console.print(terminal.render(document(migration)))
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_every_format_names_the_cell_that_the_target_loses(migration: Migration) -> None:
    """The cause is named too: the source's retries."""
    for text in (terminal_text(migration), markdown.render(document(migration)), html.render(document(migration))):
        plain = re.sub(r"\s+", " ", text)
        assert "requests are lost that ingress-nginx does not lose: bare × rolling-update" in plain  # noqa: RUF001
        assert "retried 9 requests" in plain
        assert "rewrite-target" in plain


def test_junit_has_a_failure_for_the_gate_and_an_error_for_the_unknown(migration: Migration) -> None:
    """There is a case for each cell. A cell that both lose is neither."""
    (suite,) = JUnitXml.fromstring(junit.render(document(migration)).encode())
    results = {(case.classname, case.name): [type(r).__name__ for r in case.result] for case in suite}

    assert len(results) == 6
    assert results["sample.bare", "rolling-update"] == ["Failure"]
    assert results["sample.bare", "ingress-edit"] == ["Error"]
    assert results["sample.graceful", "none"] == []


def test_markup_of_names_stays_text(migration: Migration) -> None:
    """Neither HTML nor a table bar in a name has an effect."""
    assert "fruit<br>" not in html.render(document(migration))
    assert "fruit&lt;br>" in markdown.render(document(migration))


def test_the_page_needs_nothing_else(migration: Migration) -> None:
    """It has no outside address, and its links go to the reports of both runs."""
    page = html.render(document(migration))

    assert set(re.findall(r'(?:src|href)="((?!#)[^"]*)"', page)) == {
        "data:,",
        "source-ingress-nginx/index.html",
        "target-traefik/index.html",
    }


def test_a_narrow_terminal_breaks_no_line(migration: Migration) -> None:
    """80 columns are enough."""
    assert max(map(len, terminal_text(migration, 80).splitlines())) <= 80


@pytest.mark.parametrize("code", DifferenceCode)
@pytest.mark.parametrize("side", ["source", "target"])
def test_each_difference_is_a_sentence(migration: Migration, code: DifferenceCode, side: str) -> None:
    """Each code has a sentence that names the right controller first."""
    numbers: dict[str, str | int | float | bool] = {
        "annotation": "nginx.ingress.kubernetes.io/x", "value": "1", "ingresses": "fruit", "about": "retries",
        "instead": "a Middleware", "provider": True, "lost": 3, "sent": 9, "answers": "/a 404", "routes": "GET /a",
        "late_s": 3.4, "other_s": 0.2, "retried": 4, "own": 0, "cut": 5, "other_cut": 0, "reloads": 1,
        "classes": "status 3", "statuses": "504 x 3", "other": "", "wrong": 3,
    }  # fmt: skip
    pair = replace(migration.pairs[0], prestop_s=3.0)
    explanation = migration_text.explain(migration, MigrationDifference(code, numbers, side), pair)

    names = [migration.source, migration.target] if side == "source" else [migration.target, migration.source]
    if code is DifferenceCode.ANNOTATION:
        assert "traefik" in explanation.text
    else:
        assert any(name in explanation.text for name in names)
    assert explanation.text.endswith(".")


def test_a_short_hook_is_reported(migration: Migration) -> None:
    """The workload's preStop of 3 s is compared with the late controller."""
    late = MigrationDifference(DifferenceCode.SYNC_LATE, {"late_s": 3.4, "other_s": 0.2, "lost": 3}, "source")

    explanation = migration_text.explain(migration, late, replace(migration.pairs[0], prestop_s=3.0))

    assert "0.3 times a second" in explanation.text
    assert "A preStop of 3 s is too short for that." in explanation.text


def test_the_answers_of_all_kinds(migration: Migration) -> None:
    """A migration may be stopped, unknown, the same, or better than before."""
    same = replace(migration, pairs=tuple(p for p in migration.pairs if p.outcome.value == "lossless"))
    unknown = replace(migration, pairs=tuple(p for p in migration.pairs if p.outcome.value == "unknown"))

    losing = next(pair for pair in migration.pairs if pair.outcome.value == "target-loses")
    silent = replace(losing, target=replace(losing.target, sent=0))

    assert migration_text.answer(replace(migration, pairs=(silent,))).startswith("traefik does not serve")
    assert migration_text.answer(replace(migration, signal=2)).startswith("Stopped")
    assert migration_text.answer(same) == "No request is lost behind traefik, nor behind ingress-nginx."
    assert migration_text.answer(unknown).startswith("No answer")
    assert migration_text.answer(replace(migration, pairs=())).startswith("No answer")
