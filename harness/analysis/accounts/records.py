"""Records of the proxy and of the pods as input of the second account.

The reader of a run directory builds them. An attempt is one number here, ``attempt_keys``: its worker and its slot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

#: Numbers of attempts, one per line or receipt.
Keys = np.ndarray[tuple[int], np.dtype[np.int64]]
#: Any other whole numbers, parallel to other arrays.
Whole = np.ndarray[tuple[int], np.dtype[np.integer[Any]]]
Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
Seconds = np.ndarray[tuple[int], np.dtype[np.float64]]

#: Bits of the slot in an attempt's key; the worker is above them.
SLOT_BITS = 48


def attempt_keys(worker: np.ndarray[Any, Any], number: np.ndarray[Any, Any]) -> Keys:
    """Return the keys of attempts, from the arrays of their workers and slots."""
    keys: Keys = (worker.astype(np.int64) << SLOT_BITS) | number.astype(np.int64)
    return keys


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientAccount:
    """The client's account of its attempts: arrays parallel to the ledger's rows.

    Attributes:
        attempts: The key of each attempt; each occurs once in an undamaged ledger.
        is_sent: True for attempts that are accounted: neither missed nor a fault of the client.
        is_ok: True for right answers.
        is_lost: True for lost requests; one that is neither has no known end.
        has_connected: True if a connection was open, so that a part of the request may have left.
        has_part: True if a part of an answer arrived.
        gave_up: True if the client ended the attempt, since no whole answer came in time.
        is_wrong: True if a whole answer arrived that the route may not give.
        status: The status of the answer; 0 if there was none.
        sent_s: The time at which it was sent, in seconds.
        done_s: The time at which its end was known, in seconds; NaN if it never was.
    """

    attempts: Keys
    is_sent: Mask
    is_ok: Mask
    is_lost: Mask
    has_connected: Mask
    has_part: Mask
    gave_up: Mask
    is_wrong: Mask
    status: Whole
    sent_s: Seconds
    done_s: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyLog:
    """The lines of an access log about the attempts of one trial, in the order of the file.

    Attributes:
        attempts: The attempt of each line.
        status: The status of each line.
        tries_line: The line of each try, as an index into ``attempts``; ascending.
        tries_address: The address of each try, as an index into ``addresses``.
        tries_status: The status of each try; 0 if it had none.
        tries_connected: 1 if a connection was used, 0 if none could be opened, -1 if the log does not say.
        addresses: The addresses, as ``host:port``.
        unreadable: For each line that can't be read, the number of lines in ``attempts`` before it; ascending.
        lists_tries: True if a line has every server that was tried, False if it has only the last.
        logs_departures: True if a request that its client gave up has its line at once, False if it may come when the
            proxy itself gives up, after the log was collected.
    """

    attempts: Keys
    status: Whole
    tries_line: Whole
    tries_address: Whole
    tries_status: Whole
    tries_connected: Whole
    addresses: tuple[str, ...]
    unreadable: Whole
    lists_tries: bool
    logs_departures: bool


@dataclass(frozen=True, slots=True)
class ReceiptLog:
    """The state of the receipts of one pod.

    Attributes:
        pod: The pod.
        processes: Processes that wrote receipts, one after the other.
        without_start: Processes whose first lines are missing.
        lost: Lines that are missing between others.
        unreadable: Lines that can't be read.
        open_ends: Processes without an ``end`` whose last lines may have been lost by the reader of their output.
    """

    pod: str
    processes: int
    without_start: int = 0
    lost: int = 0
    unreadable: int = 0
    open_ends: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipts:
    """The receipts of a trial's attempts, in the order of each pod's file.

    Attributes:
        read: The attempt of each request that was read.
        read_by: The pod that read it, as an index into ``logs``.
        answered: The attempt of each answer that was written.
        answered_status: The status of each of these answers.
        logs: The pods with receipts.
    """

    read: Keys
    read_by: Whole
    answered: Keys
    answered_status: Whole
    logs: tuple[ReceiptLog, ...]


@dataclass(frozen=True, slots=True)
class OtherAccounts:
    """The accounts of everybody but the client.

    Attributes:
        proxy: The access log of the ingress controller; None if traffic passes none.
        receipts: The receipts of the pods.
        pods: The names of the pods that served, by their IP address.
        running: The names of the pods that were still running at the end.
    """

    proxy: ProxyLog | None
    receipts: Receipts
    pods: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    running: frozenset[str] = frozenset()
