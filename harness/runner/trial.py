"""Runs one trial: a place of its own, traffic to it, the change during that traffic, and all evidence kept.

The phases are baseline, change, settle and drain. Nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial

from harness.changes.context import ChangeContext
from harness.changes.perform import perform
from harness.changes.remembered import RememberingKube
from harness.changes.undo import UndoJournal
from harness.clusters.base import Entry
from harness.errors import HarnessError
from harness.kit import interruption
from harness.kit.clock import Clock
from harness.kit.forkserver import ForkServers
from harness.kit.interruption import Interrupted
from harness.kit.waiting import at_most_every, pause
from harness.kube.client import Kube
from harness.kube.confined import ConfinedKube
from harness.kube.errors import RolloutStuckError
from harness.model.experiment import Experiment, TrafficPlan
from harness.model.timeline import EventKind, Phase
from harness.observe.observer import Observer
from harness.runner.admission import Admission
from harness.runner.deploy import deploy
from harness.runner.entry import certificate_at, wait_for_entry
from harness.runner.execution import TrialOutcome
from harness.runner.placement import Placement, TrialPlace
from harness.runner.progress import RunProgress
from harness.runner.stuck import StuckConfigurations
from harness.runner.trial_order import TrialJob
from harness.runner.trial_parts import TrialParts
from harness.store.records import to_json
from harness.store.rundir import write_json
from harness.store.timeline import TimelineWriter
from harness.traffic.plan import TrafficChildPlan, WorkerGroup
from harness.traffic.process import TrafficChild

#: Seconds that a change may take in addition to the grace periods and deadlines of its manifests.
CHANGE_SECONDS = 60.0
#: Seconds for Locust to start and for the detector's calibration.
READY_SECONDS = 300.0
#: The same if workers join: a person may have to start them.
JOIN_SECONDS = 180.0
#: Shortest time between two looks at the traffic and the cluster while something is awaited, in seconds.
LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class TrialSetting:
    """The setting that all trials of a run share.

    Attributes:
        experiment: The Experiment.
        placement: Gives each trial its cluster and namespace.
        calibration: Address of the faulty server.
        progress: Receives every step.
        admission: Decides when a trial may begin.
        traced: Each request carries a ``traceparent``.
        servers: Fork servers for the traffic process; None starts a fresh interpreter.
        stuck: The configurations that cannot become ready, which all trials of the run share.
        sharing: Returns how workers share the sending of a trial; None if one process sends alone.
    """

    experiment: Experiment
    placement: Placement
    calibration: tuple[str, int]
    progress: RunProgress
    admission: Admission
    servers: ForkServers | None = None
    stuck: StuckConfigurations = field(default_factory=StuckConfigurations)
    traced: bool = False
    sharing: Callable[[TrialJob], WorkerGroup | None] = lambda _job: None


class Trial:
    """A trial while it runs."""

    def __init__(self, job: TrialJob, setting: TrialSetting) -> None:
        self.job = job
        self.setting = setting
        self.clock = Clock.start()
        self.outcome = TrialOutcome(clock=self.clock)

    def run(self) -> TrialOutcome:
        """Run the trial to its end.

        Whatever happens, the outcome is on disk when this returns or raises.
        """
        try:
            self._run()
        except HarnessError as error:
            # A failure after an interruption is a result of the interruption.
            self.outcome = replace(self.outcome, failure=str(error), interrupted=interruption.requested())
        except Interrupted:
            self.outcome = replace(self.outcome, interrupted=True)
            raise
        except BaseException as error:
            self.outcome = replace(self.outcome, failure=f"{type(error).__name__}: {error}")
            raise
        finally:
            write_json(self.job.directory.outcome, to_json(self.outcome))
        return self.outcome

    def _run(self) -> None:
        with ExitStack() as stack:
            timeline = stack.enter_context(TimelineWriter(self.job.directory.timeline))
            self._step("waiting for its turn to start")
            turn = stack.enter_context(self.setting.admission.turn(self.job.name))
            self.setting.stuck.check(self.job.cell.configuration.name)
            child = stack.enter_context(TrafficChild.start(self._child_plan(), servers=self.setting.servers))
            place = self._place(stack)
            cluster = place.cluster
            # Entered again after the cluster, so that traffic ends before the cluster is taken down.
            stack.push(child)
            kube = stack.enter_context(Kube(cluster.kubeconfig))
            self._deploy(kube, place)
            self._wait_ready(child)
            turn.started()
            observer = stack.enter_context(self._observer(kube, place, timeline))
            entry = self._entry(place)
            self._wait_entry(entry)
            parts = TrialParts(child, cluster, entry, observer, timeline, self.clock)
            if place.shared:
                self._step("ingress: waiting until it has processed what earlier trials left")
                parts.wait_for_ingress_rest()
            self._phases(parts, self._change_context(kube, parts, place.namespace))
            observer.check()

    def _deploy(self, kube: Kube, place: TrialPlace) -> None:
        """Deploy the workload, and wait until it is available."""
        self._step("workload: waiting for its pods")
        manifests, folder = self.job.cell.configuration.manifests, self.job.directory.path
        try:
            notices = deploy(
                kube,
                manifests,
                place.namespace,
                shared=place.shared,
                controller=place.cluster.controller,
                evidence=folder,
                changed=[(part.target.value, part.target_name) for part in self.job.cell.change.parts],
            )
        except RolloutStuckError as error:
            self.setting.stuck.note(self.job.cell.configuration.name, self.job.name, str(error))
            raise
        for notice in notices:
            self._step(notice)

    def _observer(self, kube: Kube, place: TrialPlace, timeline: TimelineWriter) -> Observer:
        """Return the observer that records the cluster's events."""
        return Observer(kube, place.cluster, place.namespace, timeline, self.clock)

    def _wait_entry(self, entry: Entry) -> None:
        """Wait until every path answers."""
        self._step("entry: waiting for answers")
        wait_for_entry(entry, self.traffic)

    def _wait_ingress(self, parts: TrialParts) -> None:
        """Wait until the ingress controller is idle, so that it would process the change at once."""
        parts.wait_for_ingress_rest()

    def _make_change(self, context: ChangeContext, parts: TrialParts) -> None:
        """Make the change."""
        del parts
        perform(self.job.cell.change, context)

    def _wait_ready(self, child: TrafficChild) -> None:
        """Wait until every sender is there and its detector is calibrated."""
        sharing = self.setting.sharing(self.job)
        if sharing is not None and sharing.remote:
            host, port = sharing.bind
            self._step(f"calibration: {sharing.remote} to join with harness worker --join {host}:{port}")
            child.wait_ready(JOIN_SECONDS)
            return
        self._step("calibration: the detector against known faults")
        child.wait_ready(READY_SECONDS)

    @property
    def traffic(self) -> TrafficPlan:
        """Return the traffic of this trial."""
        return self.setting.experiment.traffic

    def _step(self, text: str) -> None:
        self.setting.progress.step(self.job.name, text)

    def _place(self, stack: ExitStack) -> TrialPlace:
        placement = self.setting.placement
        place = stack.enter_context(placement.place(self.job, lambda text: self._step(f"cluster: {text}")))
        self.outcome = replace(self.outcome, facts=place.cluster.facts())
        stack.callback(place.cluster.collect, self.job.directory.path)
        return place

    def _entry(self, place: TrialPlace) -> Entry:
        """Return the address for the traffic: the ingress, or a Service if the Experiment names one."""
        service = self.setting.experiment.entry
        if service:
            return place.cluster.service_entry(place.namespace, service)
        entry = place.cluster.entry
        return entry.secure or entry if self.traffic.tls is not None else entry

    def _child_plan(self) -> TrafficChildPlan:
        change = self.job.cell.change
        answers = {
            route.key: (*route.answers, *change.accepted.get(route.key, ())) if route.answers else ()
            for route in self.traffic.routes
        }
        return TrafficChildPlan(
            traffic=self.traffic,
            answers=answers,
            directory=self.job.directory.traffic,
            calibration=self.setting.calibration,
            crew=self.setting.sharing(self.job),
            traced=self.setting.traced,
        )

    def _change_context(self, kube: Kube, parts: TrialParts, namespace: str) -> ChangeContext:
        controller = parts.cluster.controller
        remembering = RememberingKube(kube, parts.observer.revision)
        outside = [controller.namespace] if controller else []
        is_own = parts.cluster.is_own
        return ChangeContext(
            kube=ConfinedKube(remembering, namespace, *outside, patched=frozenset({"Node"} if is_own else ())),
            namespace=namespace,
            timeline=parts.timeline,
            undo=UndoJournal(self.job.directory.undo),
            answered=parts.child.answered,
            lost=parts.child.lost,
            ingress_seen=parts.observer.ingress_seen,
            ingress_signals=parts.cluster.ingress_signals,
            ingress=self.setting.experiment.ingress,
            controller=controller,
            certificate_of=partial(certificate_at, parts.entry),
            kubeconfig=parts.cluster.kubeconfig if is_own else None,
            quiet=parts.observer.quiet,
            check=at_most_every(LOOK_SECONDS, lambda: self._check(parts)),
            looking=remembering.looking,
            timeout=CHANGE_SECONDS + longest_grace(self.job),
            clock=self.clock,
        )

    def _phases(self, parts: TrialParts, context: ChangeContext) -> None:
        entry = parts.entry
        origin = parts.child.go(entry.address, entry.port, backends=entry.backends)
        self.outcome = replace(self.outcome, origin_ns=origin)
        self._begin(Phase.BASELINE, parts)
        pause(self.traffic.baseline, tick=context.check)
        self._wait_ingress(parts)
        begun = self._begin(Phase.CHANGE, parts)
        self._make_change(context, parts)
        self._begin(Phase.SETTLE, parts)
        parts.wait_for_rest(begun, self.job.cell.change, context.check)
        pause(self.traffic.settle, tick=context.check)
        self._begin(Phase.DRAIN, parts)
        self.outcome = replace(self.outcome, stopped_ns=parts.child.stop())
        parts.child.wait_drained(self.traffic.timeout + READY_SECONDS)
        self._begin(Phase.DONE, parts)

    def _begin(self, phase: Phase, parts: TrialParts) -> int:
        """Record the start of a phase on the timeline, and return its time."""
        at = parts.record(EventKind.PHASE, phase, "begin")
        self.setting.progress.phase(self.job.name, phase)
        self._check(parts)
        return at

    def _check(self, parts: TrialParts) -> None:
        """Report the counts so far, and check that the cluster is still up.

        Raises:
            HarnessError: The traffic or the cluster has ended by itself. From then on, losses are the harness's fault.
        """
        self.setting.progress.counts(self.job.name, parts.child.counts())
        parts.cluster.check()


def longest_grace(job: TrialJob) -> float:
    """Return the seconds that the workload's own settings may add to each repetition.

    These are the grace period, the probe's initial delay and the progress deadline.
    """
    total = 0.0
    for manifest in job.cell.configuration.manifests:
        if manifest.get("kind") != "Deployment":
            continue
        spec = manifest["spec"]["template"]["spec"]
        probes = [container.get("readinessProbe", {}) for container in spec.get("containers", [])]
        delay = max((probe.get("initialDelaySeconds", 0) for probe in probes), default=0)
        deadline = manifest["spec"].get("progressDeadlineSeconds", 0)
        total = max(total, spec.get("terminationGracePeriodSeconds", 30) + delay + min(deadline, 600))
    return float(total)
