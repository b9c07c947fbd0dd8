"""Runs a trial on an application that is already running.

Nothing is deployed. A change that can be undone is undone, however the trial ends.
"""

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
from harness.runner.placement import TrialPlace
from harness.runner.trial import Trial, TrialSetting
from harness.runner.trial_order import TrialJob
from harness.runner.trial_parts import TrialParts
from harness.store.timeline import TimelineWriter

#: Seconds that a change may take in addition to its pods' own settings: a user's Deployment may have many pods, which
#: are replaced a few at a time.
LIVE_CHANGE_SECONDS = 600.0


@dataclass(slots=True)
class LiveApplication:
    """The running application; all trials on it share this record.

    Attributes:
        namespace: Its namespace.
        scope: The part of the namespace that belongs to it.
        watched: Names of the objects that nobody else may change, by kind.
        hold: Seconds between the observed change and its undo.
        losses: Requests lost without any change; with any such loss the change is withheld.
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
        setting: The setting that all trials share.
        live: The application.
    """

    def __init__(self, job: TrialJob, setting: TrialSetting, live: LiveApplication) -> None:
        super().__init__(job, setting)
        self._live = live
        self._interference = InterferenceDetector()
        self._trackers: dict[str, TargetTracker] = {
            kind: self._interference.tracker(kind, names) for kind, names in live.watched.items()
        }

    def _deploy(self, kube: Kube, place: TrialPlace) -> None:
        """Do nothing: the workload is already running."""

    def _observer(self, kube: Kube, place: TrialPlace, timeline: TimelineWriter) -> Observer:
        return Observer(
            kube, place.cluster, place.namespace, timeline, self.clock, scope=self._live.scope, targets=self._trackers
        )

    def _wait_entry(self, entry: Entry) -> None:
        """Do nothing: an application in use is not waited for, and the baseline shows how it answers."""

    def _wait_ingress(self, parts: TrialParts) -> None:
        """Wait until the ingress controller is idle; continue if others keep it busy."""
        try:
            super()._wait_ingress(parts)
        except WaitTimeoutError:
            self._step("baseline: the ingress controller does not become idle; others use it as well")

    def _change_context(self, kube: Kube, parts: TrialParts, namespace: str) -> ChangeContext:
        context = super()._change_context(kube, parts, namespace)
        return replace(
            context,
            kube=self._interference.own_api(context.kube),
            timeout=context.timeout + LIVE_CHANGE_SECONDS,
            restore=True,
            undo_after=self._live.hold,
        )

    def _phases(self, parts: TrialParts, context: ChangeContext) -> None:
        try:
            super()._phases(parts, context)
            self._read_again(context)
        finally:
            if self.job.cell.change.facts.is_control:
                # Count after the drain: requests time out up to then.
                with suppress(HarnessError):
                    self._live.losses += parts.child.counts().lost
            with shielded():
                self._put_back(parts, context)
                self._report_interference(parts)

    def _make_change(self, context: ChangeContext, parts: TrialParts) -> None:
        """Make the change, unless requests are lost without it: then the change could not be judged."""
        lost = self._live.losses + parts.child.counts().lost
        change = self.job.cell.change
        if lost and not change.facts.is_control:
            parts.record_change(change.name, ChangeEvent.WITHHELD, Withheld(lost=lost))
            return
        super()._make_change(context, parts)

    def _check(self, parts: TrialParts) -> None:
        super()._check(parts)
        self._report_interference(parts)

    def _report_interference(self, parts: TrialParts) -> None:
        for event in self._interference.take_foreign():
            parts.timeline.record(event)
            who = event.detail["who"] or "another client"
            self.setting.progress.note(f"{who} has changed {event.detail['object']}: {event.detail['fields']}")

    def _read_again(self, context: ChangeContext) -> None:
        """Read the watched objects again, to see changes that the watch has not delivered yet."""
        for kind, names in self._live.watched.items():
            for name in names:
                observation = Observation(self.clock, self.clock.now(), self.clock.monotonic_anchor_ns)
                with suppress(NotFoundError):
                    list(self._trackers[kind].changed(context.kube.get(kind, name, context.namespace), observation))

    def _put_back(self, parts: TrialParts, context: ChangeContext) -> None:
        """Undo what the change has not undone itself because it was cut short."""
        for result in undo_all(UndoJournal(self.job.directory.undo), context.kube):
            detail = PutBack(object=result.entry.description, outcome=str(result.outcome), text=result.text)
            with suppress(HarnessError):  # a full disk must not keep the next one from being put back
                parts.record_change(self.job.cell.change.name, ChangeEvent.PUT_BACK, detail)
            done = result.outcome is UndoOutcome.UNDONE
            text = "is as it was before" if done else f"{result.outcome}: {result.text}"
            self.setting.progress.note(f"{result.entry.description}: {text}")
