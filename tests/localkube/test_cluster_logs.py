"""The logs of a local cluster become evidence."""

from __future__ import annotations

import json
from pathlib import Path

from harness.clusters.local.logs import CONTROLLER_LOG, collect_logs, follow_ingress, follow_lines
from harness.model.timeline import Event, EventKind


def test_logs_are_copied_to_their_places_in_the_evidence(tmp_path: Path) -> None:
    """The access log is at the top, all other logs are below ``logs`` under their own names."""
    logs = tmp_path / "cluster" / "logs"
    (logs / "pods").mkdir(parents=True)
    for name in ("access.jsonl", "node.log", "pods/default_a_b.log"):
        (logs / name).write_text(name)
    collect_logs(logs, tmp_path / "trial", "ingress-nginx")

    found = {str(path.relative_to(tmp_path / "trial")) for path in (tmp_path / "trial").rglob("*") if path.is_file()}
    assert found == {"access.jsonl", "logs/node.log", "logs/pods/default_a_b.log"}


def test_a_log_that_cannot_be_copied_is_skipped(tmp_path: Path) -> None:
    """The other logs are copied and no error is raised, because no verdict depends on a log."""
    logs = tmp_path / "cluster" / "logs"
    logs.mkdir(parents=True)
    for name in ("access.jsonl", "a.log", "b.log"):
        (logs / name).write_text(name)
    (tmp_path / "trial" / "logs").mkdir(parents=True)
    (tmp_path / "trial" / "access.jsonl").symlink_to("/dev/full")
    (tmp_path / "trial" / "logs" / "a.log").mkdir()
    collect_logs(logs, tmp_path / "trial", "ingress-nginx")

    assert (tmp_path / "trial" / "logs" / "b.log").read_text() == "b.log"
    assert not (tmp_path / "trial" / "access.jsonl").is_symlink()


def test_followed_lines_are_complete_and_unique(tmp_path: Path) -> None:
    """Each complete line is returned once, even if the file is missing at first or a line is written in parts."""
    path = tmp_path / "log"
    seen: list[bytes] = []
    writes = iter([None, b"one\ntw", b"o\n", b"three\nhalf"])

    def stop() -> bool:
        try:
            chunk = next(writes)
        except StopIteration:
            return True
        if chunk:
            with path.open("ab") as file:
                file.write(chunk)
        return False

    seen.extend(follow_lines(path, stop))
    assert seen == [b"one", b"two", b"three"]


def test_the_controller_log_becomes_events(tmp_path: Path) -> None:
    """Each sync is an event at its own time, and nested details are flattened."""
    lines = [
        {"monotonic_ns": 5, "what": "reload", "detail": {"workers": 2, "backends": ["a", "b"]}},
        {"monotonic_ns": 9, "what": "endpoints", "detail": "apple"},
        {"monotonic_ns": 11, "what": "endpoints"},
    ]
    (tmp_path / "ingress-controller.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    assert list(follow_ingress(tmp_path / CONTROLLER_LOG, "ingress-nginx", lambda: True)) == [
        Event(5, EventKind.INGRESS, "ingress-nginx", "reload", {"workers": 2, "backends": '["a", "b"]'}),
        Event(9, EventKind.INGRESS, "ingress-nginx", "endpoints", {"text": "apple"}),
        Event(11, EventKind.INGRESS, "ingress-nginx", "endpoints"),
    ]
