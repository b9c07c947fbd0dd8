"""Verify that no request is lost while an application or its routing changes on Kubernetes.

Everything in ``__all__`` is public: its names, parameters and results change only with a note in the changelog. All
other modules are private. ``harness.testing`` has the test doubles.

    import harness

    experiment = harness.load("experiments/demo.yaml")
    result = harness.run(experiment)
    print(result.verdict.exit_code, result.directory)
    lost = harness.attempts(result.directory).query("outcome != 'ok'")

Names are imported when they are first used: ``import harness`` alone is fast, and a locustfile that takes
``LosslessUser`` does not load what its process must not have (asyncio, threads).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.api import __version__, attempts, load, lossless, read, run, watch
    from harness.errors import (
        EvidenceError,
        HarnessError,
        InconclusiveError,
        InvalidInputError,
        MissingToolError,
        UnexpectedVerdictError,
    )
    from harness.model.attempt import Method, Outcome
    from harness.model.experiment import Experiment, Pool, Route, Tls, TrafficPlan
    from harness.model.rates import Leg
    from harness.model.shapes import Shape
    from harness.model.verdict import CellVerdict, Finding, RunVerdict, TrialVerdict, Verdict
    from harness.model.watch import WatchVerdict
    from harness.runner.options import RunOptions
    from harness.runner.run import RunResult
    from harness.runner.watch.lossless import Traffic
    from harness.runner.watch.running import WatchResult
    from harness.traffic.user import LosslessUser

#: The module of each public name.
_HOME = {
    **dict.fromkeys(("__version__", "attempts", "load", "lossless", "read", "run", "watch"), "harness.api"),
    **dict.fromkeys(("EvidenceError", "HarnessError", "InvalidInputError", "MissingToolError"), "harness.errors"),
    **dict.fromkeys(("InconclusiveError", "UnexpectedVerdictError"), "harness.errors"),
    **dict.fromkeys(("Method", "Outcome"), "harness.model.attempt"),
    **dict.fromkeys(("Experiment", "Pool", "Route", "Tls", "TrafficPlan"), "harness.model.experiment"),
    **dict.fromkeys(("CellVerdict", "Finding", "RunVerdict", "TrialVerdict", "Verdict"), "harness.model.verdict"),
    "Leg": "harness.model.rates",
    "Shape": "harness.model.shapes",
    "WatchVerdict": "harness.model.watch",
    "RunOptions": "harness.runner.options",
    "RunResult": "harness.runner.run",
    "Traffic": "harness.runner.watch.lossless",
    "WatchResult": "harness.runner.watch.running",
    "LosslessUser": "harness.traffic.user",
}

__all__ = [
    "CellVerdict",
    "EvidenceError",
    "Experiment",
    "Finding",
    "HarnessError",
    "InconclusiveError",
    "InvalidInputError",
    "Leg",
    "LosslessUser",
    "Method",
    "MissingToolError",
    "Outcome",
    "Pool",
    "Route",
    "RunOptions",
    "RunResult",
    "RunVerdict",
    "Shape",
    "Tls",
    "Traffic",
    "TrafficPlan",
    "TrialVerdict",
    "UnexpectedVerdictError",
    "Verdict",
    "WatchResult",
    "WatchVerdict",
    "__version__",
    "attempts",
    "load",
    "lossless",
    "read",
    "run",
    "watch",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, so that completion finds them before they are imported."""
    return sorted({*globals(), *__all__})
