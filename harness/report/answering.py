"""Lines of text about the versions that answered, for formats without a table of them."""

from __future__ import annotations

from collections.abc import Iterator

from harness.model.verdict import CellVerdict, TrialVerdict
from harness.model.version_answers import CandidateResult, Comparison, MeasuredShare
from harness.wording import count, milliseconds, plural, probability, ranked, ratio, seconds

_METHODS = {"z": "z test", "fisher": "Fisher's exact test"}


def lines(cell: CellVerdict) -> tuple[str, ...]:
    """Return a line for each step's share and each candidate of a cell, numbered by trial if there are several."""
    several = len(cell.trials) > 1
    return tuple(
        f"Trial {trial.number}: {line}" if several else line for trial in cell.trials for line in _of_trial(trial)
    )


def split_name(split: MeasuredShare) -> str:
    """Return ``step 2``, with the repetition if it is not the first."""
    name = f"step {split.step}" if split.step else "share of B"
    return f"{name}, time {split.n}" if split.n > 1 else name


def measured(split: MeasuredShare) -> str:
    """Return ``9.8 % (488 of 5,000 answers)``."""
    if not split.counted:
        return "not measured"
    what = "sessions" if split.sessions else "answers"
    return f"{ratio(split.new / split.counted)} ({count(split.new)} of {count(split.counted)} {what})"


def interval(split: MeasuredShare) -> str:
    """Return ``8.7 % to 10.9 %``."""
    return f"{ratio(split.interval.low)} to {ratio(split.interval.high)}" if split.counted else ""


def compared(test: Comparison) -> str:
    """Return the criterion of success, and whether the candidates differ by it."""
    what = f"an answer within {seconds(test.latency)}" if test.latency else "a good answer"
    differ = "differ" if test.p_value < 0.01 else "do not differ by more than chance explains"
    return f"Success is {what}: the candidates {differ} (p {probability(test.p_value)}, {_METHODS[test.method]})."


def candidate(one: CandidateResult) -> str:
    """Return ``B: 1,000 sent, 3 lost (status 3), 997 successes; answers in 2.1 ms (median), 9.0 ms (99 %)``."""
    lost = f" ({', '.join(f'{label} {n}' for label, n in ranked(one.lost))})" if one.lost else ""
    name = "of unknown candidates" if one.name == "unknown" else one.name
    took = f"; answers in {milliseconds(one.p50)} (median), {milliseconds(one.p99)} (99 %)" if one.ok else ""
    successes = plural(one.successes, "success", "successes")
    return f"{name}: {count(one.sent)} sent, {count(sum(one.lost.values()))} lost{lost}, {successes}{took}"


def _of_trial(trial: TrialVerdict) -> Iterator[str]:
    answering = trial.answering
    for split in answering.splits:
        between = f", 99 % interval {interval(split)}" if split.counted else ""
        yield f"{split_name(split)}: asked {ratio(split.asked)}, got {measured(split)}{between}"
    yield from map(candidate, answering.candidates)
    if answering.comparison is not None:
        yield compared(answering.comparison)
