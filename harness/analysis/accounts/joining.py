"""Joins lines, tries and receipts with the rows of the ledger, by the id of the attempt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.analysis.accounts.records import ClientAccount, Keys, Mask, OtherAccounts, ProxyLog, Receipts, Whole

#: The row of something that belongs to no attempt of the ledger.
NO_ROW = -1


@dataclass(frozen=True, slots=True)
class TriesByRow:
    """The content of the access log, per row of the ledger.

    Attributes:
        line_row: The row of each line of the log; ``NO_ROW`` for an attempt that the ledger does not have.
        row: The row of each try whose attempt the ledger has.
        address: The address of each of these tries.
        opened: True for each of these tries that may have carried the request: it had, or may have had, a connection.
        has_line: True for rows with a line.
        count: Tries of each row.
        carried: Tries of each row that may have carried the request.
        status: The status of each row's last try; 0 if there was none.
        last: The address of each row's last try; -1 if there was none.
    """

    line_row: Whole
    row: Whole
    address: Whole
    opened: Mask
    has_line: Mask
    count: Whole
    carried: Whole
    status: Whole
    last: Whole


@dataclass(frozen=True, slots=True)
class Reads:
    """The content of the receipts, per row of the ledger.

    Attributes:
        count: How often each request was read.
        pod: The pod that read it last, as an index into the receipts' logs; -1 if none did.
        status: The status of the last answer; 0 if none was written.
        row: The row of each receipt of a request; ``NO_ROW`` for an attempt that the ledger does not have.
    """

    count: Whole
    pod: Whole
    status: Whole
    row: Whole


class Rows:
    """The rows of a ledger by the keys of their attempts."""

    def __init__(self, client: ClientAccount) -> None:
        keys = client.attempts
        self.number = len(keys)
        self._order = None if (keys[1:] > keys[:-1]).all() else np.argsort(keys, kind="stable")
        self._keys = keys if self._order is None else keys[self._order]

    def of(self, attempts: Keys) -> Whole:
        """Return the row of each attempt; ``NO_ROW`` if the ledger does not have it."""
        if not self.number:
            return np.full(len(attempts), NO_ROW, np.int64)
        place = np.minimum(np.searchsorted(self._keys, attempts), self.number - 1)
        rows = place if self._order is None else self._order[place]
        return np.where(self._keys[place] == attempts, rows, NO_ROW)


def join_tries(rows: Rows, log: ProxyLog) -> TriesByRow:
    """Return what an access log says of each row."""
    line_row = rows.of(log.attempts)
    row = line_row[log.tries_line] if len(log.tries_line) else np.zeros(0, np.int64)
    known = row != NO_ROW
    row, address = row[known], log.tries_address[known]
    opened = log.tries_connected[known] != 0
    status, last = np.zeros(rows.number, np.int64), np.full(rows.number, -1, np.int64)
    status[row], last[row] = log.tries_status[known], address
    return TriesByRow(
        line_row=line_row,
        row=row,
        address=address,
        opened=opened,
        has_line=_count(line_row, rows.number) > 0,
        count=_count(row, rows.number),
        carried=_count(row[opened], rows.number),
        status=status,
        last=last,
    )


def join_reads(rows: Rows, receipts: Receipts) -> Reads:
    """Return what the receipts say of each row."""
    row, answered = rows.of(receipts.read), rows.of(receipts.answered)
    pod, status = np.full(rows.number, -1, np.int64), np.zeros(rows.number, np.int64)
    pod[row[row != NO_ROW]] = receipts.read_by[row != NO_ROW]
    status[answered[answered != NO_ROW]] = receipts.answered_status[answered != NO_ROW]
    return Reads(count=_count(row, rows.number), pod=pod, status=status, row=row)


def no_tries(number: int) -> TriesByRow:
    """Return the tries where there is no proxy."""
    none, zero = np.zeros(0, np.int64), np.zeros(number, np.int64)
    no = np.zeros(number, bool)
    return TriesByRow(none, none, none, np.zeros(0, bool), no, zero, zero, zero, zero - 1)


def pods_of(address: str, others: OtherAccounts) -> tuple[str, ...]:
    """Return the pods that had an address; none if it is no pod's."""
    return others.pods.get(address.rpartition(":")[0].strip("[]"), ())


def _count(rows: Whole, number: int) -> Whole:
    return np.bincount(rows[rows != NO_ROW], minlength=number)
