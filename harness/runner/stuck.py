"""Remember which configurations cannot become ready, so that their other trials need not wait for the same cause."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from harness.kube.errors import RolloutStuckError


@dataclass(slots=True)
class StuckConfigurations:
    """The configurations of a run whose workload cannot become ready. Safe to use from several threads."""

    _found: dict[str, tuple[str, str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, configuration: str, trial: str, reason: str) -> None:
        """Record the first trial of a configuration that could not start, with its reason."""
        with self._lock:
            self._found.setdefault(configuration, (trial, reason))

    def check(self, configuration: str) -> None:
        """Check that no trial of a configuration has failed to become ready.

        Raises:
            RolloutStuckError: One has; the message has its reason and its name.
        """
        with self._lock:
            found = self._found.get(configuration)
        if found is not None:
            trial, reason = found
            raise RolloutStuckError(f"{reason.rstrip('.')}. Not tried again: trial {trial} has the same workload.")
