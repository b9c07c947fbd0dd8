"""Reading what the proxy and the pods recorded: every way in which a record can be missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.analysis.accounts.records import OtherAccounts, attempt_keys
from harness.clusters.local.logs import collect_logs
from harness.runner.recorded_accounts import read_access, read_accounts
from harness.store.receipts import read_receipts
from harness.store.rundir import TrialDirectory

START = "receipt 0 start 1 apple-1 file 1 1\n"
TRAEFIK = (
    '{"ClientAddr":"127.0.0.1:1","StartUTC":"2026-11-29T03:05:27.4Z","Duration":5,"DownstreamStatus":200,'
    '"OriginStatus":200,"ServiceAddr":"10.0.0.1:80","request_X-Request-Id":"t-0-1"}\n'
)


def accounts(trial: TrialDirectory, token: str, ingress: str) -> OtherAccounts:
    """Read the access log and the accounts of a trial."""
    return read_accounts(trial, read_access(trial, token), token, ingress)


def pods(tmp_path: Path, **files: str) -> Path:
    """Write the logs of pods; two underscores stand for a dash."""
    folder = tmp_path / "logs" / "pods"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name.replace('__', '-')}_apple.log").write_text(text)
    return folder


def test_a_trial_without_logs_has_empty_accounts(tmp_path: Path) -> None:
    """Nothing can be joined, which the second account then says; behind no proxy there is no log to expect."""
    trial = TrialDirectory(tmp_path)
    behind, direct = accounts(trial, "t", "ingress-nginx"), accounts(trial, "t", "none")

    assert behind.proxy is not None
    assert len(behind.proxy.attempts) == 0
    assert (direct.proxy, direct.receipts.logs) == (None, ())


def test_logs_of_an_unknown_trial_are_not_joined(tmp_path: Path) -> None:
    """Without the prefix of the ids, nothing says which lines belong to the trial."""
    pods(tmp_path, apple__1=f"{START}receipt 1 read t-0-1 5\n")

    (tmp_path / "access.jsonl").write_text("")

    assert accounts(TrialDirectory(tmp_path), "", "ingress-nginx").receipts.logs == ()


def test_a_log_that_cannot_be_read_is_an_empty_one(tmp_path: Path) -> None:
    """A folder in its place is no reason to fail: the account says that the log is absent."""
    (tmp_path / "access.jsonl").mkdir()
    found = accounts(TrialDirectory(tmp_path), "t", "traefik")

    assert found.proxy is not None
    assert (len(found.proxy.attempts), found.proxy.lists_tries) == (0, False)


def test_receipts_stand_among_other_lines(tmp_path: Path) -> None:
    """On a real cluster they are in the container's log; its other lines have no meaning here."""
    text = f"{START}2026/11/29 GET /\nreceipt 1 read t-1-7 5\nreceipt 2 answered t-1-7 6 503\nreceipt 3 end 9\n"
    pods(tmp_path, apple__1=text, banana__1="no receipts\n")
    found = accounts(TrialDirectory(tmp_path), "t", "none").receipts

    assert [(log.pod, log.processes, log.open_ends) for log in found.logs] == [("apple-1", 1, 0)]
    assert found.read.tolist() == found.answered.tolist() == attempt_keys(np.array([1]), np.array([7])).tolist()
    assert found.answered_status.tolist() == [503]


@pytest.mark.parametrize(
    ("lines", "state"),
    [
        ("receipt 1 read t-0-1 5\n", {}),
        ("receipt 2 read t-0-1 5\n", {"lost": 1}),
        ("receipt 1 re", {"unreadable": 1}),
        ("receipt 1 rereceipt 2 read t-0-1 5\nreceipt 3 end 1\n", {"unreadable": 1, "lost": 1}),
        ("receipt 1 read t-0-1 5\nreceipt 0 start 1 apple-1 stream 1 1\n", {"processes": 2, "open_ends": 1}),
        ("receipt 0 start 2 apple-1 file 1 1\n", {"processes": 2, "without_start": 1}),
        ("receipt 1 end 5\nreceipt 0 start 1 apple-1 stream 1 1\nreceipt 1 end 5\n", {"processes": 2}),
    ],
)
def test_the_state_of_receipts(tmp_path: Path, lines: str, state: dict[str, int]) -> None:
    """Gaps in numbers, halves of lines, other versions and processes without an end are counted."""
    (log,) = read_receipts(pods(tmp_path, apple__1=START + lines), "t").pods
    whole = {"processes": 1, "without_start": 0, "lost": 0, "unreadable": 0, "open_ends": 0}

    assert {name: getattr(log, name) for name in whole} == whole | state


def test_receipts_without_their_begin(tmp_path: Path) -> None:
    """A log that was rotated begins in the middle of a process, which may also have lost its end."""
    (log,) = read_receipts(pods(tmp_path, apple__1="receipt 7 read t-0-1 5\n"), "t").pods

    assert (log.processes, log.without_start, log.lost, log.open_ends) == (1, 1, 0, 1)


def test_a_line_that_traefik_wrote_in_part_stays_in_the_log(tmp_path: Path) -> None:
    """It is a request of which nothing more is known, and not one that never arrived."""
    logs, trial = tmp_path / "from", tmp_path / "trial"
    (logs / "traefik-1").mkdir(parents=True)
    (logs / "traefik-1" / "traefik-access.jsonl").write_text(TRAEFIK + TRAEFIK[:60])
    collect_logs(logs, trial, "traefik")
    found = accounts(TrialDirectory(trial), "t", "traefik")

    assert isinstance(found, OtherAccounts)
    assert found.proxy is not None
    assert (len(found.proxy.attempts), found.proxy.unreadable.tolist()) == (1, [1])
