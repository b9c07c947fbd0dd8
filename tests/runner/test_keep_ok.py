"""A watch that does not keep every right answer is judged as one that does, and says what it lacks."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from watch_directory import MadeUpWatch

from harness import api
from harness.analysis.compacting import Compacting
from harness.cli import export as export_command
from harness.cli.evidence import analyze
from harness.cli.export import export
from harness.cli.watch import watch as watch_command
from harness.errors import HarnessError, InvalidInputError
from harness.model.attempt import Outcome
from harness.model.counted import KeepOk
from harness.model.verdict import Verdict
from harness.model.watch import WatchVerdict
from harness.report import terminal
from harness.report.watch import document
from harness.report.watch_json import summary
from harness.runner.export import not_kept, parts_of, write_csv
from harness.runner.watch import sealing
from harness.runner.watch.judging import judge_again, judge_as_found, judge_so_far
from harness.store import compacted
from harness.store.compacted import (
    compacted_path,
    compactions,
    compactions_path,
    counted_attempts,
    replacing,
    unreplaced,
)
from harness.store.records import to_json
from harness.store.rundir import RunDirectory
from harness.store.segments import check_segments, segment_path, segments_begun

#: Attempts of a segment: 20 s.
SIZE = 400
#: The losses of the watch: within the fifth segment, at its end, and one second into the eighth.
LOSSES = {4 * SIZE + 200: Outcome.RESET, 5 * SIZE - 1: Outcome.REFUSED, 7 * SIZE + 20: Outcome.TIMEOUT_RESPONSE}


def recorded(path: Path, keep: KeepOk, *, ends: bool = True) -> MadeUpWatch:
    """Record a watch of ten segments with some losses."""
    watch = MadeUpWatch(path, keep)
    watch.begin()
    for number in range(10):
        for row in range(number * SIZE, (number + 1) * SIZE):
            watch.send(1, LOSSES.get(row, Outcome.OK))
        if number < 9:
            watch.rotate()
    if ends:
        watch.end()
    return watch


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> MadeUpWatch:
    """Record the watch with all its attempts."""
    return recorded(tmp_path_factory.mktemp("whole") / "watch", KeepOk.ALL)


@pytest.fixture(scope="module", params=[KeepOk.NONE, KeepOk.SAMPLED])
def some(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> MadeUpWatch:
    """Record it with a part of them."""
    return recorded(tmp_path_factory.mktemp("some") / "watch", request.param)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> MadeUpWatch:
    """Record it without right answers far from any loss."""
    return recorded(tmp_path_factory.mktemp("few") / "watch", KeepOk.NONE)


@pytest.fixture
def copy(few: MadeUpWatch, tmp_path: Path) -> RunDirectory:
    """Copy the watch, to harm it."""
    shutil.copytree(few.run.path, tmp_path / "copy")
    return RunDirectory(tmp_path / "copy")


def facts_of(verdict: WatchVerdict) -> dict[str, Any]:
    """Return a verdict without what is measured in buckets, and without the number of counted attempts."""
    fields: dict[str, Any] = to_json(verdict)
    fields.pop("latency")
    for origin in fields["origins"]:
        origin.pop("counted")
        for name in ("latency", "lateness_ms"):
            origin["trial"].pop(name)
        origin["trial"]["series"].pop("latency_p50")
    return fields


def traffic_of(run: RunDirectory) -> Path:
    """Return the traffic folder."""
    return run.path / "origins" / "1" / "traffic"


def test_the_verdict_is_that_of_the_whole(whole: MadeUpWatch, some: MadeUpWatch) -> None:
    """Account, losses, outages, causes, findings, connections and chart are equal."""
    expected, found = judge_again(whole.run), judge_again(some.run)

    assert found.verdict is Verdict.LOSSY
    assert found.identity.lost_total == len(LOSSES)
    assert facts_of(found) == facts_of(expected)
    assert found.latency.max == expected.latency.max
    assert found.latency.p99 == pytest.approx(expected.latency.p99, rel=0.001)
    assert expected.origins[0].counted == 0 < found.origins[0].counted == counted_attempts(some.traffic, 0)


def test_the_run_directory_is_sealed_and_smaller(whole: MadeUpWatch, some: MadeUpWatch) -> None:
    """The seals fit, and the last two segments have all their attempts."""
    some.run.verify("evidence")
    check = check_segments(some.traffic, 0)
    sizes = [sum(file.stat().st_size for file in each.traffic.glob("*.npy")) for each in (whole, some)]

    assert (check.sealed, check.attempts, check.damage) == (10, 10 * SIZE, ())
    assert sizes[1] < sizes[0]
    assert segments_begun(some.traffic, 0) == 10
    assert [segment_path(some.traffic, "ledger", 0, n).exists() for n in (0, 7, 8, 9)] == [False, False, True, True]


def test_the_report_says_what_was_not_kept(whole: MadeUpWatch, some: MadeUpWatch) -> None:
    """One sentence says how many, and how exact the numbers are."""
    verdict = judge_again(some.run)
    text = " ".join(terminal.plain(document(verdict)).split())

    assert f"{verdict.origins[0].counted:,} right answers far from any loss were counted and not kept" in text
    assert "percentiles of latency at most 0.1 % too high" in text
    assert "not kept" not in terminal.plain(document(judge_again(whole.run)))
    assert summary(verdict, "DIR").counted == verdict.origins[0].counted


def test_an_export_says_what_it_lacks(
    some: MadeUpWatch, whole: MadeUpWatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rows and the attempts that the sentence names are together all attempts."""
    counted = counted_attempts(some.traffic, 0)
    folders = parts_of(some.run.path)
    table = io.StringIO()
    rows = write_csv(some.run.path, folders, table)
    lost = [row["outcome"] for row in csv.DictReader(io.StringIO(table.getvalue())) if row["outcome"] != "ok"]

    assert rows + counted == 10 * SIZE
    assert lost == [outcome.label for outcome in LOSSES.values()]
    assert f"{counted:,} attempts are not in the table" in not_kept(folders)
    assert not_kept(parts_of(whole.run.path)) == ""
    assert export(some.run.path, out=str(some.run.path.parent / "out.csv")) == 0
    assert "counted and not kept (--keep-ok). They were sent and answered." in capsys.readouterr().err


def test_nothing_is_counted_after_an_export_has_said_what_it_lacks(
    few: MadeUpWatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watch that goes on replaces no segment until the table is complete."""
    free = list[bool]()

    def said(folders: Sequence[Path]) -> str:
        with replacing(folders[0]) as is_free:
            free.append(is_free)
        return not_kept(folders)

    monkeypatch.setattr(export_command, "not_kept", said)
    assert export(few.run.path, out=str(tmp_path / "out.csv")) == 0
    assert free == [False]


def test_a_data_frame_says_what_it_lacks(some: MadeUpWatch, whole: MadeUpWatch) -> None:
    """Reading it gives a warning and the number of missing rows."""
    pytest.importorskip("pandas")
    with pytest.warns(UserWarning, match="counted and not kept"):
        table = api.attempts(some.run.path)

    assert len(table) + table.attrs["counted"] == 10 * SIZE
    assert api.attempts(whole.run.path).attrs["counted"] == 0


def test_it_is_judged_while_it_goes_on(tmp_path: Path, whole: MadeUpWatch) -> None:
    """The part that is known so far has the account of a whole ledger, and nothing is removed meanwhile."""
    watch = recorded(tmp_path / "watch", KeepOk.NONE, ends=False)
    watch.send(1, Outcome.UNFINISHED)
    found = judge_so_far(watch.run)

    assert compactions(watch.traffic, 0)[0]
    assert found.verdict.identity == judge_again(whole.run).identity
    assert (found.verdict.verdict, found.sealed) == (Verdict.LOSSY, 9 * SIZE)
    assert analyze(watch.run.path, so_far=True) == 1


def test_what_a_kill_left_is_judged(tmp_path: Path) -> None:
    """Without an end, the account goes up to the last recorded attempt, and is never a success."""
    verdicts = []
    for keep in (KeepOk.ALL, KeepOk.NONE):
        watch = recorded(tmp_path / keep, keep, ends=False)
        watch.ledger.close()
        watch.connections.close()
        verdicts.append(judge_as_found(watch.run, ()))

    assert facts_of(verdicts[1]) == facts_of(verdicts[0])
    assert verdicts[1].identity.ok == 10 * SIZE - len(LOSSES)
    assert verdicts[1].exit_code != 0


def _lose(run: RunDirectory, kind: str) -> None:
    compacted_path(traffic_of(run), kind, 0, 2).unlink()


def _change(run: RunDirectory, kind: str) -> None:
    path = compacted_path(traffic_of(run), kind, 0, 4)
    path.write_bytes(path.read_bytes()[:-80] + b"\n" * 80)


def _count_more(run: RunDirectory) -> None:
    path = compacted_path(traffic_of(run), "counted", 0, 2)
    fields = json.loads(path.read_text())
    path.write_text(json.dumps({**fields, "counted": fields["counted"] + 1}))


def _swap(run: RunDirectory) -> None:
    for kind in ("ledger", "connections", "counted"):
        shutil.copy(compacted_path(traffic_of(run), kind, 0, 1), compacted_path(traffic_of(run), kind, 0, 2))


def _forget(run: RunDirectory) -> None:
    path = compactions_path(traffic_of(run), 0)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def _leave_out(run: RunDirectory) -> None:
    path = compactions_path(traffic_of(run), 0)
    first, _, *others = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([first, *others]))


HARM: dict[str, tuple[Callable[[RunDirectory], None], str]] = {
    "lost attempts": (lambda run: _lose(run, "ledger"), "segment 2 is missing, although it was compacted"),
    "lost connections": (lambda run: _lose(run, "connections"), "segment 2 is missing, although it was compacted"),
    "lost counts": (lambda run: _lose(run, "counted"), "segment 2 is missing, although it was compacted"),
    "changed attempts": (lambda run: _change(run, "ledger"), "segment 4 was changed after it was compacted"),
    "changed counts": (_count_more, "segment 2 was changed after it was compacted"),
    "another segment": (_swap, "segment 2"),
    "a missing last seal": (_forget, "segment 7 is missing"),
    "a missing seal": (_leave_out, "does not follow"),
    "no seals": (lambda run: compactions_path(traffic_of(run), 0).unlink(), "segment 0 is missing"),
}


@pytest.mark.parametrize("harm", HARM)
def test_harm_to_a_compacted_segment_is_named(copy: RunDirectory, harm: str) -> None:
    """Nobody can take a loss away, or add answers to those that were counted."""
    act, text = HARM[harm]
    act(copy)
    verdict = judge_again(copy)

    assert text in " ".join(check_segments(traffic_of(copy), 0).damage)
    assert verdict.verdict is Verdict.INCONCLUSIVE
    assert verdict.exit_code == 3


def test_counts_that_were_sealed_wrong_do_not_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seal of the recorded segment says how many attempts of each outcome there were."""

    class Forgetful(Compacting):
        def compact(self, *args: Any, **kwargs: Any) -> Any:
            """Take the losses away."""
            found = super().compact(*args, **kwargs)
            assert found is not None
            kept = found.attempts[found.attempts["outcome"] == Outcome.OK]
            return replace(found, attempts=kept, counted=replace(found.counted, kept=len(kept)))

    monkeypatch.setattr(sealing, "Compacting", Forgetful)
    watch = recorded(tmp_path / "watch", KeepOk.NONE)

    assert "segment 4: the kept and the counted attempts are not those that were sealed" in " ".join(
        check_segments(watch.traffic, 0).damage
    )
    assert judge_again(watch.run).verdict is Verdict.INCONCLUSIVE


def test_nothing_is_replaced_while_somebody_reads(tmp_path: Path) -> None:
    """A reader has its segments until it is done; then they are replaced."""
    watch = MadeUpWatch(tmp_path / "watch", KeepOk.NONE)
    watch.begin()
    with unreplaced(watch.traffic):
        for _ in range(9):
            watch.send(SIZE)
            watch.rotate()
        assert compactions(watch.traffic, 0) == ({}, [])
        with replacing(watch.traffic) as is_free:
            assert not is_free
    watch.sealing.compact(watch.ledger.used)

    assert sorted(compactions(watch.traffic, 0)[0]) == list(range(8))


def test_nothing_is_replaced_where_files_have_no_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can tell whether the segments are read; the watch goes on and keeps them."""
    (tmp_path / "plan.json").write_text("{}")
    with replacing(tmp_path) as is_free:
        assert is_free

    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with unreplaced(tmp_path), replacing(tmp_path) as is_free:
        assert not is_free


def test_nothing_is_replaced_that_the_progress_has_not_read(tmp_path: Path) -> None:
    """Progress reads each file before it goes."""
    watch = MadeUpWatch(tmp_path / "watch", KeepOk.NONE)
    watch.begin()
    watch.sealing.compact(0)
    for _ in range(9):
        watch.send(SIZE)
        assert watch.rotation.rotate()
        watch.rotation.settle()
        watch.journal.record("segment", number=watch.rotation.complete - 1)
    watch.sealing.seal()
    watch.sealing.compact(3 * SIZE)

    assert sorted(compactions(watch.traffic, 0)[0]) == [0, 1]


def test_a_full_disk_leaves_the_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again after the next seal, and nothing is lost."""
    watch = MadeUpWatch(tmp_path / "watch", KeepOk.NONE)
    watch.begin()
    for _ in range(7):
        watch.send(SIZE)
        watch.rotate()
    before = sorted(compactions(watch.traffic, 0)[0])
    with monkeypatch.context() as patch:
        patch.setattr(compacted, "write_bytes", _no_room)
        watch.send(SIZE)
        with pytest.raises(HarnessError):
            watch.rotate()
    during, left = sorted(compactions(watch.traffic, 0)[0]), sorted(watch.traffic.glob("kept-*"))
    watch.sealing.compact(watch.ledger.used)
    again = sorted(compactions(watch.traffic, 0)[0])
    watch.send(SIZE)
    watch.rotate()
    watch.end()

    assert before == during == again
    assert len(left) == 2 * len(before)
    assert sorted(compactions(watch.traffic, 0)[0]) == list(range(8))
    assert judge_again(watch.run).verdict is Verdict.LOSSLESS


def _no_room(*_: object) -> None:
    raise HarnessError("No room on disk.")


def test_several_workers_are_refused() -> None:
    """Their ledgers are never compacted, so the disk would not be bounded."""
    with pytest.raises(InvalidInputError, match="--keep-ok none needs the ledger of one process, not of 2"):
        watch_command(["http://127.0.0.1:1/"], keep_ok=KeepOk.NONE, workers=2)
