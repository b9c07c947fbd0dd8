"""The page of proofs says what was proved, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from remedy_proofs.page import PAGE, page
from remedy_proofs.rows import EXPERIMENTS, ROOT, Counted, Row, changes, read, record

ROW = Row(
    experiment="experiments/sabotage-rollout.yaml",
    cell="no-prestop--rolling-update",
    cluster="local",
    causes={"network-silent": 700, "listener-closed-early": 100},
    remedy="sleep.seconds: 6",
    advice="",
    before=Counted(9, 9, 2400),
    after=Counted(0, 9, 0),
    works=True,
    trials=3,
    date="2026-11-29",
    version="0.1.0",
)


def test_the_page_is_generated_from_the_record() -> None:
    """``python -m remedy_proofs`` writes both."""
    assert PAGE.read_text(encoding="utf-8") == page(read())


def test_every_experiment_of_the_table_exists() -> None:
    """The command on the page can repeat each of them."""
    assert [each for each in EXPERIMENTS if not (ROOT / each).is_file()] == []


def test_a_row_has_both_counts_and_the_bound() -> None:
    """None of 9 transitions: less than 28 in 100, as 0.05 to the power of 1/9 is 0.717."""
    assert (
        "| `sabotage-rollout` `no-prestop` / `rolling-update` | `network-silent` 700, `listener-closed-early` 100 "
        "| `sleep.seconds: 6` | 9 of 9, 2,400 | 0 of 9, 0 | 28 % | 3 | yes |"
    ) in page([ROW])


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (replace(ROW, works=False, after=Counted(1, 9, 5)), "1 of 9 transitions lost requests with the remedy"),
        (
            replace(ROW, works=False, after=Counted(1, 9, 5), left={"reload": 5}, left_advice="No field helps."),
            "1 of 9 transitions lost requests with the remedy, by `reload` 5.\n  No field helps",
        ),
        (replace(ROW, works=None, before=Counted(0, 9, 0)), "nothing was lost without the remedy either"),
        (replace(ROW, works=None), "nothing was lost with the remedy, but the evidence is not enough"),
        (replace(ROW, trials=2), "nothing was lost with the remedy, but the evidence is not enough"),
        (replace(ROW, works=None, before=None, after=None, trials=0), "it was not run"),
    ],
)
def test_what_is_not_proved_is_listed_with_its_reason(row: Row, why: str) -> None:
    """It does not count as proved, and the page says what is missing."""
    found = page([ROW, row])

    assert "Of 2 rows with a remedy, 1 are proved." in found
    assert f"- `sabotage-rollout` `no-prestop` / `rolling-update`: {why}." in found


def test_a_row_without_a_remedy_has_its_advice() -> None:
    """It is neither proved nor open."""
    found = page([replace(ROW, remedy="", advice="No field helps: wait.", works=None, before=None, after=None)])

    assert "| No field helps: wait. |" in found
    assert "Of 0 rows with a remedy, 0 are proved." in found


def test_a_new_proof_replaces_the_earlier_one_of_its_cell(tmp_path: Path) -> None:
    """Rows of other cells and clusters stay, in the order of the table of Experiments."""
    path = tmp_path / "measured.json"
    kind, other = replace(ROW, cluster="kind"), replace(ROW, experiment="experiments/service-entry.yaml", before=None)
    record([other, ROW, kind], path)
    record([replace(ROW, trials=5)], path)

    assert read(path) == [kind, replace(ROW, trials=5), other]


def test_a_remedy_is_named_by_the_values_that_it_sets() -> None:
    """Each has the last two words of its path; names of containers and removed fields are left out."""
    hook = {"name": "apple", "lifecycle": {"preStop": {"exec": None, "sleep": {"seconds": 6}}}}
    pod = {"terminationGracePeriodSeconds": 11, "containers": [hook]}
    patch = {"spec": {"replicas": 2, "template": {"spec": pod}}}

    assert changes(patch) == ["replicas: 2", "terminationGracePeriodSeconds: 11", "sleep.seconds: 6"]
