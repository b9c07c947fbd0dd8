"""The locustfile of runs without one of the user's own: the Experiment's traffic and nothing else."""

from __future__ import annotations

from harness.traffic.user import LosslessUser


class ExperimentUser(LosslessUser):
    """Sends the Experiment's traffic."""
