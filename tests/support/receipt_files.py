"""Counts receipts in the files of a trial by itself, to check what the harness counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.localkube.apps.receipts import WORD
from harness.model.accounts import Fate


def reads(trial: Path) -> Counter[str]:
    """Return how often pods read each attempt of a trial, from the receipts in logs and in files of their own."""
    token = next(
        event["token"]
        for event in map(json.loads, (trial / "traffic" / "traffic.jsonl").read_text().splitlines())
        if event["event"] == "ready"
    )
    lines = (
        line.split()
        for path in (trial / "logs" / "pods").iterdir()
        for line in path.read_text(errors="replace").splitlines()
        if line.startswith(f"{WORD} ")
    )
    return Counter(words[3] for words in lines if words[2] == "read" and words[3].startswith(f"{token}-"))


def wrong_accounts(cell: Mapping[str, Any], run: Path) -> Iterator[str]:
    """Yield a line for each way in which the accounts of a cell contradict its receipts or themselves.

    Args:
        cell: The cell of a ``verdict.json`` whose pods write receipts.
        run: The run directory.
    """
    for trial in cell["trials"]:
        accounts, found = trial["accounts"], reads(run / trial["directory"])
        fates = accounts["fates"]
        twice = sum(number > 1 for number in found.values())
        # Every fate of these is proved by a receipt, and all others may have one.
        executed = sum(fates[fate] for fate in (Fate.ANSWER_LOST, Fate.BAD_ANSWER, Fate.MASKED)) + twice
        problems = {
            "no receipt": not found,
            "the sum of the fates is not what was sent": sum(fates.values()) != accounts["sent"],
            "sent differs from the first account": accounts["sent"] != trial["identity"]["sent"],
            f"{twice} were read twice": twice != fates[Fate.EXECUTED_TWICE],
            f"{len(found)} were read, fewer than the fates say": len(found) < executed,
            "more were read than can have been": len(found)
            > accounts["sent"] - fates[Fate.LOST_AT_PROXY] - fates[Fate.LOST_BEFORE_INGRESS],
            "some fates are unknown": bool(fates[Fate.UNKNOWN]),
        }
        yield from (f"{cell['id']}: {text}: {fates}" for text, is_so in problems.items() if is_so)
