"""Findings about a cell as a whole: its control, and the losses that its Experiment expects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from harness.analysis.cells import CellFacts
from harness.findings.finding_type import CellFinding, Sentence, Subject
from harness.findings.losses import RequestsLost
from harness.findings.stopping import is_stopped
from harness.model.accounts import UncertainCount
from harness.model.verdict import Verdict, Weight
from harness.wording import count, plural, seconds

#: The counts that an Experiment can limit, each as the end of a sentence.
_DONE = {"hidden": "saved by another try of the proxy", "twice": "executed more than once"}


@dataclass(frozen=True, kw_only=True)
class LossInControl(CellFinding, code="loss-in-control", weight=Weight.INSTRUMENT):
    """The configuration loses requests although nothing is changed."""

    lost: int
    sent: int

    @classmethod
    def check(cls, cell: CellFacts) -> Iterator[LossInControl]:
        """Yield a finding if the control lost a request."""
        lost = sum(trial.identity.lost_total for trial in cell.control)
        if lost:
            yield cls(lost=lost, sent=sum(trial.identity.sent for trial in cell.control))

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"The control, in which nothing is changed, lost {count(self.lost)} of {count(self.sent)} requests: "
            "losses in this configuration may come from the environment.",
            "Make the control lossless first; causes are other load on the machine, a broken backend, too high a rate.",
        )


@dataclass(frozen=True, kw_only=True)
class ControlMissing(CellFinding, code="control-missing", weight=Weight.EVIDENCE):
    """The losses of the configuration without a change are unknown."""

    trials: int
    stopped: bool

    @classmethod
    def check(cls, cell: CellFacts) -> Iterator[ControlMissing]:
        """Yield a finding unless every trial of the control is lossless.

        A control that lost requests has a finding of its own. A control is not compared with itself, and a stopped cell
        needs no second reason.
        """
        control = cell.control
        if any(trial.identity.lost_total for trial in control):
            return
        if len(control) >= cell.planned and cell.is_control_sound:
            return
        is_unsound = cell.is_control and any(trial.verdict is not Verdict.LOSSLESS for trial in cell.trials)
        if not is_unsound and not any(map(is_stopped, cell.trials)):
            yield cls(trials=len(control), stopped=any(map(is_stopped, control)))

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        if not self.trials:
            return Sentence(
                "This configuration has no control, so its losses without a change are unknown.",
                "Add `none` to the Experiment's changes.",
            )
        if self.stopped:
            return Sentence("The control of this configuration has no result, since the run was stopped.")
        return Sentence(
            "The control of this configuration is inconclusive, so its losses without a change are unknown.",
            "See the findings of the control.",
        )


@dataclass(frozen=True, kw_only=True)
class MaskingUnknown(CellFinding, code="masking-unknown", weight=Weight.EVIDENCE):
    """The Experiment limits the requests that were hidden or executed twice, and their number is unknown."""

    what: str
    allowed: int
    known: int
    unknown: int | None
    without: str

    @classmethod
    def check(cls, cell: CellFacts) -> Iterator[MaskingUnknown]:
        """Yield a finding for each limit that the known number keeps, but that may be exceeded by what is unknown."""
        for what, allowed, found in _limits(cell):
            if found.known <= allowed and found.unknown != 0:
                yield cls(what=what, allowed=allowed, known=found.known, unknown=found.unknown, without=_without(cell))

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        done = _DONE.get(self.what, self.what)
        if self.unknown is None:
            return Sentence(
                f"At most {plural(self.allowed, 'request')} may be {done}, and nothing recorded that.",
                "Only a run behind an ingress controller, or directly to pods, has these records.",
            )
        incomplete = f" Incomplete: {self.without}." if self.without else ""
        return Sentence(
            f"At most {plural(self.allowed, 'request')} may be {done}; {count(self.known)} certainly were, "
            f"and for {count(self.unknown)} more it is unknown.{incomplete}",
            "An access log that lists every try, and images that write receipts (harness/echo:1), show it.",
        )


@dataclass(frozen=True, kw_only=True)
class ClassNotSeen(CellFinding, code="class-not-seen", weight=Weight.NOTE, subjects={Subject.JUDGED_CELL}):
    """Requests were lost with other classes than the Experiment expects."""

    expected: str
    found: str

    @classmethod
    def check(cls, cell: CellFacts) -> Iterator[ClassNotSeen]:
        """Yield a finding if a lossy cell has no loss of an expected class."""
        classes = cell.cell.expectation.classes
        found: Counter[str] = Counter()
        for trial in cell.trials:
            found.update(trial.identity.lost)
        if cell.verdict is Verdict.LOSSY and classes and not set(classes) & set(found):
            yield cls(expected=", ".join(classes), found=", ".join(found))

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"Losses of class {self.expected} were expected; there were {self.found} instead.",
            "The cause differs from that in the Experiment: see the failures by class below.",
        )


@dataclass(frozen=True, kw_only=True)
class LossOutsideWindow(CellFinding, code="loss-outside-window", weight=Weight.NOTE, subjects={Subject.JUDGED_CELL}):
    """Requests were lost for longer than the Experiment expects."""

    expected_s: float
    found_s: float

    @classmethod
    def check(cls, cell: CellFacts) -> Iterator[LossOutsideWindow]:
        """Yield a finding if a lossy cell loses requests after the expected window."""
        window = cell.cell.expectation.window
        found = (lost.window_s for trial in cell.trials for lost in RequestsLost.among(trial.findings))
        longest = max(found, default=0.0)
        if cell.verdict is Verdict.LOSSY and window and longest > window:
            yield cls(expected_s=window, found_s=longest)

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"Requests were lost up to {seconds(self.found_s)} after the change was made; "
            f"at most {seconds(self.expected_s)} were expected.",
            "Something takes longer than the Experiment expects: see the chart.",
        )


@dataclass(frozen=True, kw_only=True)
class MaskingNotExpected(CellFinding, code="masking-not-expected", weight=Weight.NOTE, subjects={Subject.JUDGED_CELL}):
    """More requests were hidden by another try, or executed more than once, than the Experiment allows."""

    what: str
    allowed: int
    found: int

    @classmethod
    def check(cls, cell: CellFacts) -> Iterator[MaskingNotExpected]:
        """Yield a finding for each limit that is certainly exceeded."""
        for what, allowed, found in _limits(cell):
            if found.known > allowed:
                yield cls(what=what, allowed=allowed, found=found.known)

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        were = "was" if self.found == 1 else "were"
        text = f"{plural(self.found, 'request')} {were} {_DONE.get(self.what, self.what)}; "
        allowed = f"at most {count(self.allowed)} may be." if self.allowed else "none may be."
        advice = (
            "The client saw a success, since the proxy tried again: without that, these requests were lost."
            if self.what == "hidden"
            else "The proxy tried again although a pod had read the request: allow no retry of what was sent."
        )
        return Sentence(text + allowed, advice)


def _limits(cell: CellFacts) -> Iterator[tuple[str, int, UncertainCount]]:
    """Yield each limit of the Experiment: its name, the largest number that it allows, and the number found."""
    expectation = cell.cell.expectation
    for what, allowed, found in (
        ("hidden", expectation.hidden, cell.hidden),
        ("twice", expectation.twice, cell.twice),
    ):
        if allowed is not None:
            yield what, allowed, found


def _without(cell: CellFacts) -> str:
    """Return the damaged logs of all trials as text, each once."""
    logs = (log for trial in cell.trials if trial.accounts for log in trial.accounts.logs if not log.is_complete)
    return ", ".join(dict.fromkeys(log.title for log in logs))
