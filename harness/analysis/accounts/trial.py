"""Builds the second account of a trial from its evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harness.analysis.accounts.fates import Joined, join
from harness.analysis.accounts.records import ClientAccount, Mask, OtherAccounts, Seconds, attempt_keys
from harness.analysis.evidence import TrialEvidence
from harness.analysis.workload import PodLife, pod_lives
from harness.model.accounts import Accounts, Fate, Party
from harness.model.attempt import Outcome, Progress

_WRONG = (Outcome.STATUS, Outcome.WRONG_ANSWER)


def join_accounts(
    evidence: TrialEvidence,
    *,
    outcome: np.ndarray[tuple[int], np.dtype[np.uint8]],
    is_sent: Mask,
    is_lost: Mask,
    sent_s: Seconds,
    done_s: Seconds,
) -> Joined | None:
    """Return the fate of every request; None if only the client's account was recorded.

    Args:
        evidence: The trial's evidence.
        outcome: The outcome of each row, as it is judged.
        is_sent: True for rows of sent requests.
        is_lost: True for rows of lost requests.
        sent_s: The time at which each was sent, in seconds.
        done_s: The time at which its outcome was known, in seconds.
    """
    others = evidence.others
    if others is None:
        return None
    rows = evidence.attempts
    client = ClientAccount(
        attempts=attempt_keys(rows["worker"], rows["number"]),
        is_sent=is_sent,
        is_ok=outcome == Outcome.OK,
        is_lost=is_lost,
        has_connected=rows["progress"] > Progress.NOT_CONNECTED,
        has_part=rows["progress"] >= Progress.PARTLY_ANSWERED,
        gave_up=outcome == Outcome.TIMEOUT_RESPONSE,
        is_wrong=np.isin(outcome, _WRONG),
        status=rows["status"],
        sent_s=sent_s,
        done_s=done_s,
    )
    lives = pod_lives(evidence)
    joined = join(client, replace(others, pods=_pods(lives), running=_running(lives)))
    if evidence.bulk is None:
        return joined
    return replace(
        joined, accounts=_with_others(joined.accounts, evidence.bulk.rows, has_proxy=others.proxy is not None)
    )


def _running(lives: Sequence[PodLife]) -> frozenset[str]:
    """Return the pods that did not begin to end."""
    return frozenset(life.name for life in lives if life.terminating is None and life.gone is None)


def _with_others(accounts: Accounts, others: int, *, has_proxy: bool) -> Accounts:
    """Add right answers that are not among the rows; they are left out only where no party recorded a line."""
    fate = Fate.UNKNOWN if has_proxy else Fate.DELIVERED_ONCE
    unknown = others if has_proxy else 0
    return replace(
        accounts,
        sent=accounts.sent + others,
        fates={**accounts.fates, fate: accounts.fates[fate] + others},
        missing={**accounts.missing, Party.PROXY: accounts.missing[Party.PROXY] + unknown},
        hidden_unknown=accounts.hidden_unknown + unknown,
        twice_unknown=accounts.twice_unknown + unknown,
        logs=tuple(
            replace(log, missing=log.missing + others) if log.party is Party.PROXY else log for log in accounts.logs
        ),
    )


def has_no_line(others: OtherAccounts | None) -> bool:
    """Return True if neither the proxy nor a pod recorded anything, so that all right answers are alike."""
    if others is None:
        return True
    proxy = others.proxy
    return not others.receipts.logs and (proxy is None or (not len(proxy.attempts) and not len(proxy.unreadable)))


def _pods(lives: Sequence[PodLife]) -> dict[str, tuple[str, ...]]:
    """Return the pods that were ready, by their addresses."""
    pods: dict[str, tuple[str, ...]] = {}
    for life in lives:
        address = life.labels.get("ip")
        if address and life.ready is not None:
            pods[address] = (*pods.get(address, ()), life.name)
    return pods
