"""A sender says once what it can't do now, and says it again if that comes back."""

from __future__ import annotations

import json
from pathlib import Path

from watch_directory import TRAFFIC

from harness.runner.watch.plan import Origin
from harness.runner.watch.sender import Sender
from harness.store.rundir import TrialDirectory


def sender_in(path: Path) -> Sender:
    """Return a sender that was not started, with an empty traffic folder."""
    directory = TrialDirectory(path)
    directory.traffic.mkdir()
    return Sender(Origin("http://shop.example", "shop.example", 80, TRAFFIC), directory)


def add(path: Path, event: str, **fields: str | int) -> None:
    """Append an event to the sender's journal."""
    with (path / "traffic" / "traffic.jsonl").open("a", encoding="utf-8") as journal:
        journal.write(json.dumps({"event": event, **fields}) + "\n")


def test_a_disk_without_room_for_a_segment_is_noticed_once(tmp_path: Path) -> None:
    """The sender goes on in the present segment, and the user learns why."""
    sender = sender_in(tmp_path)
    before = sender.seal()
    add(tmp_path, "unrotated", number=0, text="No room on disk for ledger-0.0001.npy.")
    during, again = sender.seal(), sender.seal()

    assert (before, again) == ([], [])
    assert during == [
        "no further segment can begin now, and the present one goes on: No room on disk for ledger-0.0001.npy."
    ]


def test_a_segment_that_can_not_be_sealed_is_noticed_once(tmp_path: Path) -> None:
    """The next call tries again."""
    sender = sender_in(tmp_path)
    add(tmp_path, "segment", number=0)
    found = [sender.seal(), sender.seal()]

    assert [text.partition(":")[0] for text in found[0]] == ["segments can't be sealed now"]
    assert found[1] == []
