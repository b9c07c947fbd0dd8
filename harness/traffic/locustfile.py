"""What Locust runs when the user has no locustfile of their own: the Experiment's traffic and nothing else."""

from __future__ import annotations

from harness.traffic.user import LosslessUser


class ExperimentUser(LosslessUser):
    """Sends what the Experiment says."""
