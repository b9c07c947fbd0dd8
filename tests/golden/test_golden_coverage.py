"""The golden evidence holds what it claims: each verdict, class of loss, kind of change, controller, shape and more.

The claims are literals: what is added to the harness later is not in evidence from before.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import golden
import pytest

LOSSES = {
    "status", "refused", "reset", "closed", "truncated", "timeout-connect", "timeout-response", "wrong-answer",
    "malformed", "tls",
}  # fmt: skip
KINDS = {
    "none", "rolling-update", "restart", "delete-pod", "scale", "selector-patch", "ingress-edit", "blue-green",
    "canary", "ab-test", "controller-restart",
}  # fmt: skip


@dataclass
class Set:
    """What is in all archives together.

    Attributes:
        kinds: (kind of change, verdict).
        behind: (ingress controller, kind of change).
        verdicts: Of cells and of origins of watches.
        losses: Classes of loss.
        unknown: ``missed``, ``abandoned``, ``unfinished``, ``client_faults``, where there are any.
        codes: Of findings.
        migrated: What cells say of a migration.
        streams: (method, shape).
        rates: ``constant``, ``ramp``, ``steps``; arrivals ``even``, ``poisson``.
        workers: How many shared a schedule.
        in_place: Kinds of change made in place.
    """

    kinds: set[tuple[str, str]] = field(default_factory=set)
    behind: set[tuple[str, str]] = field(default_factory=set)
    verdicts: set[str] = field(default_factory=set)
    losses: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    migrated: set[str] = field(default_factory=set)
    streams: set[tuple[str, str]] = field(default_factory=set)
    rates: set[str] = field(default_factory=set)
    workers: set[int] = field(default_factory=set)
    in_place: set[str] = field(default_factory=set)


def files() -> Iterator[tuple[PurePosixPath, Any]]:
    """Return each JSON file of all archives that says what was run or what came of it."""
    for name in golden.names():
        with tarfile.open(golden.GOLDEN / f"{name}{golden.SUFFIX}") as archive:
            for member in archive:
                path = PurePosixPath(member.name)
                wanted = path.name in {"run.json", "verdict.json", "comparison.json", "plan.json"}
                file = archive.extractfile(member) if wanted and path.parent.name != "seals" else None
                if file is not None:
                    yield path, json.load(file)


def add_trial(held: Set, trial: Any) -> None:
    """Add what a trial's verdict says."""
    identity = trial["identity"]
    held.losses |= {name for name, count in identity["lost"].items() if count}
    held.unknown |= {name for name in ("missed", "abandoned", "unfinished", "client_faults") if identity[name]}
    held.codes |= {each["code"] for each in trial["findings"]}
    held.streams |= {(each["method"], each["shape"]) for each in trial["streams"]}


def add_verdict(held: Set, verdict: Any) -> None:
    """Add what a run's or a watch's verdict says."""
    for origin in verdict.get("origins", ()):
        held.verdicts.add(origin["trial"]["verdict"])
        add_trial(held, origin["trial"])
    for cell in verdict.get("cells", ()):
        held.kinds.add((cell["change_kind"], cell["verdict"]))
        held.verdicts.add(cell["verdict"])
        held.codes |= {each["code"] for each in cell["findings"]}
        for trial in cell["trials"]:
            add_trial(held, trial)


def add_traffic(held: Set, traffic: Any) -> None:
    """Add how a trial's traffic was planned."""
    rate = traffic["rate"]
    held.rates.add("constant" if isinstance(rate, float) else "ramp" if len(rate) == 1 else "steps")
    held.rates.add(traffic["arrivals"])


@pytest.fixture(scope="module")
def held() -> Set:
    """All archives together."""
    held = Set()
    for path, content in files():
        if path.name == "verdict.json":
            add_verdict(held, content)
        elif path.name == "comparison.json":
            held.migrated |= {pair["outcome"] for pair in content["pairs"]}
        elif path.name == "run.json":
            kinds = {cell["change"]["kind"] for cell in content["experiment"]["cells"]}
            held.behind |= {(content["experiment"]["ingress"], kind) for kind in kinds}
            held.in_place |= kinds if content["in_place"] else set()
        elif path.parent.name == "traffic":
            held.workers.add(content["workers"])
            add_traffic(held, content["traffic"])
    return held
