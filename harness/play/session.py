"""Runs a session: cluster, application, traffic and page, from the first line to the report.

The traffic is that of a watch: the same engine, ledger, seals and report. So ``harness analyze`` and ``harness report``
read a session's directory as they read that of a watch.
"""

from __future__ import annotations

import queue
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from harness.clusters.base import BringUp, Cluster, SharedCluster
from harness.clusters.registry import provider
from harness.controllers.registry import INGRESS_CONTROLLERS
from harness.errors import HarnessError
from harness.kit.clock import Clock
from harness.kit.files import copy_log, write_text
from harness.kit.interruption import Interrupted, shielded
from harness.kube.client import Kube
from harness.kube.custom import GROUPS
from harness.kube.rollout import Rollout, rollout_state
from harness.localkube.settings import STARTING
from harness.model.attempt import Method
from harness.model.experiment import Manifest, Route, TrafficPlan
from harness.model.timeline import Event
from harness.observe.observer import Observer
from harness.observe.tracker import Tracker
from harness.play.board import Board, Rest, ShownCounts
from harness.play.counting import Answers
from harness.play.measuring import LiveMeasure
from harness.play.page import render_page
from harness.play.pauses import PauseDetector
from harness.play.server import PageServer
from harness.play.tracking import HandMadePods, MadeChange, ObjectTracker
from harness.runner.deploy import images_of, own_namespace_of
from harness.runner.entry import address_of, wait_for_entry
from harness.runner.environment import describe_environment
from harness.runner.trial_parts import INGRESS_REST_SECONDS
from harness.runner.watch.plan import PLAN, Origin, WatchPlan, directory_of
from harness.runner.watch.running import WatchResult, conclude
from harness.runner.watch.sender import Sender
from harness.store.records import to_json
from harness.store.rundir import RunDirectory, write_json
from harness.store.timeline import TimelineWriter
from harness.traffic.calibration.server import FaultyServer

#: The namespace in which kubectl works when nobody names one.
NAMESPACE = "default"
#: Seconds between two looks of a session.
TICK = 0.2
#: Seconds between two reads of the connections.
_CONNECTIONS_EVERY = 1.0
#: Seconds of which the shares are shown.
_SHARES_SECONDS = 3
_BINS = 90
#: Folder of the cluster's own files, in the session's temporary folder.
_CLUSTER = "cluster"
#: The ``Host`` of all requests; a rule without a host matches any.
_HOST = "play.example"
_NS = 1_000_000_000
#: Kinds that a participant changes; those of Traefik only where Traefik runs.
_KINDS = ("Deployment", "Service", "Ingress", "ConfigMap")

#: Called with each step of the start.
Note = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRequest:
    """A session as the participant requested it.

    Attributes:
        name: Name of the session, part of its directory's name.
        title: Title of the page.
        routes: Paths that get traffic, with their right answers.
        workload: Objects that exist before the traffic begins.
        images: Images of further objects, which come later.
        ingress: Ingress controller, by its name in an Experiment.
        cluster: Kind of cluster: ``local`` or ``kind``.
        options: Options of the kind of cluster.
        rate: Requests per second.
        port: Port of the page; 0 for any free one.
        out: Run directory to create; None creates one below ``reports/``.
        command: Command line, for the report.
    """

    name: str
    title: str
    routes: tuple[Route, ...]
    workload: Sequence[Manifest] = ()
    images: tuple[str, ...] = ()
    ingress: str = "ingress-nginx"
    cluster: str = "local"
    options: Mapping[str, str] = field(default_factory=dict)
    rate: float = 50.0
    port: int = 0
    out: Path | None = None
    command: str = ""


class PlaySession:
    """A running session. ``tick`` must be called several times a second; the page follows it.

    Attributes:
        board: The state that the page shows.
        trackers: Kind -> tracker of its objects.
        is_preparing: True while the harness itself changes the cluster: such changes get no card.
    """

    def __init__(self, request: SessionRequest, run: RunDirectory, page: PageServer, note: Note) -> None:
        self.request = request
        self.run = run
        self.page = page
        self.board = Board()
        self.trackers: dict[str, ObjectTracker] = {}
        self.is_preparing = False
        self._note = note
        self._news: queue.SimpleQueue[Event | MadeChange] = queue.SimpleQueue()
        self._pauses = PauseDetector()
        self._clock = Clock.start()
        self._connections = (0, 0)
        self._connections_at = 0
        traffic = TrafficPlan(
            rate=request.rate,
            routes=request.routes,
            methods=(Method.GET, Method.POST),
            baseline=0.0,
            settle=0.0,
            timeout=3.0,
            host=_HOST,
        )
        self.sender = Sender(Origin("", "127.0.0.1", 80, traffic), directory_of(run, 1))
        self._measure = LiveMeasure(self.sender.directory.traffic, traffic)
        self._cluster: Cluster | None = None
        self._kube: Kube | None = None
        self._observer: Observer | None = None
        self._timeline: TimelineWriter | None = None

    @property
    def kube(self) -> Kube:
        """Return the cluster's API server."""
        assert self._kube is not None, "the session has not started"
        return self._kube

    @property
    def kubeconfig(self) -> Path:
        """Return the path of the cluster's kubeconfig."""
        assert self._cluster is not None, "the session has not started"
        return self._cluster.kubeconfig.absolute()

    @property
    def entry_url(self) -> str:
        """Return the address of the ingress, for curl."""
        return self.sender.origin.url

    def record(self, event: Event) -> None:
        """Receive an event of the cluster, from any thread."""
        self._news.put(event)

    def start(self, stack: ExitStack) -> None:
        """Bring everything up, and begin to send.

        Raises:
            HarnessError: A part did not start.
        """
        request = self.request
        self.board.facts = {"title": request.title, "page": self.page.url, "ingress": request.ingress}
        self.sender.directory.traffic.mkdir(parents=True)
        stack.callback(self._measure.close)
        self._step("cluster")
        # Outside of the run directory, whose files are sealed while the cluster still writes its own.
        place = stack.enter_context(tempfile.TemporaryDirectory(prefix="harness-play-", ignore_cleanup_errors=True))
        starting = Path(place) / _CLUSTER / STARTING
        cluster = self._cluster = self._bring_up(stack, Path(place))
        self._kube = stack.enter_context(Kube(cluster.kubeconfig))
        self._step("application")
        self._observer = stack.enter_context(self._observe(cluster))
        for manifest in request.workload:
            self.kube.apply(manifest, own_namespace_of(self.kube, manifest, NAMESPACE, cluster.controller))
        # The sender starts while the application does.
        self._plan(cluster)
        # Only now: the plan's seal covers every file that is there.
        self._timeline = stack.enter_context(TimelineWriter(self.run.path / "timeline.jsonl"))
        faulty = stack.enter_context(FaultyServer.start(self.run.path / "calibration"))
        child = self.sender.start((faulty.address, faulty.port))
        if child is not None:
            stack.enter_context(child)
        self.sender.wait_ready()
        if request.workload:
            wait_for_entry(cluster.entry, self.sender.origin.traffic)
        starting.unlink(missing_ok=True)
        with shielded():
            self.sender.go(0)
        self._raise_failure()
        self._step("")
        self.board.origin = self.sender.outcome.origin_ns
        self.forget_changes()
        self.tick()

    def tick(self) -> None:
        """Take in what has happened, and show it.

        Raises:
            HarnessError: The cluster, the traffic or a watch has ended by itself.
        """
        now = time.monotonic_ns()
        span = self._pauses.look(now, time.clock_gettime_ns(time.CLOCK_BOOTTIME))
        if span is not None and self.board.origin:
            self.board.pause(span)
        self._take_news()
        if self.board.origin:
            self._measure.read()
            self._count(now)
        self.page.publish(self.board.view(now))
        if self._observer is not None and self._cluster is not None:
            self._observer.check()
            self._cluster.check()
            self._raise_failure()

    def objects(self, kind: str) -> Mapping[tuple[str, str], Mapping[str, Any]]:
        """Return the objects of a watched kind by (namespace, name)."""
        return self.trackers[kind].objects

    def answers(self, begin_ns: int, end_ns: int) -> Answers:
        """Return the answers of a stretch of time (CLOCK_MONOTONIC)."""
        begin, end = begin_ns - self.board.origin, end_ns - self.board.origin
        return Answers(self._measure.shares(begin, end), self._measure.switches(begin, end))

    def rest(self, since_ns: int) -> Rest:
        """Return whether the cluster has settled after a change at ``since_ns``."""
        unfinished = [
            name
            for (_, name), found in list(self.objects("Deployment").items())
            if rollout_state(found) is not Rollout.COMPLETE
        ]
        is_quiet = self._observer is not None and self._observer.quiet(since_ns)
        return Rest(is_quiet=is_quiet, unfinished=unfinished[0] if unfinished else "")

    def is_ingress_idle(self) -> bool:
        """Return True if the ingress controller has been idle for so long that it would apply a change at once."""
        return self._observer is not None and self._observer.ingress_idle(INGRESS_REST_SECONDS)

    def export(self) -> None:
        """Write the session as one HTML file that needs no server."""
        write_text(self.run.path / "session.html", render_page(self.board.view(time.monotonic_ns())))

    def _bring_up(self, stack: ExitStack, place: Path) -> Cluster:
        """Bring the cluster up, with its files in a folder. Its logs reach the run directory at the end."""
        request = self.request
        up = BringUp(
            name=request.name,
            directory=place / _CLUSTER,
            ingress=request.ingress,
            images=tuple(dict.fromkeys((*images_of(request.workload), *request.images))),
            workload=tuple(request.workload),
            options={**request.options, STARTING: "yes"},
        )
        kind = provider(request.cluster)
        cluster = stack.enter_context(kind.up(up, self._note))
        evidence = self.run.path / "cluster"
        if not kind.shared:
            stack.callback(cluster.collect, evidence)
            return cluster
        # On a shared cluster, the log of the ingress controller is written while it is followed for events.
        written = place / "evidence"
        stack.callback(_copy_logs, written, evidence)
        return stack.enter_context(cast(SharedCluster, cluster).for_trial(NAMESPACE, written))  # ``shared`` is true

    def _plan(self, cluster: Cluster) -> None:
        """Seal the plan of the traffic, which needs the address of the ingress."""
        address, port = address_of(cluster.entry)
        url = f"http://{address}:{port}"
        self.board.facts |= {"url": url, "kubeconfig": str(self.kubeconfig), **cluster.facts()}
        self.sender.origin = replace(self.sender.origin, url=url, host=cluster.entry.address, port=cluster.entry.port)
        self.sender.backends = cluster.entry.backends
        self.sender.resolve()
        plan = WatchPlan(
            urls=tuple(url + route.path for route in self.request.routes),
            origins=(self.sender.origin,),
            seconds=0.0,
            workers=1,
            command=self.request.command,
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            environment={**describe_environment(), **cluster.facts()},
        )
        write_json(self.run.path / PLAN, to_json(plan))
        self.run.seal("plan")

    def _observe(self, cluster: Cluster) -> Observer:
        own_api = INGRESS_CONTROLLERS[self.request.ingress].own_api
        kinds = [*_KINDS, *(kind for group in GROUPS if group.group_version == own_api for kind in group.plurals)]
        self.trackers = {kind: ObjectTracker(kind, self._news.put) for kind in kinds}
        self.trackers["Pod"] = HandMadePods(self._news.put, self.kube)
        targets: dict[str, Tracker] = dict(self.trackers)
        return Observer(self.kube, cluster, NAMESPACE, self, self._clock, targets=targets)

    def _take_news(self) -> None:
        """Show what has happened, and write it to the timeline: the cause of a loss is found from it."""
        while not self._news.empty():
            news = self._news.get_nowait()
            if isinstance(news, Event):
                self.board.record(news)
            elif self.board.origin and not self.is_preparing:
                self.board.change(news)
            if self._timeline is not None:
                self._timeline.record(news if isinstance(news, Event) else news.event)

    def forget_changes(self) -> None:
        """Drop the changes that have not been shown yet: they were the harness's own."""
        before, self.is_preparing = self.is_preparing, True
        self._take_news()
        self.is_preparing = before

    def _count(self, now: int) -> None:
        board, measure = self.board, self._measure
        # The origin lies some milliseconds ahead when the sender has announced it.
        elapsed = max(0, now - board.origin)
        if now - self._connections_at >= _CONNECTIONS_EVERY * _NS:
            self._connections, self._connections_at = measure.connections(0, elapsed), now
        board.counts = ShownCounts(
            total=measure.total(),
            bins=measure.bins(elapsed, _BINS),
            shares=measure.shares(max(0, elapsed - _SHARES_SECONDS * _NS), elapsed),
            open_connections=self._connections[0],
            cut_connections=self._connections[1],
        )
        card = board.open_card
        begin = card.begin - board.origin if card is not None else elapsed
        end = max(begin, measure.horizon(elapsed))
        board.tick(
            end + board.origin,
            self.rest(card.begin) if card is not None else Rest(is_quiet=True),
            measure.totals(begin, end),
            measure.connections(begin, end)[1] if card is not None else 0,
            is_whole=measure.is_whole(begin, end),
        )

    def _raise_failure(self) -> None:
        self.sender.counts()
        if self.sender.outcome.failure:
            raise HarnessError(f"The traffic has ended: {self.sender.outcome.failure}")

    def _step(self, name: str) -> None:
        """Show a step of the start on the page."""
        self.board.step = name
        self.page.publish(self.board.view(time.monotonic_ns()))


def _copy_logs(source: Path, destination: Path) -> None:
    """Copy a folder of logs, which may not exist. A log that can't be written is left out."""
    for path in sorted(each for each in source.rglob("*") if each.is_file()):
        copy_log(path, destination / path.relative_to(source))


@dataclass(frozen=True, slots=True)
class SessionResult:
    """The result of a session.

    Attributes:
        watch: The verdict and the directory of its traffic.
        board: The last state of the page.
    """

    watch: WatchResult
    board: Board


def run_session(
    request: SessionRequest, note: Note, work: Callable[[PlaySession], None], *, announce: Callable[[str], None]
) -> SessionResult:
    """Run a session until its work returns or an interruption comes; then drain, judge and report.

    Args:
        request: The session.
        note: Receives the steps of the start.
        work: Called with the running session. It calls ``tick``, and returns at the end.
        announce: Called with the page's address as soon as the page is up.

    Raises:
        InvalidInputError: The run directory or the page's port can't be used.
        HarnessError: A part did not start, or ended by itself. What was recorded is judged first.
    """
    run = RunDirectory.create(request.out, request.name)
    with PageServer(request.port) as page:
        session = PlaySession(request, run, page, note)
        announce(page.url)
        with ExitStack() as stack, _ending(session, stack) as outcome:
            session.start(stack)
            work(session)
        if not session.sender.outcome.origin_ns and outcome.error is not None:
            raise outcome.error
        session.export()
        result = conclude(run, [session.sender], interrupted=outcome.interrupted)
    if outcome.error is not None:
        raise outcome.error
    return SessionResult(result, session.board)


@dataclass(slots=True)
class _Outcome:
    interrupted: bool = False
    error: HarnessError | None = None


@contextmanager
def _ending(session: PlaySession, stack: ExitStack) -> Iterator[_Outcome]:
    """End the traffic in order, however the block ends. An interruption and an error are kept, not raised."""
    outcome = _Outcome()
    try:
        yield outcome
    except Interrupted:
        outcome.interrupted = True
    except HarnessError as error:
        outcome.error = error
    if session.sender.outcome.origin_ns:
        session.sender.stop()
        session.sender.drain()
    stack.close()
