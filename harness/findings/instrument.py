"""Findings about the instrument itself: nothing that it measured can be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.analysis.evidence import Calibration
from harness.analysis.facts import Facts, impossible_successes, unknown_codes
from harness.findings.finding_type import FindingType, Sentence, Subject, TrialFinding
from harness.model.accounts import LOST, RIGHT
from harness.model.attempt import LOSSES, Outcome
from harness.model.verdict import Weight
from harness.wording import count, plural

#: Outcomes that the calibration must cover: every way to lose a request, and a success.
CALIBRATED = frozenset(outcome.label for outcome in (LOSSES | {Outcome.OK}) - {Outcome.TLS})
#: The same for an entry with TLS.
CALIBRATED_WITH_TLS = CALIBRATED | {Outcome.TLS.label}


@dataclass(frozen=True, kw_only=True)
class SealBroken(
    TrialFinding,
    code="seal-broken",
    weight=Weight.INSTRUMENT,
    subjects={Subject.TRIAL, Subject.STOPPED_TRIAL, Subject.FAILED_TRIAL, Subject.WATCH},
):
    """The evidence was changed after it was sealed."""

    count: int
    first: str

    @classmethod
    def check(cls, facts: Facts) -> Iterator[SealBroken]:
        """Yield a finding if files differ from their seals."""
        differences = facts.evidence.differences
        if differences:
            yield cls(count=len(differences), first=differences[0])

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        others = f" and {plural(self.count - 1, 'other')}" if self.count > 1 else ""
        return Sentence(
            f"The evidence does not match its seals ({self.first or 'some file'}{others}): it is not "
            "the evidence that was recorded.",
            "Take an untouched copy of the run directory, or run again.",
        )


@dataclass(frozen=True, kw_only=True)
class TrialFailed(
    TrialFinding,
    code="trial-failed",
    weight=Weight.INSTRUMENT,
    subjects={Subject.TRIAL, Subject.FAILED_TRIAL, Subject.WATCH},
):
    """A trial failed; or, as finding of a cell, some trials did not take place."""

    failure: str | None = None
    absent: int | None = None
    planned: int | None = None

    @classmethod
    def check(cls, facts: Facts) -> Iterator[TrialFailed]:
        """Yield a finding if the trial has a failure."""
        if facts.evidence.failure:
            yield cls(failure=facts.evidence.failure)

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        if self.absent:
            return Sentence(
                f"{count(self.absent)} of {plural(self.planned or 0, 'trial')} did not take place.",
                "Run the Experiment again.",
            )
        return Sentence(
            f"The trial failed: {self.failure or ''}",
            "See the logs in the trial's folder, fix the cause, and run again.",
        )

    def watch_sentence(self) -> Sentence:
        """Return text and advice for a watch."""
        return Sentence(f"The watch failed: {self.failure or ''}")


@dataclass(frozen=True, kw_only=True)
class CalibrationMissing(
    TrialFinding,
    code="calibration-missing",
    weight=Weight.INSTRUMENT,
    subjects={Subject.TRIAL, Subject.WATCH},
):
    """The calibration of the detector did not cover every known fault."""

    absent: str | None = None

    @classmethod
    def check(cls, facts: Facts) -> Iterator[CalibrationMissing]:
        """Yield a finding if a kind of fault, or the server's count, is missing."""
        calibration = facts.evidence.calibration
        if calibration is None or not calibration.cases:
            yield cls()
            return
        absent = ", ".join(sorted(_absent(facts, calibration)))
        if absent or not calibration.served:
            yield cls(absent=absent or "the faulty server's own count")

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        what = f"it was not tested with {self.absent}" if self.absent else "it was not tested with known faults"
        return Sentence(
            f"The detector is not calibrated: {what}. So it can't show that no request was lost.",
            "Run the Experiment again; if that does not help, see locust.log in the trial's traffic folder.",
        )


@dataclass(frozen=True, kw_only=True)
class CalibrationNotExact(
    TrialFinding,
    code="calibration-not-exact",
    weight=Weight.INSTRUMENT,
    subjects={Subject.TRIAL, Subject.WATCH},
):
    """The detector did not report exactly the faults of its calibration."""

    fault: str | None = None
    planned: int | None = None
    expected: str | None = None
    found: str | None = None
    served: int | None = None
    duplicates: int | None = None
    failure: str | None = None
    failures: int | None = None

    @classmethod
    def check(cls, facts: Facts) -> Iterator[CalibrationNotExact]:
        """Yield a finding for each difference, if the calibration is complete."""
        calibration = facts.evidence.calibration
        if calibration is not None and calibration.served and not _absent(facts, calibration):
            yield from cls.of(calibration)

    @classmethod
    def of(cls, calibration: Calibration) -> Iterator[CalibrationNotExact]:
        """Yield a finding for each difference between planned and reported, or planned and received requests."""
        for case in calibration.cases:
            if not case.is_exact:
                found = ", ".join(f"{label} {n}" for label, n in case.found.items()) or "nothing"
                yield cls(fault=case.name, planned=case.planned, expected=case.expected, found=found)
        for name, (sent, served) in calibration.served.items():
            if sent != served:
                yield cls(fault=name, planned=sent, served=served)
        if calibration.duplicates:
            yield cls(duplicates=calibration.duplicates)
        if calibration.faults:
            yield cls(failure=calibration.faults[0], failures=len(calibration.faults))

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        advice = (
            "The client's results can't be trusted here. Please report this with calibration-0.json and its ledger."
        )
        if self.duplicates:
            return Sentence(
                f"The faulty server received {plural(self.duplicates, 'request')} more than once: "
                "something between it and the client sends requests again, which hides losses.",
                advice,
            )
        if self.failure:
            return Sentence(f"The calibration itself failed: {self.failure}", advice)
        if self.expected:
            return Sentence(
                f"The detector was tested with the known fault “{self.fault or ''}” {self.planned or 0} times. It "
                f"should record “{self.expected}”, but recorded: {self.found or ''}.",
                advice,
            )
        return Sentence(
            f"Of {self.planned or 0} requests for “{self.fault or ''}” the faulty server received {self.served or 0}.",
            advice,
        )


@dataclass(frozen=True, kw_only=True)
class IdentityBroken(
    TrialFinding,
    code="identity-broken",
    weight=Weight.INSTRUMENT,
    subjects={Subject.TRIAL, Subject.WATCH},
):
    """Ledger and schedule do not agree."""

    planned: int
    rows: int
    duplicates: int
    foreign: int
    unknown_outcomes: int
    impossible_successes: int
    end_known: bool

    @classmethod
    def check(cls, facts: Facts) -> Iterator[IdentityBroken]:
        """Yield a finding if a record is doubled, not planned or contradictory, or if the end of sending is unknown.

        A planned slot without a record has a finding of its own (``AbandonedSlots``).
        """
        slots, unknown, impossible = facts.slots, unknown_codes(facts.outcome), impossible_successes(facts)
        has_end, bulk = facts.evidence.stopped_ns is not None, facts.evidence.bulk
        if facts.identity.holds and has_end and not (slots.duplicates or slots.foreign or unknown or impossible):
            return
        yield cls(
            planned=facts.identity.planned,
            rows=len(facts.outcome) + (0 if bulk is None else bulk.rows),
            duplicates=slots.duplicates,
            foreign=slots.foreign,
            unknown_outcomes=sum(unknown.values()),
            impossible_successes=impossible,
            end_known=has_end,
        )

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        parts = [
            plural(number, word, more)
            for number, word, more in (
                (self.duplicates, "slot recorded twice", "slots recorded twice"),
                (self.foreign, "record that the schedule does not know", "records that the schedule does not know"),
                (self.unknown_outcomes, "unknown outcome", "unknown outcomes"),
            )
            if number
        ]
        parts += [] if self.end_known else ["the end of sending was not recorded"]
        detail = f" ({', '.join(parts)})" if parts else ""
        return Sentence(
            f"The accounting does not add up: {plural(self.planned, 'request')} planned, "
            f"{plural(self.rows, 'record')} in the ledger{detail}.",
            "The ledger is damaged, or the harness has a bug: run again, and report it if that does not help.",
        )


@dataclass(frozen=True, kw_only=True)
class AccountsBroken(TrialFinding, code="accounts-broken", weight=Weight.INSTRUMENT):
    """The fates of the requests do not add up to the requests that were sent, or contradict the client."""

    sent: int
    counted: int
    right: int
    lost: int

    @classmethod
    def check(cls, facts: Facts) -> Iterator[AccountsBroken]:
        """Yield a finding if the second identity does not hold, or does not agree with the first."""
        if facts.joined is None:
            return
        accounts, identity = facts.joined.accounts, facts.identity
        right = sum(accounts.fates[fate] for fate in RIGHT)
        lost = sum(accounts.fates[fate] for fate in LOST)
        agrees = accounts.sent == identity.sent and right <= identity.ok and lost <= identity.lost_total
        if not (accounts.holds and agrees):
            yield cls(sent=identity.sent, counted=sum(accounts.fates.values()), right=right, lost=lost)

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"The accounts of client, proxy and pods do not add up: {plural(self.sent, 'request')} sent, "
            f"{count(self.counted)} with a fate ({count(self.right)} of them right, {count(self.lost)} lost).",
            "The harness has a bug: report it.",
        )


@dataclass(frozen=True, kw_only=True)
class ClientFaults(
    TrialFinding,
    code="client-faults",
    weight=Weight.INSTRUMENT,
    subjects={Subject.TRIAL, Subject.WATCH},
):
    """Requests failed on the sending machine, for lack of ports, file descriptors or disk space."""

    count: int
    failure: str

    @classmethod
    def check(cls, facts: Facts) -> Iterator[ClientFaults]:
        """Yield a finding if requests, or the sender itself, failed."""
        failed, faults = facts.identity.client_faults, facts.evidence.faults
        if failed or faults:
            yield cls(count=failed, failure=faults[0] if faults else "")

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        what = (
            f"{plural(self.count, 'request')} failed on the sending machine"
            if self.count
            else "The sender itself failed"
        )
        why = f": {self.failure.rstrip('.')}" if self.failure else " (ports, file descriptors or memory)"
        return Sentence(f"{what}{why}.", "Run `harness doctor`, raise the limits that it names, and run again.")


@dataclass(frozen=True, kw_only=True)
class CheckRaised(FindingType, code="check-raised", weight=Weight.INSTRUMENT):
    """A check raised an exception, so its result is unknown; the judge itself reports this."""

    check: str
    error: str

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"The check “{self.check}” failed with an exception: {self.error}",
            "This is a fault of the harness or of damaged evidence; please report it.",
        )


def _absent(facts: Facts, calibration: Calibration) -> frozenset[str]:
    """Return the outcomes that the calibration does not cover."""
    needed = CALIBRATED if facts.evidence.traffic.tls is None else CALIBRATED_WITH_TLS
    return needed - {case.expected for case in calibration.cases}
