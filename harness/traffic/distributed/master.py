"""The master of workers that share a schedule: one plan, one origin, one end, and all files in one folder.

It runs in Locust's master process and sends no traffic itself. Its event log covers all workers: it is ready when all
are, has drained when all have, and names each lost worker. Slots that a lost worker never sent have no record; judging
counts by the schedule and finds them missing.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from time import monotonic_ns
from typing import Any

import gevent
from gevent.event import Event

from harness.errors import HarnessError
from harness.kit.machine import clock_identity
from harness.store.records import to_json
from harness.traffic.distributed.clocks import ClockOffset
from harness.traffic.distributed.file_sync import Piece
from harness.traffic.distributed.members import Member, Members
from harness.traffic.distributed.messages import Channel, Hello, MessageKind
from harness.traffic.event_log import EventLog
from harness.traffic.plan import TrafficChildPlan, journal_of
from harness.traffic.session import SessionCommands

_log = logging.getLogger(__name__)

#: Nanoseconds from the command to begin to the origin; every worker must receive the command within them.
_LEAD_NS = 500_000_000
#: Nanoseconds from the command to stop to the end of the schedule; a worker that receives it later has sent too much.
_STOP_LEAD_NS = 2_000_000_000
#: Nanoseconds without a piece after which the recovery of a dead worker's files has failed.
_RECOVERY_NS = 40_000_000_000
#: Seconds between checks of the workers.
_CHECK_EVERY = 0.1


class Master:
    """Leads several workers through one plan.

    Args:
        channel: Channel to the workers.
        plan: The traffic, with the number of workers.
        commands: Destination, begin and end.
        reason_lost: Returns the reason why a worker is lost, empty for none, from its name on the channel (empty if it
            has not joined) and its share.

    Attributes:
        failure: The reason why the traffic differs from the plan; empty for none.
        members: The workers.
    """

    #: Messages from workers.
    KINDS = (
        MessageKind.HELLO,
        MessageKind.PING,
        MessageKind.EVENT,
        MessageKind.PIECE,
        MessageKind.WHOLE,
        MessageKind.RECOVERY,
    )

    def __init__(
        self,
        channel: Channel,
        plan: TrafficChildPlan,
        commands: SessionCommands,
        *,
        reason_lost: Callable[[str, int], str],
    ) -> None:
        assert plan.crew is not None
        self.failure = ""
        self.members = Members(plan.crew.size, plan.crew.local, plan.directory)
        self._channel = channel
        self._crew = plan.crew
        self._plan = replace(plan, token=plan.token or secrets.token_hex(4))
        self._commands = commands
        self._reason_lost = reason_lost
        self._journal = EventLog(plan.directory / plan.journal)
        self._changed = Event()
        self._is_over = False

    def listeners(self) -> dict[str, Callable[[str, Mapping[str, Any]], None]]:
        """Return the handler of each kind of message; it receives the worker's name on the channel."""
        return {
            MessageKind.HELLO: self._on_hello,
            MessageKind.PING: self._on_ping,
            MessageKind.EVENT: self._on_event,
            MessageKind.PIECE: self._on_piece,
            MessageKind.WHOLE: self._on_whole,
            MessageKind.RECOVERY: self._on_recovery,
        }

    def lead(self) -> None:
        """Lead the workers from the first hello to the last file."""
        try:
            self._lead()
        except HarnessError as error:
            self._fail("failed", str(error))
        finally:
            self._is_over = True
            self._journal.close()

    def _lead(self) -> None:
        stop = self._commands.stop
        self._await(lambda: self._are_ready() or stop.is_set() or bool(self.failure))
        if self._are_ready():
            self._note("ready", token=self._plan.token, workers=self._crew.size)
            self._await(self._commands.go.is_set)
        self.members.is_closed = True
        if stop.is_set() or not self._are_ready():
            self._tell_all(MessageKind.STOP, at_ns=0)
            return
        begun = self._begin()
        self._await(lambda: stop.is_set() or not self.members.any_sends)
        at = self._end_of_schedule(begun)
        self._tell_all(MessageKind.STOP, at_ns=at)
        gevent.sleep(max(0, at - monotonic_ns()) / 1e9)
        self._note("stopping", at_ns=at)
        self._await(lambda: all(member.is_done for member in self.members))
        rows = sum(member.rows for member in self.members)
        unfinished = sum(member.unfinished for member in self.members)
        self._note("drained", rows=rows, unfinished=unfinished)

    def _are_ready(self) -> bool:
        return self.members.are_sound and self.members.all_have("ready")

    def _begin(self) -> int:
        """Tell all workers when to begin; return the origin."""
        address, port = self._commands.address, self._commands.port
        origin = monotonic_ns() + _LEAD_NS
        commands = self._commands
        self._tell_all(
            MessageKind.GO,
            address=address,
            port=port,
            seconds=commands.seconds,
            origin_ns=origin,
            backends=commands.backends,
        )
        self._await(lambda: self.members.all_have("started") or self._commands.stop.is_set())
        self._note("started", origin_ns=origin, address=address, port=port)
        return origin

    def _end_of_schedule(self, origin: int) -> int:
        """Return the time at which all stop planning: soon, and not after the schedule's own end."""
        at = max(monotonic_ns(), origin) + _STOP_LEAD_NS
        own_end = origin + round(self._commands.seconds * 1e9)
        return min(at, own_end) if self._commands.seconds else at

    def _await(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition that messages and commands change, and check the workers meanwhile."""
        while not condition():
            self._changed.wait(_CHECK_EVERY)
            self._changed.clear()
            for member in self.members:
                if not member.is_done:
                    self._check(member)
            for number in range(self._crew.local):
                if self.members.by_number(number) is None:
                    self._check_start(number)

    def _check_start(self, number: int) -> None:
        """Fail if a worker that was started on this machine ended before it could join."""
        trouble = self._reason_lost("", number)
        if trouble and not self.failure:
            self._fail("worker-lost", f"worker {number} {trouble}", worker=number)

    def _check(self, member: Member) -> None:
        if member.in_recovery:
            member.in_recovery = monotonic_ns() - member.heard_ns < _RECOVERY_NS
            return
        trouble = self._reason_lost(member.client, member.number)
        if trouble:
            self._lose(member, trouble)

    def _lose(self, member: Member, trouble: str) -> None:
        if not member.lost:
            member.lost = trouble
            self._fail("worker-lost", f"{member} {trouble}", worker=member.number)

    def _note(self, event: str, **facts: str | float) -> None:
        """Log an event; events of workers after the end are ignored."""
        if not self._is_over:
            self._journal.record(event, **facts)

    def _fail(self, what: str, text: str, **facts: int) -> None:
        self.failure = self.failure or text
        _log.error(text)
        self._note("fault", what=what, text=text, **facts)

    def _tell_all(self, kind: MessageKind, **data: Any) -> None:
        for member in self.members:
            if not member.lost:
                self._channel.send_message(kind, data, member.client)

    # Handlers of messages.

    def _on_hello(self, client: str, data: Mapping[str, Any]) -> None:
        hello = Hello(**data)
        known = self.members.by_client(client) is not None
        member = self.members.admit(client, hello)
        if isinstance(member, str):
            self._channel.send_message(MessageKind.REFUSED, {"refused": member}, client)
            self._note("refused", name=hello.name, text=member)
            return
        if not known:
            self._note("joined", worker=member.number, name=member.name, pid=hello.pid)
        self._channel.send_message(MessageKind.PLAN, self._settings_of(member), client)

    def _settings_of(self, member: Member) -> dict[str, Any]:
        plan = replace(
            self._plan,
            worker=member.number,
            workers=self._crew.size,
            crew=None,
            journal=journal_of(member.number),
        )
        plan = replace(plan, directory=plan.directory.resolve())
        tls = plan.traffic.tls
        authorities = Path(tls.ca).read_text(encoding="utf-8") if tls is not None and tls.ca else ""
        return {
            "plan": to_json(plan),
            "authorities": authorities,
            "clock": clock_identity(),
            "last": self._crew.last,
        }

    def _on_ping(self, client: str, data: Mapping[str, Any]) -> None:
        self._channel.send_message(MessageKind.PONG, {"asked": data["asked"], "at_ns": monotonic_ns()}, client)

    def _on_event(self, client: str, data: Mapping[str, Any]) -> None:
        member = self.members.by_client(client)
        if member is None:
            return
        event = str(data["event"])
        if event == "apart":
            member.is_apart = True
        elif event == "clock":
            self._note_clock(member, ClockOffset(data["offset_ns"], data["error_ns"]))
        elif event == "drained":
            member.rows, member.unfinished = data["rows"], data["unfinished"]
        elif event == "fault":
            self._fail(str(data["what"]), f"{member}: {data['text']}", worker=member.number)
            event = str(data["what"])
        elif event == "stopping" and not self._commands.stop.is_set():
            self._lose(member, "stopped before the command to stop")
        elif event == "over":
            member.lost = str(data["text"])
            self._fail("failed", f"{member}: {member.lost}", worker=member.number)
        member.seen.add(event)
        self._changed.set()

    def _note_clock(self, member: Member, clock: ClockOffset) -> None:
        moved = clock.offset_ns - member.clock.offset_ns if "clock" in member.seen else 0
        member.clock = clock
        self._note("clock", worker=member.number, offset_ns=clock.offset_ns, error_ns=clock.error_ns, moved_ns=moved)

    def _on_recovery(self, client: str, data: Mapping[str, Any]) -> None:
        """Accept the files of a dead worker from the process that started it."""
        member = self.members.by_number(data["worker"])
        if member is not None and not member.is_home:
            self._lose(member, "has died")
            member.client, member.in_recovery, member.heard_ns = client, True, monotonic_ns()
            self._changed.set()

    def _on_piece(self, client: str, data: Mapping[str, Any]) -> None:
        member = self.members.by_client(client)
        if member is None:
            return
        member.heard_ns = monotonic_ns()
        piece = Piece(data["kind"], data["offset"], data["data"], data["digest"])
        try:
            taken = member.home.take(piece)
        except HarnessError as error:
            self._fail("ledger-full", str(error), worker=member.number)
            return
        if taken:
            found = {"kind": piece.kind, "offset": piece.offset, "digest": piece.digest}
            self._channel.send_message(MessageKind.TAKEN, found, client)

    def _on_whole(self, client: str, data: Mapping[str, Any]) -> None:
        member = self.members.by_client(client)
        if member is None:
            return
        wrong = member.home.differences({kind: tuple(known) for kind, known in data["files"].items()})
        if wrong:
            text = f"{member}: these files differ from the worker's own: {', '.join(wrong)}"
            self._fail("not-home", text, worker=member.number)
        self._note(
            "home", worker=member.number, bytes=member.home.received, spoilt=member.home.spoilt, wrong=len(wrong)
        )
        member.is_home = True
        self._channel.send_message(MessageKind.COMPARED, {"wrong": wrong}, client)
        self._changed.set()
