"""Evidence from before the redesign is judged as it was then: verdicts, finding codes, exit codes, seals, bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import golden
import numpy as np
import pytest
from command_line import CommandLine
from golden import Golden
from golden_doctored import DOCTORED

from harness.errors import EvidenceError
from harness.model.attempt import Outcome

NAMES = golden.names()
EXPECTED = golden.expected()
#: A run, a watch and a migration, for what need not be shown of each archive.
THREE = ("traefik", "watch-outages", "migrate")


@dataclass(frozen=True)
class Judged:
    """Hold what judging an archive again gave.

    Attributes:
        golden: The folder, with what judging wrote.
        code: The exit code.
        before: Verdicts as they were stored.
        after: Verdicts as they are written today.
        seals_before: Seals as they were stored.
        seals_after: Seals as they are written today.
    """

    golden: Golden
    code: int
    before: dict[str, bytes]
    after: dict[str, bytes]
    seals_before: dict[str, bytes]
    seals_after: dict[str, bytes]


def judge(kept: Golden) -> Judged:
    """Judge an archive again."""
    before, seals = kept.read(golden.VERDICTS), kept.seals()
    code = kept.analyze()
    return Judged(kept, code, before, kept.read(golden.VERDICTS), seals, kept.seals())


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Judged]:
    """Judge each archive once, for all tests of this file; they read what it gives and alter nothing."""
    folder = tmp_path_factory.mktemp("golden")
    known: dict[str, Judged] = {}

    def once(name: str) -> Judged:
        if name not in known:
            known[name] = judge(golden.unpack(name, folder))
        return known[name]

    return once


def found_today(one: Judged) -> dict[str, Any]:
    """Return verdicts and finding codes as they are today, by the file that holds them."""
    read = {name: json.loads(content) for name, content in one.after.items()}
    return {name: golden.outcomes(each) if "pairs" in each else golden.found(each) for name, each in read.items()}


def ledger_of(kept: Golden) -> Path:
    """Return the first ledger that has a lost attempt."""
    for path in sorted(kept.path.rglob("ledger-*.npy")):
        if lost_rows(np.load(path)).size:
            return path
    raise AssertionError(f"nothing is lost in {kept.path}")


def lost_rows(rows: Any) -> Any:
    """Return the indices of attempts that an HTTP status lost."""
    return np.flatnonzero(rows["outcome"] == Outcome.STATUS)


def line_of(kept: Golden, what: str) -> tuple[Path, int]:
    """Return a timeline and the number of its first line on which a change has an event of that name."""
    for path in sorted(kept.path.rglob("timeline.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
            event = json.loads(line)
            if (event["kind"], event["what"], event["detail"].get("kind")) == ("change", what, "rolling-update"):
                return path, number
    raise AssertionError(f"no change is {what} in {kept.path}")


def drop_line(path: Path, number: int) -> None:
    """Take a line out of a file."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:number] + lines[number + 1 :]), encoding="utf-8")


def flip(path: Path, at: int) -> None:
    """Flip a bit of a file."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_each_archive_is_expected_and_each_expectation_has_an_archive() -> None:
    """Find an archive that no test looks at, and one that is gone."""
    assert sorted(EXPECTED) == NAMES
    assert len(NAMES) >= 14


@pytest.mark.parametrize("name", NAMES)
def test_the_archive_is_what_was_recorded(name: str, judged: Callable[[str], Judged]) -> None:
    """Find an archive that was replaced without a record of it."""
    assert golden.digests(judged(name).before) == EXPECTED[name]["verdicts"]


@pytest.mark.parametrize("name", NAMES)
def test_the_seals_are_unbroken(name: str, tmp_path: Path) -> None:
    """Check each phase of each run."""
    kept = golden.unpack(name, tmp_path)

    assert kept.runs() != []
    kept.check_seals()


@pytest.mark.parametrize("name", NAMES)
def test_judging_gives_the_same_verdict(name: str, judged: Callable[[str], Judged]) -> None:
    """Compare bytes, exit code, verdicts and finding codes with those from before the redesign."""
    one = judged(name)

    assert [path for path in one.before if not golden.same(one.before[path], one.after[path])] == []
    assert sorted(one.after) == sorted(one.before)
    assert one.code == EXPECTED[name]["analyze"]
    assert found_today(one) == EXPECTED[name]["found"]


@pytest.mark.parametrize("name", NAMES)
def test_judging_leaves_the_same_seals(name: str, judged: Callable[[str], Judged]) -> None:
    """Compare the seals of plan and evidence, and the verdict's where no field was added."""
    one = judged(name)
    stay = {"plan.json", "evidence.json", *(() if golden.ADDED else ("verdict.json",))}

    for path, content in one.seals_before.items():
        assert Path(path).name not in stay or one.seals_after[path] == content, path
    one.golden.check_seals()


@pytest.mark.parametrize("name", NAMES)
def test_the_reports_are_the_same(name: str, judged: Callable[[str], Judged]) -> None:
    """Compare the reports; `record.py reports` records them again after a change on purpose."""
    assert golden.digests(judged(name).golden.read(golden.REPORTS)) == EXPECTED[name]["reports"]


@pytest.mark.processes
@pytest.mark.parametrize("name", THREE)
def test_the_command_line_gives_the_same(name: str, tmp_path: Path) -> None:
    """Run `harness analyze DIR` and `harness migrate --analyze DIR` as processes."""
    kept = golden.unpack(name, tmp_path)
    before = kept.read(golden.VERDICTS)
    finished = CommandLine(tmp_path).run(*kept.words())

    after = kept.read(golden.VERDICTS)
    assert finished.code == EXPECTED[name]["analyze"], finished.err
    assert [path for path in before if not golden.same(before[path], after[path])] == []


@pytest.mark.parametrize("name", NAMES)
def test_an_altered_byte_of_a_ledger_is_refused(name: str, tmp_path: Path) -> None:
    """Expect an error that names the file, and nothing written."""
    kept = golden.unpack(name, tmp_path)
    ledger = min(kept.path.rglob("ledger-*.npy"))
    flip(ledger, ledger.stat().st_size // 2)
    before = kept.read((*golden.VERDICTS, *golden.REPORTS))

    with pytest.raises(EvidenceError) as raised:
        kept.analyze()
    assert ledger.name in str(raised.value.detail)
    assert kept.read((*golden.VERDICTS, *golden.REPORTS)) == before


@pytest.mark.parametrize("name", ["lifecycle", "traefik", "migrate"])
def test_a_line_that_is_gone_from_a_timeline_is_refused(name: str, tmp_path: Path) -> None:
    """Expect an error that names the file."""
    kept = golden.unpack(name, tmp_path)
    timeline = min(kept.path.rglob("timeline.jsonl"))
    drop_line(timeline, 3)

    with pytest.raises(EvidenceError) as raised:
        kept.analyze()
    assert timeline.name in str(raised.value.detail)


@pytest.mark.processes
def test_an_altered_byte_is_exit_code_2_and_unsealed_never_0(tmp_path: Path) -> None:
    """Expect exit code 2, and with `--unsealed` an inconclusive verdict of what was lossless."""
    kept, command = golden.unpack("watch", tmp_path), CommandLine(tmp_path)
    flip(min(kept.path.rglob("ledger-*.npy")), 300)
    refused, unsealed = command.run(*kept.words()), command.run(*kept.words(), "--unsealed")

    assert EXPECTED["watch"]["analyze"] == 0
    assert refused.code == 2
    assert "ledger-0.npy" in refused.err
    assert unsealed.code == 3
    assert "inconclusive" in unsealed.out


@pytest.mark.parametrize("name", THREE)
def test_a_loss_that_is_written_over_changes_the_verdict(name: str, tmp_path: Path) -> None:
    """Call one lost attempt good and seal that: the seals are right, and the comparison of bytes fails."""
    kept = golden.unpack(name, tmp_path)
    ledger = ledger_of(kept)
    rows = np.load(ledger, mmap_mode="r+")
    rows["outcome"][lost_rows(rows)[0]] = Outcome.OK
    rows.flush()
    kept.seal_again()
    one = judge(kept)

    assert [path for path in one.before if not golden.same(one.before[path], one.after[path])] != []


def test_a_change_that_is_no_longer_seen_is_inconclusive(tmp_path: Path) -> None:
    """Remove the line that says that the rollout was complete, and seal that: the cell is no longer lossless."""
    kept = golden.unpack("traefik", tmp_path)
    drop_line(*line_of(kept, "observed"))
    kept.seal_again()
    one = judge(kept)
    cell = found_today(one)["verdict.json"]["prestop-3--rolling-update"]

    assert EXPECTED["traefik"]["found"]["verdict.json"]["prestop-3--rolling-update"]["verdict"] == "lossless"
    assert cell["verdict"] == "inconclusive"
    assert "change-not-observed" in cell["findings"]
    assert one.code == 3


@pytest.mark.parametrize("code", DOCTORED)
def test_doctored_evidence_is_judged_as_before(code: str, tmp_path: Path) -> None:
    """Compare findings of a broken instrument or a blind spot, which no real run of the set has."""
    judged_again = golden.judge_doctored(code, tmp_path)

    assert judged_again == golden.expected_doctored()[code]
    assert code in {each for one in judged_again["found"].values() for each in one["findings"]}


def test_without_added_fields_a_single_byte_counts() -> None:
    """Compare spaces, too."""
    assert golden.same(b'{"a": 1}', b'{"a": 1}', ())
    assert not golden.same(b'{"a": 1}', b'{"a":  1}', ())


def test_an_added_field_is_left_out_and_nothing_else() -> None:
    """Ignore the field at its own path; notice it at another path, and any other difference."""
    old: dict[str, Any] = {"cells": [{"id": "ä", "trials": [{"n": 1.0}, {"n": 2}]}]}
    new: dict[str, Any] = {"cells": [{"id": "ä", "trials": [{"cause": "x", "n": 1.0}, {"cause": None, "n": 2}]}]}
    elsewhere: dict[str, Any] = {"cells": [{"cause": "x", **old["cells"][0]}]}
    other: dict[str, Any] = {"cells": [{"id": "ä", "trials": [{"n": 1}, {"n": 2}]}]}

    def same(verdict: dict[str, Any], *added: str) -> bool:
        return golden.same(written(old), written(verdict), added)

    assert same(new, "cells.trials.cause")
    assert same(old, "cells.trials.cause")
    assert not same(new)
    assert not same(new, "cells.cause")
    assert not same(elsewhere, "cells.trials.cause")
    assert not same(other, "cells.trials.cause")


def written(verdict: dict[str, Any]) -> bytes:
    """Return a verdict as the harness writes it."""
    return (json.dumps(verdict, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


@pytest.mark.parametrize("name", NAMES)
def test_leaving_fields_out_keeps_the_other_bytes(name: str, judged: Callable[[str], Judged]) -> None:
    """Write each verdict as it was read: with a field left out, the rest is still compared byte by byte."""
    for content in judged(name).before.values():
        assert golden.same(content, content, {"no.such.field"})


def test_each_added_field_is_in_a_verdict_of_today_and_in_no_stored_one(judged: Callable[[str], Judged]) -> None:
    """Find an allowance that nothing needs: it would hide a difference later."""
    stored = {path for name in NAMES for content in judged(name).before.values() for path in fields(content)}
    today = {path for name in NAMES for content in judged(name).after.values() for path in fields(content)}

    assert sorted(golden.ADDED & stored) == []
    assert sorted(golden.ADDED - today) == []


def fields(content: bytes) -> set[str]:
    """Return the dotted paths of all fields of a verdict."""

    def below(value: Any, path: str) -> Iterator[str]:
        if isinstance(value, list):
            for each in value:
                yield from below(each, path)
        elif isinstance(value, dict):
            for key, each in value.items():
                inner = f"{path}.{key}" if path else key
                yield inner
                yield from below(each, inner)

    return set(below(json.loads(content), ""))
