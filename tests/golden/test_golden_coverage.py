"""Check that the golden evidence holds what it claims: verdicts, losses, changes, controllers, shapes and more.

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
from golden_doctored import DOCTORED

from harness.findings.registry import TYPES

LOSSES = {
    "status", "refused", "reset", "closed", "truncated", "timeout-connect", "timeout-response", "wrong-answer",
    "malformed", "tls",
}  # fmt: skip
KINDS = {
    "none", "rolling-update", "restart", "delete-pod", "scale", "selector-patch", "ingress-edit", "blue-green",
    "canary", "ab-test", "controller-restart",
}  # fmt: skip
MIGRATED = {"lossless", "target-loses", "both-lose"}
#: Findings of the runs as they were made; those of doctored evidence are in ``golden_doctored``.
CODES = {
    "abandoned-slots", "answered-out-of-turn", "behind-schedule", "candidates-differ", "change-not-observed",
    "change-withheld", "class-not-seen", "client-faults", "connections-cut", "control-missing", "cut-short",
    "false-green", "interference", "loss-before-change", "loss-in-control", "loss-outside-window", "missed-slots",
    "never-reused", "no-overlap", "not-run", "prestop-failed", "requests-lost", "rolled-back", "rollout-stuck",
    "sender-paused", "share-not-measured", "stream-without-success", "trial-failed",
}  # fmt: skip
#: ``seal-broken`` is written into no verdict; no check of the harness raises on evidence that can be read.
NOWHERE = {"seal-broken", "check-raised"}


@dataclass
class Set:
    """Hold what is in all archives together.

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
    """Read all archives."""
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
            crew = content["crew"] or {"local": 1, "remote": 0}
            held.workers.add(crew["local"] + crew["remote"])
            add_traffic(held, content["traffic"])
    return held


def test_every_verdict_and_every_class_of_loss(held: Set) -> None:
    """Find the ten ways to lose a request, and the ways to have no outcome."""
    assert held.verdicts == {"lossless", "lossy", "inconclusive"}
    assert held.losses == LOSSES
    assert held.unknown == {"missed", "abandoned"}


def test_every_kind_of_change_with_verdicts_of_both_sorts(held: Set) -> None:
    """Find each kind lossless and lossy, except those that always lose."""
    never_lossless = {"delete-pod", "controller-restart"}

    assert {kind for kind, _ in held.kinds} == KINDS
    assert {kind for kind, verdict in held.kinds if verdict == "lossless"} == KINDS - never_lossless
    assert {kind for kind, verdict in held.kinds if verdict == "lossy"} >= {
        "rolling-update",
        "restart",
        "delete-pod",
        "scale",
        "selector-patch",
        "ingress-edit",
        "blue-green",
        "canary",
        "ab-test",
        "controller-restart",
    }
    assert {kind for kind, verdict in held.kinds if verdict == "inconclusive"} >= {"none", "scale", "selector-patch"}


def test_every_controller(held: Set) -> None:
    """Find every release and a restart behind both controllers, and traffic to a Service without any."""
    releases = {"none", "blue-green", "canary", "ab-test", "controller-restart", "rolling-update", "ingress-edit"}

    assert {controller for controller, _ in held.behind} == {"ingress-nginx", "traefik", "none"}
    for controller in ("ingress-nginx", "traefik"):
        assert {kind for where, kind in held.behind if where == controller} >= releases


def test_every_shape_method_and_rate(held: Set) -> None:
    """Find each connection shape, method and kind of rate, and several workers."""
    assert {shape for _, shape in held.streams} == {"new", "reused", "idle", "slow"}
    assert {method for method, _ in held.streams} == {"GET", "POST", "HEAD", "PUT", "DELETE"}
    assert held.rates == {"constant", "ramp", "steps", "even", "poisson"}
    assert held.workers == {1, 2}


def test_every_command_that_leaves_evidence(held: Set) -> None:
    """Find runs, watches, a migration, changes in place, and each exit code."""
    expected = golden.expected()

    assert {"watch", "watch-outages", "migrate", "in-place", "lifecycle"} <= set(expected)
    assert held.in_place == {"none", "scale", "delete-pod", "restart", "selector-patch"}
    assert {one["made"] for one in expected.values()} == {0, 1, 3, 130}
    assert {one["analyze"] for one in expected.values()} == {0, 1, 3}


def test_every_finding_of_that_time_but_two(held: Set) -> None:
    """Count the codes: one that is added later is in no old evidence, and none may be removed."""
    assert held.codes == CODES
    assert held.migrated == MIGRATED
    assert not CODES & set(DOCTORED)
    assert len(CODES) + len(DOCTORED) + len(NOWHERE) == 48
    assert TYPES.keys() >= CODES | set(DOCTORED) | NOWHERE


def test_no_evidence_names_the_machine_that_made_it() -> None:
    """Find neither a path of the machine nor its host name."""
    wrong = [b"/root" + b"/", b"/work" + b"/", b"/mnt" + b"/", b"/Users" + b"/"]
    found, joined = [], set()
    for name in golden.names():
        with tarfile.open(golden.GOLDEN / f"{name}{golden.SUFFIX}") as archive:
            for member in archive:
                file = archive.extractfile(member)
                content = file.read() if file is not None and not member.name.endswith(".npy") else b""
                found += [(member.name, word) for word in wrong if word in content]
                joined |= {line for line in content.splitlines() if b'"event": "joined"' in line}

    assert found == []
    assert {json.loads(line)["name"].partition(":")[0] for line in joined} == {"golden"}
