"""Faults of attempts in a ledger, as changed fields of their rows."""

from __future__ import annotations

from collections.abc import Mapping

from harness.model.attempt import Outcome, Progress

#: The changed fields, by the name of the fault.
ROW_FAULTS: Mapping[str, Mapping[str, int]] = {
    "status": {"outcome": Outcome.STATUS, "status": 502},
    "gateway timeout": {"outcome": Outcome.STATUS, "status": 504},
    "reset": {"outcome": Outcome.RESET, "status": 0, "progress": Progress.SENT},
    "timeout": {"outcome": Outcome.TIMEOUT_RESPONSE, "status": 0, "progress": Progress.SENT},
    "missed": {"outcome": Outcome.MISSED, "sent": -1, "status": 0, "progress": Progress.NOT_CONNECTED},
    "client fault": {"outcome": Outcome.CLIENT_FAULT, "status": 0, "progress": Progress.NOT_CONNECTED},
    "unfinished": {"outcome": Outcome.UNFINISHED, "done": -1, "status": 0, "progress": Progress.SENT},
    "unknown outcome": {"outcome": 77},
    "impossible success": {"outcome": Outcome.OK, "status": 500},
    "half an answer": {"outcome": Outcome.OK, "progress": Progress.PARTLY_ANSWERED},
    "new version": {"responder": 2},
}
