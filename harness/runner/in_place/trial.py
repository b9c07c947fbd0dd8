"""A trial on an application that runs already: nothing is applied, and what was changed is put back in any case."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from harness.changes.context import ChangeContext
from harness.changes.undo import UndoJournal, UndoOutcome, undo_all
from harness.clusters.base import Entry
from harness.errors import HarnessError, WaitTimeoutError
from harness.kit.interruption import shielded
from harness.kube.client import Kube
from harness.kube.errors import NotFoundError
from harness.model.events import ChangeEvent, PutBack, Withheld
from harness.observe.event_time import Observation
from harness.observe.interference import InterferenceDetector, TargetTracker
from harness.observe.observer import Observer
from harness.observe.scope import Scope
from harness.runner.placement import Place
from harness.runner.trial import Trial, TrialSetting
from harness.runner.trial_context import Scene
from harness.runner.trial_order import TrialJob
from harness.store.timeline import TimelineWriter

#: Seconds that a change may take beside its pods' own numbers: somebody's Deployment may have many pods, replaced a
#: few at a time.
LIVE_CHANGE_SECONDS = 600.0


@dataclass(slots=True)
class Live:
    """The application, as all trials on it share it.

    Attributes:
        namespace: Where it is.
        scope: What of the namespace belongs to it.
        watched: The objects that others must leave alone, by kind.
        hold: Seconds that a change stays after it was seen, before it is put back.
        losses: Requests that were lost without any change; if there are any, the change is not made.
    """

    namespace: str
    scope: Scope
    watched: Mapping[str, frozenset[str]]
    hold: float
    losses: int = 0


class InPlaceTrial(Trial):
    """One trial in place.

    Args:
        job: The trial.
        setting: What all trials share.
        live: The application.
    """

    def __init__(self, job: TrialJob, setting: TrialSetting, live: Live) -> None:
        super().__init__(job, setting)
        self._live = live
        self._interference = InterferenceDetector()
        self._trackers: dict[str, TargetTracker] = {
            kind: self._interference.tracker(kind, names) for kind, names in live.watched.items()
        }

    def _bring_workload(self, kube: Kube, place: Place) -> None:
        """It is there."""

    def _observer(self, kube: Kube, place: Place, timeline: TimelineWriter) -> Observer:
        return Observer(
            kube, place.cluster, place.namespace, timeline, self.clock, scope=self._live.scope, targets=self._trackers
        )

    def _wait_entry(self, entry: Entry) -> None:
        """What it answers is the baseline's to say: an application in use is not waited for."""

    def _wait_ingress(self, scene: Scene) -> None:
        """An ingress controller that others use as well may never rest."""
        try:
            super()._wait_ingress(scene)
        except WaitTimeoutError:
            self._step("baseline: the ingress controller does not rest; others use it, too")

    def _change_context(self, kube: Kube, scene: Scene, namespace: str) -> ChangeContext:
        context = super()._change_context(kube, scene, namespace)
        return replace(
            context,
            kube=self._interference.own_api(context.kube),
            timeout=context.timeout + LIVE_CHANGE_SECONDS,
            restore=True,
            undo_after=self._live.hold,
        )

    def _phases(self, scene: Scene, context: ChangeContext) -> None:
        try:
            super()._phases(scene, context)
            self._look_once_more(context)
        finally:
            with shielded():
                self._put_back(scene, context)
                self._tell_interference(scene)

    def _make(self, context: ChangeContext, scene: Scene) -> None:
        """Make the change, unless requests are lost without it: then nothing could be learned from it."""
        lost = self._live.losses + scene.child.counts().lost
        change = self.job.cell.change
        if lost and not change.facts.is_control:
            scene.record_change(change.name, ChangeEvent.WITHHELD, Withheld(lost=lost))
            return
        super()._make(context, scene)
        if change.facts.is_control:
            self._live.losses += scene.child.counts().lost

    def _look(self, scene: Scene) -> None:
        super()._look(scene)
        self._tell_interference(scene)

    def _tell_interference(self, scene: Scene) -> None:
        for event in self._interference.take_foreign():
            scene.timeline.record(event)
            who = event.detail["who"] or "somebody"
            self.setting.progress.note(f"{who} has changed {event.detail['object']}: {event.detail['fields']}")

    def _look_once_more(self, context: ChangeContext) -> None:
        """By a request of its own: nothing that a watch has yet to deliver goes unseen."""
        for kind, names in self._live.watched.items():
            for name in names:
                observation = Observation(self.clock, self.clock.now(), self.clock.monotonic_anchor_ns)
                with suppress(NotFoundError):
                    list(self._trackers[kind].changed(context.kube.get(kind, name, context.namespace), observation))

    def _put_back(self, scene: Scene, context: ChangeContext) -> None:
        """What the change has not put back itself, since it was cut short."""
        for result in undo_all(UndoJournal(self.job.directory.undo), context.kube):
            detail = PutBack(object=result.entry.description, outcome=str(result.outcome), text=result.text)
            with suppress(HarnessError):  # a full disk must not keep the next one from being put back
                scene.record_change(self.job.cell.change.name, ChangeEvent.PUT_BACK, detail)
            done = result.outcome is UndoOutcome.UNDONE
            told = "is as it was before" if done else f"{result.outcome}: {result.text}"
            self.setting.progress.note(f"{result.entry.description}: {told}")
