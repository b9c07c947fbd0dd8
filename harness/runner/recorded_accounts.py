"""Reads the records of the proxy and of the pods about a trial's attempts, as accounts for judging.

A log that can't be read at all counts as empty: its account then says that the log is absent.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from harness.analysis.accounts.records import OtherAccounts, ProxyLog, ReceiptLog, Receipts, attempt_keys
from harness.controllers.registry import INGRESS_CONTROLLERS
from harness.errors import EvidenceError
from harness.model.controllers import NO_CONTROLLER
from harness.store.access_log import AccessLines, read_access_log
from harness.store.receipts import read_receipts
from harness.store.rundir import TrialDirectory

T = TypeVar("T")


def read_access(trial: TrialDirectory, token: str) -> AccessLines:
    """Return the lines of a trial's access log about its attempts; ``token`` is the prefix of their ids."""
    return _read(read_access_log, trial.access, token)


def read_accounts(trial: TrialDirectory, log: AccessLines, token: str, ingress: str) -> OtherAccounts:
    """Return the accounts of the proxy and the pods of a trial.

    Args:
        trial: The folder of the trial.
        log: The lines of its access log.
        token: The prefix of the ids of its attempts; empty if it is unknown, so that nothing can be joined.
        ingress: Name of the ingress controller that traffic passes; ``none`` if it passes none.
    """
    proxy = None if ingress == NO_CONTROLLER.word else _proxy(log, ingress)
    return OtherAccounts(proxy=proxy, receipts=_receipts(trial.logs / "pods", token))


def _proxy(lines: AccessLines, ingress: str) -> ProxyLog:
    controller = INGRESS_CONTROLLERS.get(ingress)
    return ProxyLog(
        attempts=attempt_keys(lines.worker, lines.number),
        status=lines.status,
        tries_line=lines.tries_line,
        tries_address=lines.tries_address,
        tries_status=lines.tries_status,
        tries_connected=lines.tries_connected,
        addresses=lines.addresses,
        unreadable=lines.unreadable,
        lists_tries=controller is not None and controller.log.lists_tries,
        logs_departures=controller is not None and controller.log.logs_departures,
    )


def _receipts(folder: Path, token: str) -> Receipts:
    lines = _read(read_receipts, folder, token)
    return Receipts(
        read=attempt_keys(lines.read_worker, lines.read_number),
        read_by=lines.read_by,
        answered=attempt_keys(lines.answered_worker, lines.answered_number),
        answered_status=lines.answered_status,
        logs=tuple(ReceiptLog(**dataclasses.asdict(pod)) for pod in lines.pods),
    )


def _read(reader: Callable[[Path, str], T], path: Path, token: str) -> T:
    """Read a log. Return an empty one if it can't be read, or if nothing says which lines belong to the trial."""
    if token:
        try:
            return reader(path, token)
        except EvidenceError:
            pass
    return reader(path.with_name(f"{path.name}-absent"), token)
