"""Tests of run directories and their seals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import EvidenceError, InvalidInputError
from harness.store.rundir import PHASES, RunDirectory, write_json


def sealed_run(path: Path) -> RunDirectory:
    """Return a run with some files in every phase."""
    run = RunDirectory.create(path, "demo")
    write_json(run.path / "run.json", {"name": "demo"})
    write_json(run.path / "plan" / "files" / "00-demo.yaml", "yaml")
    run.seal("plan")
    trial = run.trial("bare--none", 1)
    write_json(trial.outcome, {"failure": ""})
    trial.timeline.write_text("")
    run.seal("evidence")
    judge_and_report(run)
    return run


def judge_and_report(run: RunDirectory) -> None:
    """Write the files of an analysis."""
    write_json(run.path / "verdict.json", {"exit_code": 0})
    run.seal("verdict")
    (run.path / "index.html").write_text("<p>0 lost")
    run.seal("reports")


def contents(path: Path) -> dict[str, bytes]:
    """Return every file with its bytes."""
    return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file()}


def test_an_untouched_run_verifies(tmp_path: Path) -> None:
    """Every phase matches its seal."""
    run = sealed_run(tmp_path / "run")

    for phase in PHASES:
        RunDirectory.open(run.path).verify(phase)


def test_a_second_analysis_gives_the_same_bytes(tmp_path: Path) -> None:
    """Judging and reporting again changes no byte, not even of the seals."""
    run = sealed_run(tmp_path / "run")
    before = contents(run.path)
    judge_and_report(run)

    assert contents(run.path) == before


@pytest.mark.parametrize(
    ("harm", "line"),
    [
        (lambda run: (run / "trials/bare--none/1/timeline.jsonl").write_text("x"), "changed: trials/bare--none/1/tim"),
        (lambda run: (run / "trials/bare--none/1/outcome.json").unlink(), "missing: trials/bare--none/1/outcome.json"),
        (lambda run: (run / "trials/bare--none/1/more.txt").write_text(""), "extra: trials/bare--none/1/more.txt"),
        (lambda run: (run / "run.json").write_text("{}"), "changed: run.json"),
        (lambda run: (run / "seals/plan.json").write_text('{"files": {}}'), "changed: seals/plan.json"),
    ],
)
def test_a_difference_is_named_exactly(tmp_path: Path, harm: Callable[[Path], object], line: str) -> None:
    """A changed, missing or added file of the evidence is named with its state, and no other file is."""
    run = sealed_run(tmp_path / "run")
    harm(run.path)

    with pytest.raises(EvidenceError) as caught:
        run.verify("evidence")
    assert [line] == [found.strip()[: len(line)] for found in caught.value.detail.splitlines()]


def test_all_differences_are_listed(tmp_path: Path) -> None:
    """The message has every such file, not only the first."""
    run = sealed_run(tmp_path / "run")
    (run.path / "run.json").unlink()
    (run.path / "trials/bare--none/1/timeline.jsonl").write_text("x")

    with pytest.raises(EvidenceError) as caught:
        run.verify("evidence")
    assert len(caught.value.detail.splitlines()) == 2


def test_differences_are_listed_for_existing_seals(tmp_path: Path) -> None:
    """An untouched run and a killed run have none. A removed seal is found by the next one."""
    run = sealed_run(tmp_path / "run")
    untouched = run.differences()
    (run.path / "verdict.json").write_text("{}")
    (run.path / "seals/evidence.json").unlink()
    killed = RunDirectory.create(tmp_path / "killed", "demo")
    write_json(killed.path / "run.json", {"name": "demo"})
    killed.seal("plan")
    killed.trial("bare--none", 1).timeline.write_text("")

    assert untouched == ()
    assert [str(each) for each in run.differences()] == ["missing: seals/evidence.json"]
    assert killed.differences() == ()


def test_new_reports_do_not_change_the_evidence(tmp_path: Path) -> None:
    """Files that a later phase writes at the top level are not part of the evidence, sealed or not."""
    run = sealed_run(tmp_path / "run")
    (run.path / "summary.md").write_text("half written")
    (run.path / "verdict.json").write_text("{}")

    run.verify("evidence")
    with pytest.raises(EvidenceError, match="not as it was sealed"):
        run.verify("verdict")


def test_an_unsealed_phase_is_reported(tmp_path: Path) -> None:
    """A run that ended before its evidence was complete can't pass as complete."""
    run = RunDirectory.create(tmp_path / "run", "demo")
    run.seal("plan")

    with pytest.raises(EvidenceError, match="no seal of its evidence"):
        run.verify("evidence")


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"files": 1}'])
def test_a_damaged_seal_is_reported(tmp_path: Path, content: str) -> None:
    """A seal that can't be read is damage, not a traceback."""
    run = sealed_run(tmp_path / "run")
    (run.path / "seals" / "evidence.json").write_text(content)

    with pytest.raises(EvidenceError, match="is damaged"):
        run.verify("evidence")


def test_a_folder_with_content_is_refused(tmp_path: Path) -> None:
    """A run needs a folder of its own; an empty folder is accepted."""
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "x").write_text("")
    (tmp_path / "empty").mkdir()

    with pytest.raises(InvalidInputError, match="not an empty folder"):
        RunDirectory.create(tmp_path / "used", "demo")
    assert RunDirectory.create(tmp_path / "empty", "demo").path == tmp_path / "empty"


def test_new_folders_never_collide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a given folder, runs of the same second get folders of their own below reports/."""
    monkeypatch.chdir(tmp_path)
    runs = {RunDirectory.create(None, "../my demo").path for _ in range(3)}

    assert len(runs) == 3
    assert all(path.parent == Path("reports") and path.name.startswith("my-demo-") for path in runs)


def test_another_folder_is_refused(tmp_path: Path) -> None:
    """A folder of no run, or a missing one, is named as such."""
    with pytest.raises(EvidenceError, match="There is no folder"):
        RunDirectory.open(tmp_path / "none")
    with pytest.raises(EvidenceError, match="not a run directory"):
        RunDirectory.open(tmp_path)


def test_a_path_that_can_be_no_folder_is_invalid_input(tmp_path: Path) -> None:
    """Nothing can be created below a file: exit code 2, as for all invalid input."""
    (tmp_path / "file").touch()

    for out in (tmp_path / "file" / "run", Path("/proc/x")):
        with pytest.raises(InvalidInputError, match="cannot create the folder"):
            RunDirectory.create(out, "demo")


def test_a_file_is_not_called_missing(tmp_path: Path) -> None:
    """The message says that the path is a file, not a run directory."""
    (tmp_path / "file").touch()

    with pytest.raises(EvidenceError, match="is a file, not a run directory"):
        RunDirectory.open(tmp_path / "file")
