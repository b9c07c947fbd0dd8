"""One trial: a cluster of its own, traffic on it, the change under that traffic, and all evidence kept.

The phases are those of the design: baseline, change, settle, drain. Nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from threading import Semaphore

from harness.changes.context import ChangeContext
from harness.changes.perform import perform
from harness.changes.undo import UndoJournal
from harness.clusters.base import Entry
from harness.errors import HarnessError
from harness.kit import interruption
from harness.kit.clock import Clock
from harness.kit.interruption import Interrupted
from harness.kit.waiting import pause, wait_until
from harness.kube.client import Kube
from harness.kube.confined import ConfinedKube
from harness.model.experiment import Experiment, TrafficPlan
from harness.model.timeline import EventKind, Phase
from harness.observe.observer import Observer
from harness.runner.deploy import deploy
from harness.runner.entry import wait_for_entry
from harness.runner.execution import TrialOutcome
from harness.runner.placement import Place, Venue
from harness.runner.progress import RunProgress
from harness.runner.trial_context import Scene
from harness.runner.trial_order import TrialJob
from harness.store.records import to_json
from harness.store.rundir import write_json
from harness.store.timeline import TimelineWriter
from harness.traffic.plan import Crew, TrafficChildPlan
from harness.traffic.process import TrafficChild

#: Longest time a change may take, beside the grace periods and deadlines that its manifests ask for.
CHANGE_SECONDS = 60.0
#: Longest time for Locust to start and for the detector to be proved.
READY_SECONDS = 120.0
#: The same where workers join that somebody has to start.
JOIN_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class TrialSetting:
    """What all trials of a run share.

    Attributes:
        experiment: What is run.
        venue: Where they take place.
        calibration: Address of the faulty server.
        progress: Told of every step.
        crew: Says who shares the sending of a trial; None if one process does it alone.
        gate: Limits how many trials start up at once: starting takes a whole core, running a tenth of one.
    """

    experiment: Experiment
    venue: Venue
    calibration: tuple[str, int]
    progress: RunProgress
    gate: Semaphore
    crew: Callable[[TrialJob], Crew | None] = lambda _job: None


class Trial:
    """One trial while it runs."""

    def __init__(self, job: TrialJob, setting: TrialSetting) -> None:
        self.job = job
        self.setting = setting
        self.clock = Clock.start()
        self.outcome = TrialOutcome(clock=self.clock)

    def run(self) -> TrialOutcome:
        """Run it to its end; whatever happens, the outcome is on disk when this returns or raises."""
        try:
            self._run()
        except HarnessError as error:
            # What fails once an end was asked for, fails of that.
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
            with self._gate():
                child = stack.enter_context(TrafficChild.start(self._child_plan()))
                place = self._place(stack)
                cluster = place.cluster
                # Once more, after the cluster: left first, so that no traffic meets a cluster that is taken down.
                stack.push(child)
                kube = stack.enter_context(Kube(cluster.kubeconfig))
                self._bring_workload(kube, place)
                self._wait_ready(child)
            observer = stack.enter_context(self._observer(kube, place, timeline))
            entry = self._entry(place)
            self._wait_entry(entry)
            scene = Scene(child, cluster, entry, observer, timeline, self.clock)
            if place.shared:
                self._step("ingress: waiting until it has done what earlier trials left")
                scene.wait_for_ingress_rest()
            self._phases(scene, self._change_context(kube, scene, place.namespace))
            observer.check()

    def _bring_workload(self, kube: Kube, place: Place) -> None:
        """Put onto the cluster what traffic goes to, and wait until it is available."""
        self._step("workload: waiting for its pods")
        manifests, folder = self.job.cell.configuration.manifests, self.job.directory.path
        deploy(kube, manifests, place.namespace, shared=place.shared, evidence=folder)

    def _observer(self, kube: Kube, place: Place, timeline: TimelineWriter) -> Observer:
        """What sees the cluster."""
        return Observer(kube, place.cluster, place.namespace, timeline, self.clock)

    def _wait_entry(self, entry: Entry) -> None:
        """Wait until every path answers."""
        self._step("entry: waiting for answers")
        wait_for_entry(entry, self.traffic)

    def _wait_ingress(self, scene: Scene) -> None:
        """Wait until the ingress controller would take the change up at once."""
        scene.wait_for_ingress_rest()

    def _make(self, context: ChangeContext, scene: Scene) -> None:
        """Make the change."""
        del scene
        perform(self.job.cell.change, context)

    def _wait_ready(self, child: TrafficChild) -> None:
        """Wait until every sender is there and has proved its detector."""
        crew = self.setting.crew(self.job)
        if crew is not None and crew.remote:
            host, port = crew.bind
            self._step(f"calibration: {crew.remote} to join with harness worker --join {host}:{port}")
            child.wait_ready(JOIN_SECONDS)
            return
        self._step("calibration: the detector against known faults")
        child.wait_ready(READY_SECONDS)

    @property
    def traffic(self) -> TrafficPlan:
        """The traffic of this trial."""
        return self.setting.experiment.traffic

    def _step(self, text: str) -> None:
        self.setting.progress.step(self.job.name, text)

    @contextmanager
    def _gate(self) -> Iterator[None]:
        self._step("waiting for its turn to start")
        wait_until(lambda: self.setting.gate.acquire(blocking=False), timeout=float("inf"), what="a turn to start")
        try:
            yield
        finally:
            self.setting.gate.release()

    def _place(self, stack: ExitStack) -> Place:
        venue = self.setting.venue
        place = stack.enter_context(venue.place(self.job, lambda text: self._step(f"cluster: {text}")))
        self.outcome = replace(self.outcome, facts=place.cluster.facts())
        stack.callback(place.cluster.collect, self.job.directory.path)
        return place

    def _entry(self, place: Place) -> Entry:
        """Where the traffic of this Experiment enters: through the ingress, or straight to a Service."""
        service = self.setting.experiment.entry
        return place.cluster.service_entry(place.namespace, service) if service else place.cluster.entry

    def _child_plan(self) -> TrafficChildPlan:
        change = self.job.cell.change
        answers = {
            route.key: (*route.answers, *change.answers.get(route.key, ())) if route.answers else ()
            for route in self.traffic.routes
        }
        return TrafficChildPlan(
            traffic=self.traffic,
            answers=answers,
            directory=self.job.directory.traffic,
            calibration=self.setting.calibration,
            crew=self.setting.crew(self.job),
        )

    def _change_context(self, kube: Kube, scene: Scene, namespace: str) -> ChangeContext:
        controller = scene.cluster.controller
        return ChangeContext(
            kube=ConfinedKube(kube, namespace, *([controller.namespace] if controller else [])),
            namespace=namespace,
            timeline=scene.timeline,
            undo=UndoJournal(self.job.directory.undo),
            answered=scene.child.answered,
            lost=scene.child.lost,
            ingress_seen=scene.observer.ingress_seen,
            ingress_signals=scene.cluster.ingress_signals,
            ingress=self.setting.experiment.ingress,
            controller=controller,
            quiet=scene.observer.quiet,
            check=lambda: self._look(scene),
            timeout=CHANGE_SECONDS + longest_grace(self.job),
            clock=self.clock,
        )

    def _phases(self, scene: Scene, context: ChangeContext) -> None:
        entry = scene.entry
        origin = scene.child.go(entry.address, entry.port, backends=entry.backends)
        self.outcome = replace(self.outcome, origin_ns=origin)
        self._begin(Phase.BASELINE, scene)
        pause(self.traffic.baseline, tick=context.check)
        self._wait_ingress(scene)
        begun = self._begin(Phase.CHANGE, scene)
        self._make(context, scene)
        self._begin(Phase.SETTLE, scene)
        scene.wait_for_rest(begun, self.job.cell.change, context.check)
        pause(self.traffic.settle, tick=context.check)
        self._begin(Phase.DRAIN, scene)
        self.outcome = replace(self.outcome, stopped_ns=scene.child.stop())
        scene.child.wait_drained(self.traffic.timeout + READY_SECONDS)
        self._begin(Phase.DONE, scene)

    def _begin(self, phase: Phase, scene: Scene) -> int:
        """Put the beginning of a phase on the timeline; returns its time."""
        at = scene.record(EventKind.PHASE, phase, "begin")
        self._step(phase)
        self._look(scene)
        return at

    def _look(self, scene: Scene) -> None:
        """Tell the progress so far.

        Raises:
            HarnessError: The traffic or the cluster has ended by itself: from then on, what is lost is our own fault.
        """
        counts = scene.child.counts()
        self.setting.progress.counts(self.job.name, counts.sent, counts.lost)
        scene.cluster.check()


def longest_grace(job: TrialJob) -> float:
    """Seconds that the workload's own numbers may add to each repetition: grace, probe delay, progress deadline."""
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
