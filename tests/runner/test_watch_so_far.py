"""A watch is judged while it goes on: what is known counts, nothing is touched, and it is never a success."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from watch_directory import MadeUpWatch

from harness.cli.evidence import analyze
from harness.errors import EvidenceError, InvalidInputError
from harness.model.attempt import Outcome
from harness.model.verdict import Verdict
from harness.runner import evidence as reading
from harness.runner.watch.judging import judge_again, judge_as_found, judge_so_far
from harness.store.records import to_json
from harness.store.rundir import RunDirectory
from harness.store.segments import seals_path, segment_path


@pytest.fixture
def watch(tmp_path: Path) -> MadeUpWatch:
    """Return a watch that has begun and sent nothing yet."""
    watch = MadeUpWatch(tmp_path / "watch")
    watch.begin()
    return watch


def content_of(directory: Path) -> dict[str, tuple[int, bytes]]:
    """Return time and bytes of each file, and the time of each folder."""
    return {
        path.relative_to(directory).as_posix(): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in directory.rglob("*")
    }


def codes(watch: MadeUpWatch) -> set[str]:
    """Return the codes of the findings so far."""
    (origin,) = judge_so_far(watch.run).verdict.origins
    return {finding.code for finding in origin.trial.findings}


def test_without_a_loss_it_is_inconclusive(watch: MadeUpWatch, capsys: pytest.CaptureFixture[str]) -> None:
    """All requests so far are accounted for, and the only reason for doubt is the missing end."""
    watch.send(30)
    watch.rotate()
    watch.send(12)
    before = content_of(watch.run.path)
    code = analyze(watch.run.path, so_far=True, as_json=True)
    shown = capsys.readouterr()
    found = json.loads(shown.out)

    assert (code, found["exit_code"], found["verdict"], found["final"]) == (3, 3, "inconclusive", False)
    assert (found["planned"], found["ok"], found["sealed"], found["findings"]) == (42, 42, 30, ["not-ended"])
    assert "none of 42 requests was lost so far" in " ".join(shown.err.split())
    assert "not final: every request planned until 2026-01-02T03:04:07" in shown.err
    assert content_of(watch.run.path) == before


def test_a_loss_is_reported_at_once(watch: MadeUpWatch) -> None:
    """A lost request stays lost, whatever comes later."""
    watch.send(20)
    watch.rotate()
    watch.send(1, Outcome.RESET)
    watch.send(3)

    assert analyze(watch.run.path, so_far=True) == 1
    assert judge_so_far(watch.run).verdict.identity.lost == {"reset": 1}


def test_it_ends_at_the_first_request_without_an_outcome(watch: MadeUpWatch) -> None:
    """Requests that were sent later are left out, also across a segment, until the outcome is known."""
    watch.send(7)
    watch.send(1, Outcome.UNFINISHED)
    watch.send(4)
    watch.rotate()
    watch.send(5, Outcome.RESET)
    before = judge_so_far(watch.run).verdict.identity
    watch.finish(7, Outcome.TIMEOUT_RESPONSE)
    watch.settle()
    after = judge_so_far(watch.run)

    assert (before.planned, before.ok, before.lost_total, before.unfinished) == (7, 7, 0, 0)
    assert after.verdict.identity.lost == {"reset": 5, "timeout-response": 1}
    assert (after.verdict.identity.planned, after.sealed) == (17, 12)


def test_it_is_what_the_end_gives(watch: MadeUpWatch) -> None:
    """The account of the whole is the same before and after the end."""
    watch.send(30)
    watch.rotate()
    watch.send(2, Outcome.REFUSED)
    watch.send(30)
    before = judge_so_far(watch.run).verdict
    watch.end()
    after = judge_again(watch.run)

    assert before.identity == after.identity
    assert before.origins[0].outages == after.origins[0].outages
    assert (before.verdict, after.verdict) == (Verdict.LOSSY, Verdict.LOSSY)


def test_a_large_ledger_is_read_in_blocks(watch: MadeUpWatch, monkeypatch: pytest.MonkeyPatch) -> None:
    """The known part is the same, and rows after it are not counted."""
    watch.send(200)
    watch.rotate()
    watch.send(100)
    watch.send(1, Outcome.UNFINISHED)
    watch.send(9)
    whole = judge_so_far(watch.run).verdict
    defaults = reading.read_traffic.__kwdefaults__ or {}
    monkeypatch.setitem(defaults, "least", 1)

    assert judge_so_far(watch.run).verdict == whole
    assert whole.identity.planned == 300


def test_segments_change_no_verdict(tmp_path: Path) -> None:
    """The same requests in one file and in four give the same verdict, byte for byte."""
    verdicts = []
    for name, pieces in (("one", (100,)), ("four", (10, 1, 60, 29))):
        watch = MadeUpWatch(tmp_path / name)
        watch.begin()
        for number, size in enumerate(pieces):
            if number:
                watch.rotate()
            watch.send(size)
        watch.send(1, Outcome.RESET)
        watch.send(20)
        watch.end()
        assert seals_path(watch.traffic, 0).exists() == (len(pieces) > 1)
        verdicts.append(json.dumps(to_json(judge_again(watch.run))))

    assert verdicts[0] == verdicts[1]


@pytest.mark.parametrize("least", [1, reading.WHOLE])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_missing_segment_is_named(tmp_path: Path, number: int, least: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its requests are abandoned, the watch is inconclusive, and the reason names the file."""
    monkeypatch.setitem(reading.read_traffic.__kwdefaults__ or {}, "least", least)
    watch = MadeUpWatch(tmp_path / "watch")
    watch.begin()
    for _ in range(3):
        watch.send(20)
        watch.rotate()
    watch.send(20)
    watch.end()
    lost = segment_path(watch.traffic, "ledger", 0, number)
    lost.unlink()
    verdict = judge_as_found(watch.run, ())

    assert (verdict.verdict, verdict.identity.abandoned) == (Verdict.INCONCLUSIVE, 20)
    assert any(lost.name in str(finding.numbers.get("failure")) for finding in verdict.origins[0].trial.findings)


def test_a_change_of_a_sealed_segment_is_noticed_before_the_end(watch: MadeUpWatch) -> None:
    """Nothing is known any more: a loss that was made a success must not stay unseen."""
    watch.send(20, Outcome.RESET)
    watch.rotate()
    watch.send(20)
    path = segment_path(watch.traffic, "ledger", 0, 0)
    content = bytearray(path.read_bytes())
    content[-5] = Outcome.OK
    path.write_bytes(content)

    assert "trial-failed" in codes(watch)
    assert analyze(watch.run.path, so_far=True) == 3


def test_a_killed_watch_keeps_its_seals(watch: MadeUpWatch) -> None:
    """It was killed after a rotation and before the seal: the verdict is that of an unsealed ledger."""
    watch.send(20)
    watch.rotate()
    watch.send(20)
    assert watch.rotation.rotate()
    watch.send(5)
    verdict = judge_as_found(watch.run, watch.run.differences())

    assert (verdict.exit_code, verdict.identity.sent, verdict.identity.ok) == (3, 45, 45)
    assert judge_so_far(watch.run).sealed == 20


def test_a_watch_that_has_ended(watch: MadeUpWatch) -> None:
    """It has a verdict of its own, so there is nothing to judge so far."""
    watch.send(3)
    watch.end()

    with pytest.raises(EvidenceError, match="has ended"):
        analyze(watch.run.path, so_far=True)


def test_a_watch_that_has_sent_nothing(tmp_path: Path) -> None:
    """Before its first request there is nothing to judge."""
    with pytest.raises(EvidenceError, match="has sent nothing yet"):
        analyze(MadeUpWatch(tmp_path / "watch").run.path, so_far=True)


def test_a_watch_that_has_just_begun(watch: MadeUpWatch) -> None:
    """Nothing is known, and that is no success."""
    assert analyze(watch.run.path, so_far=True) == 3
    assert {"no-traffic", "not-ended"} <= codes(watch)


def test_a_run_is_refused(tmp_path: Path) -> None:
    """Its trials end one by one; the option names the other one."""
    run = RunDirectory.create(tmp_path / "run", "made-up")
    run.seal("plan")

    with pytest.raises(EvidenceError, match="--so-far judges a watch"):
        analyze(run.path, so_far=True)


def test_both_options_at_once_are_refused(watch: MadeUpWatch) -> None:
    """One is for a watch that goes on, the other for one that was killed."""
    with pytest.raises(InvalidInputError):
        analyze(watch.run.path, so_far=True, unsealed=True)
