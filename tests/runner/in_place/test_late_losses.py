"""A request that the control loses after its hold keeps the change from being made, too."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.model.changes import ChangeSpec, DeletePod, NoChange
from harness.model.events import ChangeEvent
from harness.model.experiment import Cell, Configuration
from harness.observe.scope import Scope
from harness.runner.admission import Admission
from harness.runner.in_place.trial import InPlaceTrial, LiveApplication
from harness.runner.progress import SilentProgress
from harness.runner.trial import Trial, TrialSetting
from harness.runner.trial_order import TrialJob
from harness.store.rundir import TrialDirectory


class LateTimeouts:
    """Traffic whose losses are known only once it has drained."""

    def __init__(self, lost: int) -> None:
        self.is_drained = False
        self._lost = lost

    def counts(self) -> SimpleNamespace:
        """Count what is lost so far."""
        return SimpleNamespace(sent=100, lost=self._lost if self.is_drained else 0)


def trial(change: ChangeSpec, live: LiveApplication, folder: Path) -> InPlaceTrial:
    """Make a trial of which only the phases are looked at."""
    setting = TrialSetting(
        cast(Any, None), cast(Any, None), ("127.0.0.1", 1), SilentProgress(), Admission([], None, starting=1)
    )
    job = TrialJob("this--it", Cell(Configuration((), ()), change), 1, TrialDirectory(folder))
    return InPlaceTrial(job, setting, live)


@pytest.mark.parametrize("lost", [0, 3])
def test_losses_after_the_hold_count(lost: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hold ends without a loss, the drain with some: the change is withheld exactly then."""
    events: list[ChangeEvent] = []
    made: list[str] = []
    live = LiveApplication(namespace="web", scope=cast(Scope, None), watched={}, hold=1.0)

    def phases(self: Trial, scene: Any, context: Any) -> None:
        self._make_change(context, scene)
        scene.child.is_drained = True

    monkeypatch.setattr(Trial, "_phases", phases)
    monkeypatch.setattr(Trial, "_make_change", lambda self, _context, _scene: made.append(self.job.cell.change.kind))
    for change in (NoChange(name="none"), DeletePod(name="delete", deployment="shop")):
        scene = SimpleNamespace(
            child=LateTimeouts(lost if isinstance(change, NoChange) else 0),
            record_change=lambda _name, event, _detail: events.append(event),
            timeline=None,
        )
        trial(change, live, tmp_path)._phases(cast(Any, scene), cast(Any, SimpleNamespace(kube=None)))

    assert live.losses == lost
    assert made == (["none"] if lost else ["none", "delete-pod"])
    assert events == ([ChangeEvent.WITHHELD] if lost else [])
