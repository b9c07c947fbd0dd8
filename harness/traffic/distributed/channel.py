"""Locust's runner as the channel between a master and its workers."""

from __future__ import annotations

import logging
from typing import Any

from locust.exception import RPCError

_log = logging.getLogger(__name__)


class RunnerChannel:
    """Locust's runner as a channel that logs errors; senders repeat their important messages."""

    def __init__(self, runner: Any) -> None:
        self._runner = runner

    def send_message(self, msg_type: str, data: dict[str, Any] | None = None, client_id: str | None = None) -> None:
        """Send a message."""
        try:
            self._runner.send_message(str(msg_type), data, client_id)
        except RPCError as error:
            _log.warning("A message could not be sent: %s", error)
