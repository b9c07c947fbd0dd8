"""An oracle of requests: it knows the fate of each, and writes what client, proxy and pods would have recorded.

Each request follows one script: what the proxy and the pods did with it. The scripts include a proxy that drops before
and after, tries again and duplicates, and pods that read and do not answer, or answer and crash.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.analysis.accounts.records import ClientAccount, OtherAccounts, attempt_keys
from harness.model.accounts import Fate
from harness.model.attempt import LOSSES, Outcome, Progress
from harness.runner.recorded_accounts import read_access, read_accounts
from harness.store.rundir import TrialDirectory

Indices = np.ndarray[tuple[int], np.dtype[np.int64]]
Seconds = np.ndarray[tuple[int], np.dtype[np.float64]]

TOKEN = "0ddba11"
PODS = ("apple-1", "apple-2", "apple-3", "apple-4")
#: Requests per second; each takes 2 ms, or as long as its script says.
RATE = 1_000
#: Seconds of an attempt that times out.
TIMEOUT = 0.5


@dataclass(frozen=True)
class Script:
    """The events in the life of a request.

    Attributes:
        fate: The truth.
        outcome: What the client sees.
        tries: The tries of the proxy: an offset of the pod, the status in its log, and whether it could connect.
        reads: Offsets of the pods that read it; the status of each answer, 0 for none.
        line: True if the proxy wrote a line.
        status: Status of the proxy's answer.
        progress: Progress of the client; derived from the outcome if None.
    """

    fate: Fate
    outcome: Outcome
    tries: tuple[tuple[int, int, bool], ...] = ()
    reads: tuple[tuple[int, int], ...] = ()
    line: bool = True
    status: int = 200
    progress: Progress | None = None


SCRIPTS = {
    "clean": Script(Fate.DELIVERED_ONCE, Outcome.OK, ((0, 200, True),), ((0, 200),)),
    "answered by the proxy": Script(Fate.DELIVERED_ONCE, Outcome.OK),
    "refused, tried again": Script(Fate.MASKED, Outcome.OK, ((0, 502, False), (1, 200, True)), ((1, 200),)),
    "dropped unread, tried again": Script(Fate.MASKED, Outcome.OK, ((0, 502, True), (1, 200, True)), ((1, 200),)),
    "read, crashed, tried again": Script(
        Fate.EXECUTED_TWICE, Outcome.OK, ((0, 502, True), (1, 200, True)), ((0, 0), (1, 200))
    ),
    "duplicated": Script(Fate.EXECUTED_TWICE, Outcome.OK, ((0, 200, True),), ((0, 200), (0, 200))),
    "executed twice and lost": Script(
        Fate.EXECUTED_TWICE, Outcome.STATUS, ((0, 502, True), (1, 502, True)), ((0, 0), (1, 0)), status=502
    ),
    "refused by the ingress": Script(
        Fate.LOST_BEFORE_INGRESS, Outcome.REFUSED, line=False, progress=Progress.NOT_CONNECTED
    ),
    "given up before the proxy": Script(
        Fate.LOST_BEFORE_INGRESS, Outcome.TIMEOUT_RESPONSE, line=False, progress=Progress.SENT
    ),
    "dropped before the proxy": Script(Fate.LOST_BEFORE_INGRESS, Outcome.RESET, line=False, progress=Progress.SENT),
    "no server": Script(Fate.LOST_AT_PROXY, Outcome.STATUS, status=503),
    "refused by the pod": Script(Fate.LOST_AT_PROXY, Outcome.STATUS, ((0, 502, False),), status=502),
    "never read by the pod": Script(
        Fate.LOST_AT_PROXY, Outcome.TIMEOUT_RESPONSE, ((0, 504, True),), status=499, progress=Progress.SENT
    ),
    "read and not answered": Script(Fate.ANSWER_LOST, Outcome.STATUS, ((0, 504, True),), ((0, 0),), status=504),
    "dropped after the answer": Script(
        Fate.ANSWER_LOST, Outcome.CLOSED, ((0, 200, True),), ((0, 200),), progress=Progress.SENT
    ),
    "answered and crashed": Script(
        Fate.ANSWER_LOST, Outcome.TRUNCATED, ((0, 200, True),), ((0, 200),), progress=Progress.PARTLY_ANSWERED
    ),
    "read, and the proxy died": Script(
        Fate.ANSWER_LOST, Outcome.CLOSED, (), ((0, 200),), line=False, progress=Progress.SENT
    ),
    "refused by the application": Script(Fate.BAD_ANSWER, Outcome.STATUS, ((0, 500, True),), ((0, 500),), status=500),
    "answered by the wrong version": Script(Fate.BAD_ANSWER, Outcome.WRONG_ANSWER, ((0, 200, True),), ((0, 200),)),
    "without an end": Script(Fate.UNKNOWN, Outcome.UNFINISHED, ((0, 200, True),), ((0, 200),), progress=Progress.SENT),
}
_NAMES = tuple(SCRIPTS)
#: Most requests are clean, as in a real trial: a damaged log shows by the right answers that it lacks.
_SHARES = np.array([60.0 if name == "clean" else 1.0 for name in _NAMES])


@dataclass(frozen=True)
class Oracle:
    """A trial whose truth is known.

    Attributes:
        script: Index of each request's script.
        client: The client's account.
        folder: The trial's folder, with the logs.
    """

    script: Indices
    client: ClientAccount
    folder: Path

    @property
    def names(self) -> list[str]:
        """Return the name of each request's script."""
        return [_NAMES[index] for index in self.script.tolist()]

    @property
    def truth(self) -> list[Fate]:
        """Return the fate of each request."""
        return [SCRIPTS[_NAMES[index]].fate for index in self.script.tolist()]

    def has(self, holds: Callable[[Script], bool]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Return True for the requests whose script has a property."""
        return np.array([holds(SCRIPTS[name]) for name in _NAMES])[self.script]

    @property
    def access(self) -> Path:
        """Return the access log."""
        return self.folder / "access.jsonl"

    def receipts(self, pod: str) -> Path:
        """Return the receipts of a pod."""
        return self.folder / "logs" / "pods" / f"harness_{pod}_apple.receipts"

    def others(self, ingress: str = "ingress-nginx") -> OtherAccounts:
        """Read the logs as they are now."""
        trial = TrialDirectory(self.folder)
        found = read_accounts(trial, read_access(trial, TOKEN), TOKEN, ingress)
        pods = {f"10.0.0.{index + 1}": (pod,) for index, pod in enumerate(PODS)}
        return OtherAccounts(found.proxy, found.receipts, pods)


def ask(folder: Path, number: int, *, only: str = "", sink: str = "file", calm: bool = True, seed: int = 7) -> Oracle:
    """Let a number of requests follow random scripts, and write all records.

    Args:
        folder: An empty folder.
        number: Number of requests.
        only: The one script that all but the clean ones follow; empty for all scripts.
        sink: ``file`` or ``stream``: what the receipts say that they are written to.
        calm: True if the trial ends with a second of clean requests, as after a change has settled.
        seed: Seed of the choice.
    """
    random = np.random.default_rng(seed)
    shares = _SHARES * [not only or name in {"clean", only} for name in _NAMES]
    script = random.choice(len(_NAMES), number, p=shares / shares.sum())
    if calm:
        script[-RATE:] = _NAMES.index("clean")
    scripts = [SCRIPTS[name] for name in _NAMES]
    sent = np.arange(number) / RATE
    slow = np.array([each.outcome is Outcome.TIMEOUT_RESPONSE for each in scripts])[script]
    done = sent + np.where(slow, TIMEOUT, 0.002)
    oracle = Oracle(script, _client(scripts, script, sent, done), folder)
    (folder / "logs" / "pods").mkdir(parents=True)
    _write_access(oracle, scripts)
    _write_receipts(oracle, scripts, sink)
    return oracle


def _client(scripts: list[Script], script: Indices, sent: Seconds, done: Seconds) -> ClientAccount:
    outcome = np.array([each.outcome for each in scripts])[script]
    progress = np.array([Progress.ANSWERED if each.progress is None else each.progress for each in scripts])[script]
    return ClientAccount(
        attempts=attempt_keys(np.zeros(len(script), np.int64), np.arange(len(script))),
        is_sent=np.ones(len(script), bool),
        is_ok=outcome == Outcome.OK,
        is_lost=np.isin(outcome, [int(loss) for loss in LOSSES]),
        has_connected=progress > Progress.NOT_CONNECTED,
        has_part=progress >= Progress.PARTLY_ANSWERED,
        gave_up=outcome == Outcome.TIMEOUT_RESPONSE,
        is_wrong=np.isin(outcome, (Outcome.STATUS, Outcome.WRONG_ANSWER)),
        status=np.array([each.status for each in scripts])[script],
        sent_s=sent,
        done_s=np.where(outcome == Outcome.UNFINISHED, np.nan, done),
    )


def _write_access(oracle: Oracle, scripts: list[Script]) -> None:
    """Write one line per request in the order in which they ended, as nginx does."""
    ends = np.where(np.isnan(oracle.client.done_s), oracle.client.sent_s, oracle.client.done_s)
    with oracle.access.open("w") as file:
        for number in np.argsort(ends, kind="stable").tolist():
            each = scripts[oracle.script[number]]
            if each.line:
                file.write(_line(number, float(ends[number]), each))


def _line(number: int, end: float, script: Script) -> str:
    tries = script.tries
    fields = {
        "time": round(1_700_000_000 + end, 3),
        "attempt": f"{TOKEN}-0-{number}",
        "method": "GET",
        "uri": '/a"pple',
        "status": script.status,
        "upstream_addr": ", ".join(f"10.0.0.{PODS.index(_pod(number, offset)) + 1}:5678" for offset, *_ in tries),
        "upstream_status": ", ".join(str(status) for _, status, _ in tries),
        "upstream_response_time": ", ".join("0.001" for _ in tries),
        "upstream_connect_time": ", ".join("0.000" if connected else "-" for *_, connected in tries),
        "request_time": 0.002,
    }
    return json.dumps(fields, separators=(",", ":")) + "\n"


def _write_receipts(oracle: Oracle, scripts: list[Script], sink: str) -> None:
    lines = {pod: [f"start 1 {pod} {sink} 1 1"] for pod in PODS}
    for number, index in enumerate(oracle.script.tolist()):
        for offset, status in scripts[index].reads:
            mine = lines[_pod(number, offset)]
            mine.append(f"read {TOKEN}-0-{number} {number}")
            if status:
                mine.append(f"answered {TOKEN}-0-{number} {number} {status}")
    for pod, texts in lines.items():
        ending = ["end 1"] if sink == "file" else []
        numbered = (f"receipt {number} {text}\n" for number, text in enumerate([*texts, *ending]))
        oracle.receipts(pod).write_text("".join(numbered))


def _pod(number: int, offset: int) -> str:
    return PODS[(number + offset) % len(PODS)]
