"""Reads each lost request with every fact that a rule uses."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Flag, auto

import numpy as np

from harness.analysis.evidence import Tries
from harness.analysis.facts import Facts
from harness.analysis.moments import NS
from harness.analysis.row_facts import Numbers
from harness.causes.context import SLACK_S, LossContext
from harness.causes.pods import PodLifecycle
from harness.model.attempt import LOSSES, Outcome
from harness.model.schedule import Stream
from harness.model.shapes import SHAPES

#: Statuses with which a proxy says that a server failed or did not answer.
BAD_GATEWAY, UNAVAILABLE, GATEWAY_TIMEOUT, NOT_FOUND = 502, 503, 504, 404
#: Outcomes of a request that nobody answered in time.
SILENT = frozenset({Outcome.TIMEOUT_CONNECT, Outcome.TIMEOUT_RESPONSE})
#: Outcomes of a request whose connection the peer ended.
ENDED = frozenset({Outcome.CLOSED, Outcome.RESET, Outcome.TRUNCATED})
#: Outcomes of a request that meets the end of its pod.
_OF_ENDED_POD = SILENT | ENDED
#: Rows among the attempts, or whole numbers that belong to them.
Rows = np.ndarray[tuple[int], np.dtype[np.int64]]
#: Times of losses that are alike differ by less than this, seconds: far less than observers may be late.
_ALIKE_S = 0.01


class Sign(Flag):
    """A fact about a loss without which some rules never explain it.

    A rule names the signs that it needs, so that it is asked only about losses that have them.

    Attributes:
        SILENT: Its time was over before it had a connection or an answer.
        WRONG_ANSWER: Another application or version answered it.
        KNOWN_POD: The pod that it was meant for is known or guessed.
        ENDED_POD: It met the end of that pod.
        EMPTY_SERVICE: Its Service had no ready endpoint around it.
        RELOAD: The ingress controller reloaded during the trial.
        UNWELL_NODE: A node was not well during the trial.
    """

    SILENT = auto()
    WRONG_ANSWER = auto()
    KNOWN_POD = auto()
    ENDED_POD = auto()
    EMPTY_SERVICE = auto()
    RELOAD = auto()
    UNWELL_NODE = auto()


@dataclass(frozen=True, slots=True)
class Loss:
    """One lost request.

    Attributes:
        row: Its row among the attempts.
        id: Its ``X-Request-ID`` on the wire.
        outcome: Its outcome.
        status: HTTP status; 0 if no answer was complete.
        stream: Its stream.
        service: The Service that it was meant for; empty if unknown.
        sent: Time at which it was sent.
        done: Time at which its outcome was known.
        carried: Requests that its connection had carried before.
        opened: Time at which its connection was opened; None if unknown.
        tries: Its tries by the ingress controller; None if the access log has none.
        pod: The pod that it was meant for; None if unknown.
        is_guessed: True if the pod follows from the timeline, not from a log.
        alike: Equal for losses of one stream that ended alike within 10 ms, apart from their tries and pods.
    """

    row: int
    id: str
    outcome: Outcome
    status: int
    stream: Stream
    service: str
    sent: float
    done: float
    carried: int
    opened: float | None
    tries: Tries | None
    pod: PodLifecycle | None
    is_guessed: bool
    alike: tuple[int, ...]

    @property
    def is_kept(self) -> bool:
        """Return True if its connection had carried a request before, or is of a shape whose connections are kept."""
        return self.carried > 0 or SHAPES[self.stream.shape].source.keeps

    @property
    def is_first_on_connection(self) -> bool:
        """Return True if its connection was opened for it."""
        return self.carried == 0 and (self.opened is None or self.opened >= self.sent - SLACK_S)

    @property
    def is_silent(self) -> bool:
        """Return True if its time was over before it had a connection or an answer."""
        return self.outcome in SILENT or self.status == GATEWAY_TIMEOUT

    @property
    def is_kept_upstream(self) -> bool:
        """Return True if the controller failed on a connection to the pod that it had kept.

        A pod that refuses is tried again; one that ends a kept connection after a request was sent is not.
        """
        return self.tries is not None and self.tries.statuses[-1:] == ("502",) and self.tries.was_connected

    @property
    def is_turned_away(self) -> bool:
        """Return True if no pod got it: the controller had none, or the Service refused the connection."""
        if self.outcome is Outcome.STATUS:
            return self.status in (UNAVAILABLE, NOT_FOUND) and not (self.tries and self.tries.addresses)
        return self.outcome is Outcome.REFUSED and self.pod is None

    def met(self, moment: float) -> bool:
        """Return True if it was under way or sent later than a moment."""
        return self.done >= moment - SLACK_S


def losses_of(facts: Facts, context: LossContext, *, only: int | None = None) -> Iterator[Loss]:
    """Yield the lost requests since the change began, in the order in which they were sent.

    Args:
        facts: Facts of the trial.
        context: Its events.
        only: Row of the request to read; None for all.
    """
    rows = facts.evidence.attempts
    lost = np.flatnonzero(facts.is_lost & ~facts.is_before)
    lost = lost if only is None else lost[lost == only]
    lost = lost[np.argsort(facts.sent_s[lost], kind="stable")]
    opened = _opened(facts, lost)
    outcomes = {int(outcome): outcome for outcome in LOSSES}
    services = [
        context.service_of(stream.path, stream.host or facts.evidence.traffic.host, stream.headers)
        for stream in facts.streams
    ]
    ended = {service: context.ended_behind(service) for service in set(services)}
    fields = (rows[name][lost].tolist() for name in ("worker", "number", "status", "connection", "carried"))
    done_s = np.nan_to_num(facts.done_s[lost], nan=math.inf)
    sent_s = np.where(np.isnan(facts.sent_s[lost]), done_s, facts.sent_s[lost])
    arrays = (each.tolist() for each in (sent_s, done_s, facts.outcome[lost], facts.stream[lost]))
    alike = _alike(facts, lost, opened, (sent_s, done_s))
    for index, same, since, worker, number, status, connection, carried, sent, done, code, place in zip(
        lost.tolist(), alike, opened, *fields, *arrays, strict=True
    ):
        tries = facts.evidence.paths.tries.get((worker, number))
        outcome, service = outcomes[code], services[place]
        pod = _recorded_pod(context, tries, connection, sent)
        loss = Loss(
            row=index,
            id=facts.evidence.attempt_id(worker, number),
            outcome=outcome,
            status=status,
            stream=facts.streams[place],
            service=service,
            sent=sent,
            done=done,
            carried=carried,
            opened=since,
            tries=tries,
            pod=pod,
            is_guessed=False,
            alike=same,
        )
        has_peer = context.is_direct and connection in facts.evidence.paths.peers
        is_known = pod is not None or tries is not None or has_peer
        guessed = None if is_known else _guessed_pod(ended[service], loss, context)
        yield loss if guessed is None else replace(loss, pod=guessed, is_guessed=True)


def _alike(
    facts: Facts, lost: Rows, opened: Sequence[float | None], times: tuple[Numbers, Numbers]
) -> Iterator[tuple[int, ...]]:
    """Yield the facts of each lost request that rules use, apart from its tries and its pod, with times in 10 ms."""
    rows = facts.evidence.attempts
    fields = (
        facts.outcome[lost],
        rows["status"][lost],
        facts.stream[lost],
        rows["carried"][lost] > 0,
        facts.mistimed.wrong[lost],
        *(_rounded(each) for each in times),
        _rounded(np.array(opened, dtype=np.float64)),
    )
    return zip(*(field.tolist() for field in fields), strict=True)


def _rounded(seconds: Numbers) -> Rows:
    """Return times in units of 10 ms; -1 for those that are unknown or infinite."""
    units = np.rint(np.where(np.isfinite(seconds), seconds / _ALIKE_S, -1.0))
    found: Rows = units.astype(np.int64)
    return found


def _recorded_pod(context: LossContext, tries: Tries | None, connection: int, sent: float) -> PodLifecycle | None:
    """Return the pod of the first try whose pod ended, or else that of the last try.

    For traffic directly to a Service it is the pod of the connection.
    """
    if tries and tries.addresses:
        pods = [pod for address in tries.addresses if (pod := context.pod_at(address, sent)) is not None]
        return next((pod for pod in pods if pod.deleted is not None), pods[-1] if pods else None)
    peer = context.evidence.paths.peers.get(connection, "") if context.is_direct else ""
    return context.pod_at(peer, sent) if peer else None


def _guessed_pod(ended: Sequence[PodLifecycle], loss: Loss, context: LossContext) -> PodLifecycle | None:
    """Return that of some ended pods which was deleted last, if the request failed as it does at a pod that ends."""
    if loss.status not in (BAD_GATEWAY, GATEWAY_TIMEOUT) and loss.outcome not in _OF_ENDED_POD:
        return None
    was_near = _had_connection if context.is_direct and not loss.is_first_on_connection else _near
    near = [pod for pod in ended if was_near(pod, loss, context)]
    return max(near, key=lambda pod: pod.deleted or 0.0, default=None)


def stopped_pod(loss: Loss) -> PodLifecycle | None:
    """Return the pod that a loss was meant for, if the loss met its end."""
    pod = loss.pod
    return pod if pod is not None and pod.deleted is not None and loss.met(pod.ended_at()) else None


def _near(pod: PodLifecycle, loss: Loss, context: LossContext) -> bool:
    """Return True if a request was sent while a sender may still have known a pod that was deleted.

    A request that goes directly to a Service may have been under way at the deletion.
    """
    if pod.deleted is None:
        return False
    since = loss.done if context.is_direct else loss.sent
    return pod.deleted - SLACK_S <= since and loss.sent <= max(pod.ended_at(), pod.deleted) + context.needed_s


def _had_connection(pod: PodLifecycle, loss: Loss, context: LossContext) -> bool:
    """Return True if a kept connection of the client may have been to a pod that ended.

    The pod was ready when the connection was opened. A connection stays with its pod, so it may be used long after.
    """
    if loss.opened is None:
        return _near(pod, loss, context)
    if pod.deleted is None or pod.ready is None:
        return False
    return pod.ready - SLACK_S <= loss.opened <= pod.ended_at() + SLACK_S and loss.met(pod.deleted)


def _opened(facts: Facts, lost: Rows) -> list[float | None]:
    """Return the time at which the connection of each lost request was opened; None if unknown."""
    rows = facts.evidence.connections
    order = np.lexsort((rows["number"], rows["worker"]))
    keys = (rows["worker"][order].astype(np.uint64) << np.uint64(32)) | rows["number"][order].astype(np.uint64)
    mine = facts.evidence.attempts[lost]
    wanted = (mine["worker"].astype(np.uint64) << np.uint64(32)) | mine["connection"].astype(np.uint64)
    places = np.searchsorted(keys, wanted)
    at = np.full(len(lost), -1, dtype=np.int64)
    known = np.flatnonzero(places < len(keys))
    known = known[keys[places[known]] == wanted[known]]
    at[known] = rows["connected"][order[places[known]]]
    return [each / NS if each >= 0 else None for each in at.tolist()]
