"""The second account in verdicts: it is checked like the first, and an Experiment can limit what it counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.analysis.accounts.records import OtherAccounts, ProxyLog, ReceiptLog, Receipts, attempt_keys
from harness.analysis.evidence import TrialEvidence
from harness.analysis.facts import Facts
from harness.analysis.workload import pod_lives
from harness.errors import ExitCode
from harness.findings.expectations import MaskingNotExpected, MaskingUnknown
from harness.findings.instrument import AccountsBroken
from harness.judging.cells import exit_code, judge_cells
from harness.judging.trial import judge_trial
from harness.model.accounts import Fate, LogState, Party, UncertainCount
from harness.model.attempt import Outcome
from harness.model.changes import NoChange
from harness.model.experiment import Cell, Configuration, Expectation, ExpectedVerdict
from harness.model.verdict import CellVerdict, Verdict
from harness.report.run_text import expected, masking
from harness.store.records import from_json, to_json
from harness.testing.evidence import CHANGE, quiet_trial, with_losses

BARE = Configuration((("lifecycle", "bare"),), ())
CONTROL = NoChange(name="none")
POD = "10.0.0.1:5678"


def accounted(
    evidence: TrialEvidence, *, hidden: int = 0, twice: int = 0, receipts: bool = True, lists_tries: bool = True
) -> TrialEvidence:
    """Return the evidence with complete records of the proxy and of one pod.

    Args:
        evidence: The evidence of the client.
        hidden: The first successes for which the proxy tried a refusing server first.
        twice: The next successes, which the pod read twice.
        receipts: True if the pod writes receipts.
        lists_tries: True if the access log has every try.
    """
    keys = attempt_keys(evidence.attempts["worker"], evidence.attempts["number"])
    tries = np.repeat(np.arange(len(keys)), np.where(np.arange(len(keys)) < hidden, 2, 1))
    is_first = np.concatenate(([True], tries[1:] != tries[:-1])) & (tries < hidden)
    reads = np.concatenate((keys, keys[hidden : hidden + twice])) if receipts else keys[:0]
    proxy = ProxyLog(
        attempts=keys,
        status=evidence.attempts["status"],
        tries_line=tries,
        tries_address=np.zeros(len(tries), np.int64),
        tries_status=np.where(is_first, 502, 200),
        tries_connected=np.where(is_first, 0, 1),
        addresses=(POD,),
        unreadable=np.zeros(0, np.int64),
        lists_tries=lists_tries,
        logs_departures=True,
    )
    pods = Receipts(
        read=reads,
        read_by=np.zeros(len(reads), np.int64),
        answered=reads,
        answered_status=np.full(len(reads), 200),
        logs=(ReceiptLog("apple-old", 1),) if receipts else (),
    )
    return replace(evidence, others=OtherAccounts(proxy, pods))


def judged(evidence: TrialEvidence, expectation: Expectation) -> CellVerdict:
    """Return the verdict of a cell whose control is sound."""
    control = judge_trial(accounted(quiet_trial(CONTROL)))
    return judge_cells([(Cell(BARE, CONTROL), [control]), (Cell(BARE, CHANGE, expectation), [judge_trial(evidence)])])[
        1
    ]


def codes(verdict: CellVerdict) -> set[str]:
    """Return the codes of a cell's findings."""
    return {finding.code for finding in verdict.findings}


def test_the_sum_of_fates_is_the_number_of_sent_requests() -> None:
    """A trial of which all is known has no finding about it."""
    verdict = judge_trial(accounted(quiet_trial(), hidden=37, twice=2))
    accounts = verdict.accounts

    assert accounts is not None
    assert (verdict.verdict, verdict.findings) == (Verdict.LOSSLESS, ())
    assert (accounts.hidden, accounts.twice, accounts.sent) == (37, 2, verdict.identity.sent)
    assert accounts.holds


@pytest.mark.parametrize(
    "change", [{"sent": 1}, {"fates": {**dict.fromkeys(Fate, 0), Fate.UNKNOWN: 1}}, {"missing": {Party.PODS: 3}}]
)
def test_fates_that_do_not_add_up_make_a_trial_inconclusive(change: dict[str, Any]) -> None:
    """The second identity is checked like the first: a wrong sum is a fault of the instrument."""
    facts = Facts.of(accounted(quiet_trial()))
    assert facts.joined is not None
    assert list(AccountsBroken.check(facts)) == []
    broken = replace(facts.joined, accounts=replace(facts.joined.accounts, **change))

    assert len(list(AccountsBroken.check(replace(facts, joined=broken)))) == 1


def test_fates_that_contradict_the_client_are_found() -> None:
    """More right answers than the client got can't be right, although the sum is."""
    facts = Facts.of(accounted(with_losses(quiet_trial(), 1.5, 1.6)))
    assert facts.joined is not None
    fates = dict.fromkeys(Fate, 0) | {Fate.DELIVERED_ONCE: facts.identity.sent}
    wrong = replace(facts.joined, accounts=replace(facts.joined.accounts, fates=fates))

    assert [found.lost for found in AccountsBroken.check(replace(facts, joined=wrong))] == [0]


def test_a_trial_without_other_records_has_no_second_account() -> None:
    """A watch has only the client's account; its verdict is as before."""
    assert judge_trial(quiet_trial()).accounts is None


@pytest.mark.parametrize(
    ("limits", "as_expected"),
    [({}, True), ({"hidden": 0}, False), ({"hidden": 36}, False), ({"hidden": 37}, True), ({"twice": 1}, False)],
)
def test_a_limit_that_is_exceeded_is_not_as_expected(limits: dict[str, Any], as_expected: bool) -> None:
    """Nothing was lost, and yet the cell is not as the Experiment wants it."""
    verdict = judged(accounted(quiet_trial(), hidden=37, twice=2), Expectation(**limits))

    assert (verdict.verdict, verdict.as_expected) == (Verdict.LOSSLESS, as_expected)
    assert (MaskingNotExpected.code in codes(verdict)) is not as_expected
    assert exit_code([verdict]) is (ExitCode.AS_EXPECTED if as_expected else ExitCode.UNEXPECTED)
    assert masking(verdict) == "hidden 37 · twice 2"


@pytest.mark.parametrize("expected_verdict", [ExpectedVerdict.LOSSLESS, ExpectedVerdict.LOSSY, ExpectedVerdict.ANY])
@pytest.mark.parametrize("what", ["hidden", "twice"])
def test_a_limit_on_an_unknown_number_is_inconclusive(expected_verdict: ExpectedVerdict, what: str) -> None:
    """A log of last tries and no receipts: nobody knows, so the expectation is not met, whatever was lost."""
    trial = quiet_trial()
    if expected_verdict is ExpectedVerdict.LOSSY:
        trial = with_losses(trial, 1.5, 1.6)
    unclear = accounted(trial, receipts=False, lists_tries=False)
    limit: dict[str, Any] = {what: 0}
    verdict = judged(unclear, Expectation(expected_verdict, **limit))

    assert (verdict.verdict, verdict.as_expected) == (Verdict.INCONCLUSIVE, False)
    assert MaskingUnknown.code in codes(verdict)
    assert exit_code([verdict]) is ExitCode.INCONCLUSIVE
    assert masking(verdict) == "hidden ? · twice ?"


def test_a_loss_against_expectation_stays_a_loss() -> None:
    """An unknown number of hidden requests does not soften a certain loss."""
    unclear = accounted(with_losses(quiet_trial(), 1.5, 1.6), receipts=False, lists_tries=False)
    verdict = judged(unclear, Expectation(hidden=0))

    assert (verdict.verdict, verdict.as_expected) == (Verdict.LOSSY, False)
    assert exit_code([verdict]) is ExitCode.UNEXPECTED


def test_a_limit_that_is_certainly_exceeded_needs_no_complete_records() -> None:
    """Two requests were executed twice, however many more were."""
    unclear = accounted(quiet_trial(), twice=2, lists_tries=False)
    verdict = judged(unclear, Expectation(hidden=0, twice=0))

    assert {MaskingNotExpected.code, MaskingUnknown.code} <= codes(verdict)
    assert (verdict.hidden.known, verdict.twice) == (0, UncertainCount(2, 0))


def test_without_any_record_a_limit_is_inconclusive() -> None:
    """A trial that has only the client's account can't answer."""
    verdict = judged(quiet_trial(), Expectation(hidden=0))

    assert (verdict.verdict, verdict.hidden) == (Verdict.INCONCLUSIVE, UncertainCount())


def test_the_expectation_is_in_words() -> None:
    """Reports show the limits next to the expected verdict."""
    assert expected(judged(quiet_trial(), Expectation(hidden=0, twice=3))) == "lossless, hidden ≤ 0, twice ≤ 3"


def test_bounds_never_show_an_unknown_number_as_a_number() -> None:
    """``3+`` is at least three; ``?`` is any number."""
    shown = [
        str(each) for each in (UncertainCount(1_300, 0), UncertainCount(3, 5), UncertainCount(0, 5), UncertainCount())
    ]

    assert shown == ["1,300", "3+", "?", "?"]


def test_the_account_is_stored_in_words() -> None:
    """``verdict.json`` has the names of fates and states; reading it gives the same record."""
    verdict = judged(accounted(quiet_trial(), receipts=False), Expectation())
    stored = to_json(verdict)
    accounts = stored["trials"][0]["accounts"]

    assert accounts["fates"]["delivered-once"] == accounts["sent"]
    assert accounts["logs"][-1]["states"] == [LogState.ABSENT.value]
    assert stored["hidden"] == {"known": 0, "unknown": 0}
    assert from_json(CellVerdict, stored) == verdict


def open_ended(evidence: TrialEvidence, **damage: int) -> dict[str, tuple[LogState, ...]]:
    """Return the states of the receipts of all pods if none has written its end."""
    assert evidence.others is not None
    names = [life.name for life in pod_lives(evidence)]
    logs = tuple(ReceiptLog(name, 1, open_ends=1, **damage) for name in names)
    receipts = replace(evidence.others.receipts, logs=logs)
    accounts = judge_trial(replace(evidence, others=replace(evidence.others, receipts=receipts))).accounts
    assert accounts is not None
    return {log.name: log.states for log in accounts.logs if log.party is Party.PODS}


def test_receipts_of_a_pod_that_still_runs_need_no_end() -> None:
    """On a real cluster every pod that outlives the trial has such receipts; those of a killed pod end early."""
    lives = {life.name: life for life in pod_lives(quiet_trial())}
    ended = {name for name, life in lives.items() if life.gone is not None}
    running = {name for name, life in lives.items() if life.terminating is None and life.gone is None}
    assert ended
    assert running

    assert open_ended(accounted(quiet_trial())) == dict.fromkeys(ended, (LogState.ENDS_EARLY,))


def test_receipts_without_an_end_are_named_if_they_leave_a_fate_unknown() -> None:
    """A request that is in no log may have been read by any pod whose receipts prove nothing."""
    lost = accounted(with_losses(quiet_trial(), 1.5, 1.6, Outcome.CLOSED), lists_tries=False)
    states = open_ended(lost)

    assert set(states) == {life.name for life in pod_lives(quiet_trial())}


def test_other_damage_of_a_pod_that_still_runs_is_reported() -> None:
    """Numbers that are missing show missing lines, whether the process runs or not."""
    states = open_ended(accounted(quiet_trial()), lost=1)

    assert set(states) == {life.name for life in pod_lives(quiet_trial())}
    assert all(LogState.INTERRUPTED in each for each in states.values())
