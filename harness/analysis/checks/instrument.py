"""Can the instrument be trusted? What these find makes everything else that was measured worthless."""

from __future__ import annotations

from collections.abc import Iterator

from harness.analysis.evidence import Calibration
from harness.analysis.facts import Facts, impossible_successes, strange_codes
from harness.model.attempt import LOSSES, Outcome
from harness.model.timeline import Detail
from harness.model.verdict import Finding, FindingCode

#: What the detector must have been shown: every way to lose a request, and a success.
PROVED = frozenset(outcome.label for outcome in (LOSSES | {Outcome.OK}) - {Outcome.TLS})
#: And that, where the entry speaks TLS.
PROVED_WITH_TLS = PROVED | {Outcome.TLS.label}


def seals_kept(facts: Facts) -> tuple[Finding, ...]:
    """The evidence is what was recorded: nothing of it was changed since it was sealed."""
    differences = facts.evidence.differences
    if not differences:
        return ()
    return (Finding(FindingCode.SEAL_BROKEN, {"count": len(differences), "first": differences[0]}),)


def trial_failed(facts: Facts) -> tuple[Finding, ...]:
    """The trial did not run to its end."""
    failure = facts.evidence.failure
    return (Finding(FindingCode.TRIAL_FAILED, {"failure": failure}),) if failure else ()


def trial_stopped(facts: Facts) -> tuple[Finding, ...]:
    """The run was stopped before the trial was over: nothing went wrong, and nothing is known."""
    if not facts.evidence.stopped:
        return ()
    if not facts.identity.planned:
        return (Finding(FindingCode.NOT_RUN),)
    numbers: Detail = {"sent": facts.identity.sent, "lost": facts.identity.lost_total}
    return (Finding(FindingCode.CUT_SHORT, numbers),)


def calibration_exact(facts: Facts) -> tuple[Finding, ...]:
    """Known faults went in; exactly their number must have come out, on both sides of the wire."""
    calibration = facts.evidence.calibration
    if calibration is None or not calibration.cases:
        return (Finding(FindingCode.CALIBRATION_MISSING),)
    shown = {case.expected for case in calibration.cases}
    needed = PROVED if facts.evidence.traffic.tls is None else PROVED_WITH_TLS
    absent = ", ".join(sorted(needed - shown))
    if absent or not calibration.served:
        numbers: Detail = {"absent": absent or "the faulty server's own count"}
        return (Finding(FindingCode.CALIBRATION_MISSING, numbers),)
    return tuple(inexact(calibration))


def inexact(calibration: Calibration) -> Iterator[Finding]:
    """What the two sides, planned and reported, do not agree on."""
    code = FindingCode.CALIBRATION_NOT_EXACT
    for case in calibration.cases:
        if not case.is_exact:
            found = ", ".join(f"{label} {n}" for label, n in case.found.items()) or "nothing"
            numbers: Detail = {"fault": case.name, "planned": case.planned, "expected": case.expected, "found": found}
            yield Finding(code, numbers)
    for name, (sent, served) in calibration.served.items():
        if sent != served:
            yield Finding(code, {"fault": name, "planned": sent, "served": served})
    if calibration.duplicates:
        yield Finding(code, {"duplicates": calibration.duplicates})
    if calibration.faults:
        yield Finding(code, {"failure": calibration.faults[0], "failures": len(calibration.faults)})


def identity_holds(facts: Facts) -> tuple[Finding, ...]:
    """Every planned slot is accounted for, once, and nothing else is."""
    slots, strange, impossible = facts.slots, strange_codes(facts.outcome), impossible_successes(facts)
    has_end = facts.evidence.stopped_ns is not None
    if facts.identity.holds and has_end and not (slots.duplicates or slots.foreign or strange or impossible):
        return ()
    numbers: Detail = {
        "planned": facts.identity.planned,
        "rows": len(facts.outcome),
        "duplicates": slots.duplicates,
        "foreign": slots.foreign,
        "unknown_outcomes": sum(strange.values()),
        "impossible_successes": impossible,
        "end_known": has_end,
    }
    return (Finding(FindingCode.IDENTITY_BROKEN, numbers),)


def client_faults(facts: Facts) -> tuple[Finding, ...]:
    """Our own machine failed: ports, file descriptors, the disk."""
    count, faults = facts.identity.client_faults, facts.evidence.faults
    if not count and not faults:
        return ()
    return (Finding(FindingCode.CLIENT_FAULTS, {"count": count, "failure": faults[0] if faults else ""}),)
