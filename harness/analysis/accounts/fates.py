"""Gives every sent request its fate, from the accounts of the client, the proxy and the pods.

The rules are masks, applied in order; the last one that matches a row decides. A row that none matches is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from harness.analysis.accounts.coverage import cover_log, cover_receipts
from harness.analysis.accounts.joining import Reads, Rows, TriesByRow, join_reads, join_tries, no_tries
from harness.analysis.accounts.records import ClientAccount, Mask, OtherAccounts
from harness.model.accounts import Accounts, Fate, LogRecord, LogState, Party

#: The fates in the order of their codes in ``Joined.fates``.
FATES: tuple[Fate, ...] = tuple(Fate)
_CODES = {fate: code for code, fate in enumerate(FATES)}
#: The parties in the order of their codes in ``Joined.missing``.
PARTIES: tuple[Party, ...] = tuple(Party)

#: Statuses by which a proxy marks a try that failed, although no pod sent them.
_OF_PROXY = (0, 502, 504)

Codes = np.ndarray[tuple[int], np.dtype[np.uint8]]


@dataclass(frozen=True, slots=True)
class Joined:
    """The fate of each row of the ledger.

    Attributes:
        fates: Index into ``FATES``; without meaning for rows that were not sent.
        missing: Index into ``PARTIES``: whose record is missing, for rows of unknown fate.
        accounts: The same, counted.
    """

    fates: Codes
    missing: Codes
    accounts: Accounts


@dataclass(frozen=True, slots=True)
class _Known:
    """Everything that is known of each row.

    Attributes:
        client: The client's account.
        tries: The tries of the access log.
        reads: The receipts.
        has_proxy: True if traffic passes a proxy.
        lists_tries: True if its log has every server that was tried.
        log_proves: True for rows that would have a line if they had arrived.
        receipts_prove: True for rows of which every receipt is there.
    """

    client: ClientAccount
    tries: TriesByRow
    reads: Reads
    has_proxy: bool
    lists_tries: bool
    log_proves: Mask
    receipts_prove: Mask

    @property
    def is_once_at_most(self) -> Mask:
        """Return True for rows of which no execution can be missing in the receipts."""
        if not self.has_proxy:
            # Nobody on the way could have sent it again.
            return np.ones(len(self.client.attempts), bool)
        by_log = self.tries.has_line & (self.tries.carried <= 1) if self.lists_tries else False
        once: Mask = self.receipts_prove | by_log
        return once


def join(client: ClientAccount, others: OtherAccounts) -> Joined:
    """Return the fate of every request.

    Args:
        client: The client's account.
        others: The accounts of the proxy and the pods.
    """
    rows, proxy = Rows(client), others.proxy
    tries = join_tries(rows, proxy) if proxy is not None else no_tries(rows.number)
    reads = join_reads(rows, others.receipts)
    lists_tries = proxy is not None and proxy.lists_tries
    log = cover_log(client, tries, proxy) if proxy is not None else None
    receipts = cover_receipts(client, tries, reads, others, lists_tries=lists_tries)
    known = _Known(
        client=client,
        tries=tries,
        reads=reads,
        has_proxy=proxy is not None,
        lists_tries=lists_tries,
        log_proves=log.proves if log is not None else np.zeros(rows.number, bool),
        receipts_prove=receipts.proves,
    )
    fates = np.full(rows.number, _CODES[Fate.UNKNOWN], np.uint8)
    for fate, mask in _rules(known):
        fates[mask] = _CODES[fate]
    missing = _missing(known)
    logs = (*((log.record,) if log is not None else ()), *receipts.records)
    accounts = _count(known, fates, missing, logs)
    if not accounts.missing[Party.PODS]:
        accounts = replace(accounts, logs=tuple(each for each in logs if not _merely_runs(each, others)))
    return Joined(fates, missing, accounts)


def _merely_runs(log: LogRecord, others: OtherAccounts) -> bool:
    """Return True if the only fault of a pod's receipts is that the pod still runs and has written no end."""
    is_whole = log.states == (LogState.ENDS_EARLY,) and not log.missing
    return log.party is Party.PODS and is_whole and log.name in others.running


def _rules(known: _Known) -> Iterator[tuple[Fate, Mask]]:
    yield from _of_right_answers(known)
    yield from _of_losses_without_receipt(known)
    yield from _of_losses_with_receipt(known)
    yield Fate.EXECUTED_TWICE, known.reads.count >= 2


def _of_right_answers(known: _Known) -> Iterator[tuple[Fate, Mask]]:
    ok, tries, reads = known.client.is_ok, known.tries, known.reads.count
    if not known.has_proxy:
        yield Fate.DELIVERED_ONCE, ok
        return
    ok = ok & tries.has_line
    if not known.lists_tries:
        yield Fate.DELIVERED_ONCE, ok & ((known.receipts_prove & (reads == 1)) | (tries.count == 0))
        return
    yield Fate.DELIVERED_ONCE, ok & (tries.count <= 1)
    once = (tries.carried <= 1) | (known.receipts_prove & (reads == 1))
    yield Fate.MASKED, ok & (tries.count >= 2) & once


def _of_losses_without_receipt(known: _Known) -> Iterator[tuple[Fate, Mask]]:
    client, tries = known.client, known.tries
    silent = client.is_lost & (known.reads.count == 0)
    if not known.has_proxy:
        yield Fate.LOST_BEFORE_INGRESS, silent & (known.receipts_prove | ~client.has_connected)
        # What arrived came from the pod itself, whether it writes receipts or not.
        yield Fate.ANSWER_LOST, silent & client.has_part
        yield Fate.BAD_ANSWER, silent & client.is_wrong
        return
    # A proxy that dies leaves no line about a request that it passed on: the receipts have to say so, too.
    never = known.log_proves & known.receipts_prove
    yield Fate.LOST_BEFORE_INGRESS, silent & ~tries.has_line & (never | ~client.has_connected)
    arrived = silent & tries.has_line
    yield Fate.LOST_AT_PROXY, arrived & ((tries.count == 0) | known.receipts_prove)
    if not known.lists_tries:
        return
    yield Fate.LOST_AT_PROXY, arrived & (tries.carried == 0)
    # A status that the proxy does not make itself came from a pod without receipts.
    answered = arrived & ~known.receipts_prove & (tries.carried == 1) & ~np.isin(tries.status, _OF_PROXY)
    yield Fate.ANSWER_LOST, answered
    yield Fate.BAD_ANSWER, answered & client.is_wrong & (tries.status == client.status)


def _of_losses_with_receipt(known: _Known) -> Iterator[tuple[Fate, Mask]]:
    client, reads = known.client, known.reads
    once = client.is_lost & (reads.count == 1) & known.is_once_at_most
    yield Fate.ANSWER_LOST, once
    yield Fate.BAD_ANSWER, once & client.is_wrong & (reads.status == client.status)


def _missing(known: _Known) -> Codes:
    """Return whose record would decide, for rows of unknown fate."""
    client = known.client
    missing = np.full(len(client.attempts), PARTIES.index(Party.PODS), np.uint8)
    if known.has_proxy:
        missing[~known.tries.has_line & ~(client.is_lost & known.log_proves)] = PARTIES.index(Party.PROXY)
    missing[~client.is_ok & ~client.is_lost] = PARTIES.index(Party.CLIENT)
    return missing


def _count(known: _Known, fates: Codes, missing: Codes, logs: tuple[LogRecord, ...]) -> Accounts:
    sent = known.client.is_sent
    counts = np.bincount(fates[sent], minlength=len(FATES))
    unknown = sent & (fates == _CODES[Fate.UNKNOWN])
    parties = np.bincount(missing[unknown], minlength=len(PARTIES))
    may_hide = unknown & known.client.is_ok
    if known.has_proxy and not known.lists_tries:
        # A try that failed without an execution is in no record.
        may_hide |= sent & (fates == _CODES[Fate.DELIVERED_ONCE]) & (known.tries.count > 0)
    return Accounts(
        sent=int(sent.sum()),
        fates={fate: int(counts[code]) for code, fate in enumerate(FATES)},
        missing={party: int(parties[code]) for code, party in enumerate(PARTIES)},
        hidden_unknown=int(may_hide.sum()),
        twice_unknown=int((unknown & ~known.is_once_at_most).sum()),
        logs=logs,
    )
