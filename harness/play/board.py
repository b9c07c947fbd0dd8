"""The state of the page: takes in events, changes and counts, and gives one view. Pure; times come from the caller.

All times are nanoseconds of CLOCK_MONOTONIC on the way in, and seconds from the origin of the traffic in the view. So
neither a jump of the wall clock nor a time zone changes anything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.model.controllers import LONGEST_APPLY_S, LONGEST_SYNC_S
from harness.model.timeline import Event, EventKind
from harness.model.verdict import Verdict
from harness.play.cards import Card, CardState, Doubts
from harness.play.counting import NS, Totals
from harness.play.pauses import Span
from harness.play.tracking import MadeChange

#: Seconds from the latest change until a card may settle: by then, the slowest controller has applied it.
SHORTEST_CARD = round(LONGEST_SYNC_S + LONGEST_APPLY_S + 0.7, 1)
#: Seconds without a loss until a card is settled rather than losing.
LOSSLESS_FOR = 2.0
#: Seconds without any event after which a rollout that has not ended no longer keeps its card open.
STUCK = 25.0
#: Pods that are shown; the oldest of those that are gone are left out.
_MOST_PODS = 24
_MOST_INGRESS_EVENTS = 30
_MOST_NOTES = 30
#: The state of a pod after each of its events.
_POD_STATES = {
    "created": "pending",
    "scheduled": "pending",
    "started": "starting",
    "ready": "ready",
    "unready": "unready",
    "terminating": "terminating",
    "gone": "gone",
}


@dataclass(frozen=True, slots=True)
class Rest:
    """Signs of whether the cluster has settled.

    Attributes:
        is_quiet: True if pods, endpoints and the ingress controller have settled.
        unfinished: Name of a Deployment whose rollout has not ended; empty if there is none.
    """

    is_quiet: bool
    unfinished: str = ""


@dataclass(frozen=True, slots=True)
class ShownCounts:
    """The counts that the board shows.

    Attributes:
        total: Requests since the origin.
        bins: ``[ok, lost, unknown]`` of the last whole seconds.
        shares: Route -> answer -> requests of the last seconds.
        open_connections: Kept-alive connections that are open.
        cut_connections: Kept-alive connections that the peer has cut since the origin.
    """

    total: Totals = field(default_factory=Totals)
    bins: Sequence[Sequence[int]] = ()
    shares: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    open_connections: int = 0
    cut_connections: int = 0


@dataclass(slots=True)
class _PodHistory:
    name: str
    detail: Mapping[str, Any]
    states: list[tuple[str, int]]


@dataclass(slots=True)
class Board:
    """The state of one session.

    Attributes:
        facts: Facts for the page's head: title, URL, kubeconfig, …
        origin: Begin of the traffic; 0 before it.
        cards: All cards, the oldest first.
        pauses: Stretches in which the harness was stopped.
        counts: The latest counts.
        guide: The view of the exercise; empty without one.
        step: The current step of the start; empty once the traffic runs.
        blind_since: Begin of a failure to watch the cluster; 0 for none.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    origin: int = 0
    cards: list[Card] = field(default_factory=list)
    pauses: list[Span] = field(default_factory=list)
    counts: ShownCounts = field(default_factory=ShownCounts)
    guide: dict[str, Any] = field(default_factory=dict)
    step: str = ""
    blind_since: int = 0
    _pods: dict[str, _PodHistory] = field(default_factory=dict)
    _endpoints: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _ingress: deque[tuple[int, str, Mapping[str, Any]]] = field(
        default_factory=lambda: deque(maxlen=_MOST_INGRESS_EVENTS)
    )
    _tally: dict[str, int] = field(default_factory=dict)
    _notes: deque[tuple[int, str, str]] = field(default_factory=lambda: deque(maxlen=_MOST_NOTES))
    _last_event: int = 0
    _now: int = 0

    def record(self, event: Event) -> None:
        """Take in an event of the cluster."""
        match event.kind:
            case EventKind.POD:
                self._last_event = max(self._last_event, event.at)
                self._pod(event)
            case EventKind.ENDPOINTS:
                self._last_event = max(self._last_event, event.at)
                self._endpoints[event.subject] = event.detail
            case EventKind.INGRESS:
                self._ingress.append((event.at, event.what, event.detail))
                self._tally[event.what] = self._tally.get(event.what, 0) + 1
            case EventKind.WATCH:
                self._watch(event)

    def change(self, made: MadeChange) -> Card:
        """Take in a change. It belongs to the card that is still settling; if there is none, it begins a card."""
        card = self.open_card
        if card is None or card.state is not CardState.SETTLING:
            if card is not None:
                self._close(card)
            card = Card(len(self.cards) + 1, made.at)
            self.cards.append(card)
        card.changes.append((made.at, made.text))
        card.kinds.append((made.kind, made.name))
        self._last_event = max(self._last_event, made.at)
        return card

    def pause(self, span: Span) -> None:
        """Take in a pause of the harness."""
        self.pauses.append(span)
        self.note(span[1], "paused", f"{(span[1] - span[0]) / NS:.1f}")

    def note(self, at: int, name: str, detail: str = "") -> None:
        """Add a note, by its name in the page's texts."""
        self._notes.append((at, name, detail))

    @property
    def open_card(self) -> Card | None:
        """Return the card that is not settled; None if there is none."""
        card = self.cards[-1] if self.cards else None
        return card if card is not None and card.state is not CardState.SETTLED else None

    def tick(self, now: int, rest: Rest, totals: Totals, cut: int, *, is_whole: bool) -> None:
        """Bring the open card up to date.

        Args:
            now: The current time.
            rest: Signs of whether the cluster has settled.
            totals: Requests since the card began.
            cut: Connections cut since then.
            is_whole: True if every slot planned since then has a known outcome.
        """
        self._now = now
        card = self.open_card
        if card is None:
            return
        if card.state is CardState.SETTLING and self._has_settled(card, rest, now):
            card.state = CardState.LOSING
            card.unfinished_rollout = rest.unfinished
        card.measure(totals, cut, self._doubts(card, now, is_whole=is_whole), now)
        if card.state is CardState.LOSING and not self._is_losing(totals, now):
            self._close(card)

    def view(self, now: int) -> dict[str, Any]:
        """Return the page's sections."""
        return {
            "facts": self.facts,
            "step": self.step,
            "answer": self._answer(),
            "traffic": self._traffic(now),
            "pods": [self._pod_view(uid) for uid in self._pods],
            "endpoints": {name: dict(detail) for name, detail in sorted(self._endpoints.items())},
            "ingress": {
                "tally": dict(self._tally),
                "events": [[self._at(at), what, dict(detail)] for at, what, detail in self._ingress],
            },
            "cards": [card.view(self.origin) for card in self.cards],
            "notes": [[self._at(at), name, detail] for at, name, detail in self._notes],
            "guide": self.guide,
        }

    def _answer(self) -> dict[str, Any]:
        """Return the current answer: starting, losing, lossy, inconclusive or lossless."""
        total, card = self.counts.total, self.cards[-1] if self.cards else None
        if not self.origin or not total.sent:
            return {"state": "starting"}
        if self._is_losing(total, self._now):
            lost = card.totals.lost_total if card is not None else total.lost_total
            return {"state": "losing", "lost": lost, "since": total.last_loss}
        if card is not None and card.totals.lost_total:
            return {"state": "lossy", "lost": card.totals.lost_total, "card": card.number}
        if self.blind_since or (card is not None and card.verdict is Verdict.INCONCLUSIVE):
            return {"state": "inconclusive", "card": card.number if card is not None else 0}
        return {"state": "lossless", "since": total.last_loss or 0.0}

    def _traffic(self, now: int) -> dict[str, Any]:
        total = self.counts.total
        return {
            "elapsed": self._at(now) if self.origin else 0.0,
            "sent": total.sent,
            "ok": total.ok,
            "lost": total.lost_total,
            "classes": dict(total.lost),
            "unknown": total.unknown,
            "bins": [list(one) for one in self.counts.bins],
            "shares": {route: dict(found) for route, found in self.counts.shares.items()},
            "open": self.counts.open_connections,
            "cut": self.counts.cut_connections,
        }

    def _pod_view(self, uid: str) -> dict[str, Any]:
        found = self._pods[uid]
        detail = found.detail
        labels = {k: detail[k] for k in ("app", "version", "ip") if detail.get(k)}
        return {"uid": uid, "name": found.name, **labels, "states": [[s, self._at(at)] for s, at in found.states]}

    def _pod(self, event: Event) -> None:
        uid = event.subject
        found = self._pods.setdefault(uid, _PodHistory(event.subject, {}, []))
        found.detail = {**found.detail, **{k: v for k, v in event.detail.items() if v}}
        state = _POD_STATES.get(event.what, "")
        is_ending = found.states and found.states[-1][0] == "terminating"
        # A terminating pod becomes unready as well, and stays terminating.
        if state and not (is_ending and state != "gone") and (not found.states or found.states[-1][0] != state):
            found.states.append((state, event.at))
        while len(self._pods) > _MOST_PODS:
            gone = next((u for u, one in self._pods.items() if one.states and one.states[-1][0] == "gone"), "")
            if not gone:
                break
            del self._pods[gone]

    def _watch(self, event: Event) -> None:
        if event.what in {"interrupted", "failed"}:
            self.blind_since = self.blind_since or event.at
        elif event.what == "resumed":
            self.blind_since = 0

    def _has_settled(self, card: Card, rest: Rest, now: int) -> bool:
        if now - card.latest < SHORTEST_CARD * NS or not rest.is_quiet:
            return False
        return not rest.unfinished or now - self._last_event >= STUCK * NS

    def _is_losing(self, totals: Totals, now: int) -> bool:
        return totals.last_loss is not None and self._at(now) - totals.last_loss < LOSSLESS_FOR

    def _doubts(self, card: Card, now: int, *, is_whole: bool) -> Doubts:
        paused = any(first < now and last > card.begin for first, last in self.pauses)
        return Doubts(unplanned=not is_whole, paused=paused, blind=bool(self.blind_since))

    def _close(self, card: Card) -> None:
        card.state = CardState.SETTLED

    def _at(self, at: int) -> float:
        """Return a time in seconds from the origin, or from the first event while there is no traffic."""
        return round((at - self.origin) / NS, 3) if self.origin else 0.0
