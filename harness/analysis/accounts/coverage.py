"""Finds the requests for which a record proves that something did not happen.

A line that exists proves what it says, even in a damaged log. A missing line proves something only if the log certainly
has all lines of that time. A right answer must have left a line on its way, so right answers without lines show which
part of a log is missing. Receipts are numbered, so gaps in the numbers show missing ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.analysis.accounts.joining import NO_ROW, Reads, TriesByRow, pods_of
from harness.analysis.accounts.records import ClientAccount, Mask, OtherAccounts, ProxyLog, ReceiptLog, Seconds, Whole
from harness.model.accounts import LogRecord, LogState, Party

#: Seconds by which a gap in a log is widened on both sides: client and proxy do not end a request at the same moment.
_MARGIN = 1.0

#: A period that a log does not cover, in seconds from the traffic's start.
Stretch = tuple[float, float]


@dataclass(frozen=True, slots=True)
class LogCoverage:
    """The coverage of an access log.

    Attributes:
        record: Its state.
        proves: True for rows that would have a line if they had arrived.
    """

    record: LogRecord
    proves: Mask


@dataclass(frozen=True, slots=True)
class ReceiptCoverage:
    """The coverage of all receipts.

    Attributes:
        records: The state of the receipts, for each pod where something is wrong.
        proves: True for rows of which every receipt is there: no pod that may have read it lost a line.
    """

    records: tuple[LogRecord, ...]
    proves: Mask


def cover_log(client: ClientAccount, tries: TriesByRow, log: ProxyLog) -> LogCoverage:
    """Return what the access log covers, as the client's right answers show it."""
    expected = client.is_ok & client.is_sent
    missing = expected & ~tries.has_line
    logged = expected & tries.has_line
    stretches = [*_missing(client, logged, missing), *_torn(client, tries, log)]
    states = _states(client, logged, missing)
    if len(log.unreadable):
        states.append(LogState.TORN)
    late = client.is_lost & client.gave_up & ~tries.has_line & (not log.logs_departures)
    if late.any():
        states.append(LogState.LATE)
    if not len(log.attempts):
        states = [LogState.ABSENT]
    record = LogRecord(
        party=Party.PROXY,
        name="",
        states=tuple(states) or (LogState.COMPLETE,),
        lines=len(log.attempts),
        missing=int(missing.sum()),
        unreadable=len(log.unreadable),
        stretches=tuple(_open(start, end) for start, end in stretches),
    )
    # Nothing is proved before the first and after the last right answer with a line.
    proves = np.zeros(len(client.attempts), bool)
    if logged.any():
        proves = (client.sent_s >= client.sent_s[logged].min()) & (client.done_s <= client.done_s[logged].max())
    proves &= ~late
    for start, end in stretches:
        proves &= (client.done_s < start - _MARGIN) | (client.sent_s > end + _MARGIN)
    return LogCoverage(record, proves)


def _states(client: ClientAccount, logged: Mask, missing: Mask) -> list[LogState]:
    if not missing.any() or not logged.any():
        return [LogState.ABSENT] if missing.any() else []
    done = client.done_s
    before = done[missing] < done[logged].min()
    after = done[missing] > done[logged].max()
    found = {
        LogState.ROTATED: before.any(),
        LogState.INTERRUPTED: (~before & ~after).any(),
        LogState.ENDS_EARLY: after.any(),
    }
    return [state for state, is_so in found.items() if is_so]


def _missing(client: ClientAccount, logged: Mask, missing: Mask) -> list[Stretch]:
    """Return the stretches in which lines of right answers are missing: at the begin, in the middle, at the end."""
    if not missing.any() or not logged.any():
        return []
    done = client.done_s
    first, last = done[logged].min(), done[logged].max()
    stretches = []
    if (done[missing] < first).any():
        stretches.append((-np.inf, float(first)))
    middle = missing & (done >= first) & (done <= last)
    if middle.any():
        # From the last right answer before it that has a line to the first one after it.
        begin = done[logged & (done <= done[middle].min())].max()
        end = done[logged & (done >= done[middle].max())].min()
        stretches.append((float(begin), float(end)))
    if (done[missing] > last).any():
        stretches.append((float(last), np.inf))
    return stretches


def _torn(client: ClientAccount, tries: TriesByRow, log: ProxyLog) -> list[Stretch]:
    """Return a stretch around each place with lines that can't be read, by the attempts of the lines around it."""
    known = np.flatnonzero(tries.line_row != NO_ROW)
    stretches: list[Stretch] = []
    for place in np.unique(np.searchsorted(known, log.unreadable)).tolist():
        around = tries.line_row[known[max(place - 1, 0) : place + 1]]
        start = -np.inf if place == 0 else float(np.nanmin(client.sent_s[around]))
        end = np.inf if place == len(known) else float(np.nanmax(client.done_s[around]))
        stretches.append((start, end))
    return stretches


def _open(start: float, end: float) -> tuple[float | None, float | None]:
    return (round(start, 6) if np.isfinite(start) else None, round(end, 6) if np.isfinite(end) else None)


def cover_receipts(
    client: ClientAccount, tries: TriesByRow, reads: Reads, others: OtherAccounts, *, lists_tries: bool
) -> ReceiptCoverage:
    """Return what the receipts cover.

    Args:
        client: The client's account.
        tries: The tries of the access log.
        reads: The receipts by row.
        others: All other accounts.
        lists_tries: True if the log has every server that was tried.
    """
    proxy = others.proxy
    addresses = proxy.addresses if proxy is not None else ()
    owners = [pods_of(address, others) for address in addresses]
    unseen = _unseen(client, tries, reads, owners, has_proxy=proxy is not None)
    until = _until(client, reads, others, unseen)
    until_address = np.array([min((until[pod] for pod in pods), default=-np.inf) for pods in owners] or [0.0])
    number = len(client.attempts)
    every = np.array(min(until.values(), default=-np.inf))
    proves = _ends_before(client, np.broadcast_to(every, number))
    if lists_tries:
        # The tries say which pods matter.
        ends = np.full(number, np.inf)
        opened = tries.opened
        np.minimum.at(ends, tries.row[opened], until_address[tries.address[opened]])
        proves = np.where(tries.has_line, _ends_before(client, ends), proves)
    return ReceiptCoverage(_records(others, until, unseen, reads), proves)


def _unseen(
    client: ClientAccount, tries: TriesByRow, reads: Reads, owners: list[tuple[str, ...]], *, has_proxy: bool
) -> dict[str, int]:
    """Return how many right answers of each pod have no receipt: its receipts can't be all there.

    Without a proxy nobody knows which pod answered; the count then has an empty name.
    """
    silent = client.is_ok & client.is_sent & (reads.count == 0)
    if not has_proxy:
        return {"": int(silent.sum())} if silent.any() else {}
    last = tries.last[silent & (tries.last >= 0)]
    counts = np.bincount(last, minlength=len(owners))
    found: dict[str, int] = {}
    for address in np.flatnonzero(counts).tolist():
        for pod in owners[address]:
            found[pod] = found.get(pod, 0) + int(counts[address])
    return found


def _until(client: ClientAccount, reads: Reads, others: OtherAccounts, unseen: dict[str, int]) -> dict[str, float]:
    """Return until when each pod's receipts prove that it did not read a request: in seconds, by the client's clock."""
    logs = {log.pod: (index, log) for index, log in enumerate(others.receipts.logs)}
    served = {pod for pods in others.pods.values() for pod in pods}
    return {
        pod: -np.inf if pod not in logs or pod in unseen or "" in unseen else _proved(client, reads, *logs[pod])
        for pod in sorted({*served, *logs})
    }


def _proved(client: ClientAccount, reads: Reads, index: int, log: ReceiptLog) -> float:
    if log.without_start or log.lost or log.unreadable:
        return -np.inf
    if not log.open_ends:
        return np.inf
    # A pod writes receipts in order: up to the last request that has one, none is missing.
    mine = client.sent_s[reads.pod == index]
    return float(mine.max()) if len(mine) else -np.inf


def _ends_before(client: ClientAccount, until: Seconds | np.ndarray[tuple[int], np.dtype[np.float64]]) -> Mask:
    proved: Mask = np.isposinf(until) | (client.done_s <= until)
    return proved


def _records(
    others: OtherAccounts, until: dict[str, float], unseen: dict[str, int], reads: Reads
) -> tuple[LogRecord, ...]:
    """Return the state of the receipts of each pod where something is wrong; one record if no pod has any."""
    logs = {log.pod: (index, log) for index, log in enumerate(others.receipts.logs)}
    if not logs:
        return (LogRecord(Party.PODS, "", (LogState.ABSENT,), 0),)
    lines = _per_pod(others.receipts.read_by, reads, len(logs))
    records = []
    for pod in until:
        index, log = logs.get(pod, (-1, ReceiptLog(pod, 0)))
        states = _damage(log, unseen.get(pod, 0)) if index >= 0 else [LogState.ABSENT]
        if states:
            count = lines[index] if index >= 0 else 0
            missing = log.lost + unseen.get(pod, 0)
            records.append(LogRecord(Party.PODS, pod, tuple(states), count, missing, log.unreadable))
    if "" in unseen:
        records.append(LogRecord(Party.PODS, "", (LogState.INTERRUPTED,), sum(lines), unseen[""]))
    return tuple(records)


def _per_pod(read_by: Whole, reads: Reads, pods: int) -> list[int]:
    counts: list[int] = np.bincount(read_by[reads.row != NO_ROW], minlength=pods).tolist()
    return counts


def _damage(log: ReceiptLog, unseen: int) -> list[LogState]:
    found = {
        LogState.ROTATED: log.without_start,
        LogState.INTERRUPTED: log.lost,
        LogState.ENDS_EARLY: log.open_ends or (unseen and not log.lost and not log.without_start),
        LogState.TORN: log.unreadable,
    }
    return [state for state, is_so in found.items() if is_so]
