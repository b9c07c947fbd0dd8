"""Every fate is exact, by an oracle that knows what it did; a damaged log makes requests unknown, never wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from account_oracle import PODS, RATE, SCRIPTS, TIMEOUT, Oracle, ask

from harness.analysis.accounts.fates import FATES, Joined, join
from harness.model.accounts import Fate, LogRecord, LogState, Party

MANY = 100_000
#: Requests of a trial with a damaged log: half a minute, of which a third is damaged.
SOME = 30_000
#: Requests of a test that needs fewer.
FEW = 5_000
#: Seconds around damage within which a request without a line need not be decided.
EDGE = 1.6


def fates(joined: Joined) -> list[Fate]:
    """Return the fate of each request."""
    return [FATES[code] for code in joined.fates.tolist()]


def wrong(oracle: Oracle, joined: Joined) -> Counter[tuple[str, Fate]]:
    """Count the requests with another fate than the true one, by script."""
    return Counter(
        (name, found)
        for name, truth, found in zip(oracle.names, oracle.truth, fates(joined), strict=True)
        if found is not truth
    )


def unknown(joined: Joined) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return True for requests of unknown fate."""
    return np.array([fate is Fate.UNKNOWN for fate in fates(joined)])


def log_of(joined: Joined, party: Party = Party.PROXY, name: str = "") -> LogRecord:
    """Return the record of one log."""
    return next(log for log in joined.accounts.logs if (log.party, log.name) == (party, name))


def test_every_fate_is_exact(tmp_path: Path) -> None:
    """Over 100,000 requests that follow all scripts, none has another fate than the oracle gave it."""
    oracle = ask(tmp_path, MANY)
    joined = join(oracle.client, oracle.others())

    assert wrong(oracle, joined) == {}
    assert Counter(fates(joined)) == Counter(oracle.truth)
    assert set(oracle.truth) == set(Fate)
    assert joined.accounts.fates == Counter(oracle.truth)
    assert joined.accounts.holds
    assert joined.accounts.missing == {Party.CLIENT: Counter(oracle.truth)[Fate.UNKNOWN], Party.PROXY: 0, Party.PODS: 0}
    assert joined.accounts.logs == (log_of(joined),)
    assert log_of(joined).is_complete


def rotate(content: bytes) -> bytes:
    """Cut the first third off, at a line."""
    return content[content.index(b"\n", len(content) // 3) + 1 :]


def truncate(content: bytes) -> bytes:
    """Cut the last third off, at a line."""
    return content[: content.rindex(b"\n", 0, len(content) * 2 // 3) + 1]


def tear_end(content: bytes) -> bytes:
    """Cut the last third off, within a line."""
    cut = content.rindex(b"\n", 0, len(content) * 2 // 3) + 40
    return content[:cut]


def lose_middle(content: bytes) -> bytes:
    """Leave the middle third out, at lines."""
    first = content.index(b"\n", len(content) // 3) + 1
    return content[:first] + content[content.index(b"\n", len(content) * 2 // 3) + 1 :]


def tear_middle(content: bytes) -> bytes:
    """Leave the middle third out, within lines, so that two halves stand in one line."""
    first = content.index(b"\n", len(content) // 3) + 40
    return content[:first] + content[content.index(b"\n", len(content) * 2 // 3) + 60 :]


def empty(content: bytes) -> bytes:
    """Lose everything."""
    return content[:0]


DAMAGE: dict[Callable[[bytes], bytes], tuple[tuple[LogState, ...], tuple[float, float]]] = {
    rotate: ((LogState.ROTATED,), (0, 1 / 3)),
    truncate: ((LogState.ENDS_EARLY,), (2 / 3, 1)),
    tear_end: ((LogState.ENDS_EARLY, LogState.TORN), (2 / 3, 1)),
    lose_middle: ((LogState.INTERRUPTED,), (1 / 3, 2 / 3)),
    tear_middle: ((LogState.INTERRUPTED, LogState.TORN), (1 / 3, 2 / 3)),
    empty: ((LogState.ABSENT,), (0, 1)),
}


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_a_damaged_access_log_is_distinguished_from_requests_that_never_arrived(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    """The log's state is named. Fates that its missing lines would have decided are unknown; all others are exact."""
    oracle = ask(tmp_path, SOME)
    oracle.access.write_bytes(damage(oracle.access.read_bytes()))
    joined = join(oracle.client, oracle.others())
    states, (first, last) = DAMAGE[damage]
    log, found = log_of(joined), unknown(joined)

    assert log.states == states
    assert {fate for _, fate in wrong(oracle, joined)} == {Fate.UNKNOWN}
    # The receipts still say what was executed twice, or whose answer was lost.
    decided = {Fate.EXECUTED_TWICE, Fate.ANSWER_LOST, Fate.BAD_ANSWER}
    assert not decided & {SCRIPTS[name].fate for name, _ in wrong(oracle, joined)}
    seconds = oracle.client.sent_s * RATE / SOME
    margin = EDGE * RATE / SOME
    ends = oracle.has(lambda script: script.fate is Fate.UNKNOWN)
    far = (seconds < first - margin - 0.01) | (seconds > last + margin + 0.01)
    assert not found[far & ~ends].any()
    deep = (seconds > first + 0.01) & (oracle.client.done_s * RATE / SOME < last - 0.01)
    needed = oracle.has(lambda script: script.outcome.label in {"ok", "reset", "timeout-response"})
    assert found[deep & needed & ~oracle.has(lambda script: script.fate in decided)].all()
    assert log.missing == int((oracle.client.is_ok & _without_line(oracle)).sum())
    assert joined.accounts.holds


def _without_line(oracle: Oracle) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return True for requests that have no line in the log as it is now."""
    lines = oracle.others().proxy
    assert lines is not None
    return ~np.isin(oracle.client.attempts, lines.attempts)


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_damaged_receipts_make_requests_unknown_and_not_lost_at_the_proxy(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    """A missing receipt proves nothing about the pod that lost lines; fates at other pods stay exact."""
    oracle = ask(tmp_path, SOME)
    path = oracle.receipts(PODS[0])
    path.write_bytes(damage(path.read_bytes()))
    joined = join(oracle.client, oracle.others())
    record = log_of(joined, Party.PODS, PODS[0])

    assert set(record.states) == set(DAMAGE[damage][0])
    assert record.missing > 0 or damage in {rotate, tear_end, empty}
    found = wrong(oracle, joined)
    # One try is in the log, so that only the receipts knew of the second execution.
    assert {fate for name, fate in found if name != "duplicated"} == {Fate.UNKNOWN}
    assert {fate for name, fate in found if name == "duplicated"} == {Fate.DELIVERED_ONCE}
    assert not {name for name, _ in found} & {"clean", "refused by the pod", "no server", "refused by the ingress"}
    assert {log.name for log in joined.accounts.logs if not log.is_complete} == {PODS[0]}
    assert joined.accounts.missing[Party.PODS] == sum(n for (_, fate), n in found.items() if fate is Fate.UNKNOWN)
    assert joined.accounts.holds


def test_receipts_that_somebody_else_collects_prove_nothing_after_their_last_line(tmp_path: Path) -> None:
    """A stream without an end may have lost its last lines, so the last requests are unknown; all others are exact."""
    oracle = ask(tmp_path, FEW, sink="stream", calm=False)
    others = oracle.others()
    joined = join(oracle.client, others)
    last = min(others.receipts.read[others.receipts.read_by == index].max() for index in range(len(PODS)))
    late = oracle.client.attempts[[fate is not truth for fate, truth in zip(fates(joined), oracle.truth, strict=True)]]

    assert {fate for _, fate in wrong(oracle, joined)} == {Fate.UNKNOWN}
    assert late.min() > last - TIMEOUT * RATE
    assert {log.states for log in joined.accounts.logs[1:]} == {(LogState.ENDS_EARLY,)}


#: The fate of each script if the pods write no receipts; the others stay as they are.
WITHOUT_RECEIPTS = {
    "dropped unread, tried again": Fate.UNKNOWN,
    "read, crashed, tried again": Fate.UNKNOWN,
    "executed twice and lost": Fate.UNKNOWN,
    "dropped before the proxy": Fate.UNKNOWN,
    "given up before the proxy": Fate.UNKNOWN,
    "never read by the pod": Fate.UNKNOWN,
    "read and not answered": Fate.UNKNOWN,
    "read, and the proxy died": Fate.UNKNOWN,
    "duplicated": Fate.DELIVERED_ONCE,
}
#: Scripts with one try in the log, which no pod can have executed twice.
ONE_TRY = {"never read by the pod", "read and not answered"}


def test_without_receipts_only_what_they_decide_is_unknown(tmp_path: Path) -> None:
    """A refused try was not executed, and a single try not twice: the log proves both."""
    oracle = ask(tmp_path, FEW)
    for pod in PODS:
        oracle.receipts(pod).unlink()
    joined = join(oracle.client, oracle.others())

    assert dict(wrong(oracle, joined).keys()) == WITHOUT_RECEIPTS
    assert log_of(joined, Party.PODS).states == (LogState.ABSENT,)
    hidden = oracle.has(lambda script: script.outcome.label == "ok" and len(script.tries) == 2)
    assert joined.accounts.hidden + joined.accounts.hidden_unknown == int(hidden.sum())
    maybe = {name for name, fate in WITHOUT_RECEIPTS.items() if fate is Fate.UNKNOWN}
    assert joined.accounts.twice_unknown == sum(name in maybe - ONE_TRY for name in oracle.names)


#: The same if the log has only the last try.
WITH_THE_LAST_TRY = {
    "given up before the proxy": Fate.UNKNOWN,
    "refused, tried again": Fate.DELIVERED_ONCE,
    "dropped unread, tried again": Fate.DELIVERED_ONCE,
}


def test_a_log_of_last_tries_never_excludes_a_hidden_one(tmp_path: Path) -> None:
    """Traefik's log does not list tries: what was executed twice is known by receipts, what was hidden is not."""
    oracle = ask(tmp_path, FEW)
    joined = join(oracle.client, oracle.others("traefik"))

    assert dict(wrong(oracle, joined).keys()) == WITH_THE_LAST_TRY
    assert joined.accounts.hidden == 0
    assert joined.accounts.hidden_unknown == Counter(fates(joined))[Fate.DELIVERED_ONCE] - int(
        oracle.has(lambda script: script is SCRIPTS["answered by the proxy"]).sum()
    )
    assert joined.accounts.twice_unknown == 0
    # It may have arrived, and have its line when Traefik gives up the server, long after the client.
    late = oracle.names.count("given up before the proxy")
    assert log_of(joined).states == (LogState.LATE,)
    assert joined.accounts.missing[Party.PROXY] == late > 0


def test_a_log_of_last_tries_without_receipts_decides_almost_nothing(tmp_path: Path) -> None:
    """A success may have been executed twice; only a request for which there was no server is known."""
    oracle = ask(tmp_path, FEW)
    for pod in PODS:
        oracle.receipts(pod).unlink()
    joined = join(oracle.client, oracle.others("traefik"))
    decided = {name for name, fate in zip(oracle.names, fates(joined), strict=True) if fate is not Fate.UNKNOWN}

    assert decided == {"answered by the proxy", "no server", "refused by the ingress"}


def test_a_line_that_was_collected_twice_counts_once(tmp_path: Path) -> None:
    """A log that is read again after a lost connection is no second try."""
    oracle = ask(tmp_path, FEW)
    content = oracle.access.read_bytes()
    oracle.access.write_bytes(content + content[content.index(b"\n", len(content) // 2) + 1 :])
    path = oracle.receipts(PODS[1])
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:50], *lines[30:]]))

    assert wrong(oracle, join(oracle.client, oracle.others())) == {}


def test_a_late_line_is_joined_by_its_id(tmp_path: Path) -> None:
    """A proxy may end a request long after the client gave up: the order of the lines means nothing."""
    oracle = ask(tmp_path, FEW)
    lines = oracle.access.read_bytes().splitlines(keepends=True)
    oracle.access.write_bytes(b"".join([*lines[100:], *lines[:100]]))

    assert wrong(oracle, join(oracle.client, oracle.others())) == {}


def test_requests_of_another_trial_are_left_out(tmp_path: Path) -> None:
    """Logs of a shared cluster have lines of other traffic, with other ids or none."""
    oracle = ask(tmp_path, FEW)
    others = (b"0ddba11c-0-1", b"b0ded-0-1", b"", b"0ddba11-x-1", b"0ddba11-0-99999999")
    line = oracle.access.read_bytes().splitlines(keepends=True)[0]
    with oracle.access.open("ab") as file:
        file.writelines(line.replace(b"0ddba11-0-0", each) for each in others)

    joined = join(oracle.client, oracle.others())

    assert wrong(oracle, joined) == {}
    assert log_of(joined).is_complete


def test_without_a_proxy_the_client_saw_what_the_pod_did(tmp_path: Path) -> None:
    """Nobody on the way can try again or answer: a part of an answer is the pod's."""
    oracle = ask(tmp_path, FEW, only="answered and crashed")
    joined = join(oracle.client, oracle.others("none"))

    assert wrong(oracle, joined) == {}
    assert (joined.accounts.hidden_unknown, joined.accounts.twice_unknown) == (0, 0)


@pytest.mark.parametrize(
    ("script", "fate"),
    [
        ("dropped before the proxy", Fate.UNKNOWN),
        ("refused by the ingress", Fate.LOST_BEFORE_INGRESS),
        ("refused by the application", Fate.BAD_ANSWER),
        ("answered and crashed", Fate.ANSWER_LOST),
    ],
)
def test_without_a_proxy_and_receipts(tmp_path: Path, script: str, fate: Fate) -> None:
    """A request that left and got nothing back may have been executed; the receipts would know."""
    oracle = ask(tmp_path, FEW, only=script)
    for pod in PODS:
        oracle.receipts(pod).unlink()
    joined = join(oracle.client, oracle.others("none"))

    assert Counter(fates(joined)) == Counter(fate if name == script else Fate.DELIVERED_ONCE for name in oracle.names)
    assert joined.accounts.hidden_unknown == joined.accounts.twice_unknown == 0
