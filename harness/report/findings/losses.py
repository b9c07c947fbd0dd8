"""Findings about lost requests, and about losses that are not those which were expected."""

from __future__ import annotations

from harness.model.changes import facts_of
from harness.model.verdict import FindingCode
from harness.report.findings.given import Given, Sentence, Teller
from harness.report.words import between, count, plural, seconds, share

#: What a class or a status of losses usually means, and what helps.
_HINTS = {
    "502": "A 502 says that the ingress still sent requests to a pod that no longer answers: a preStop sleep that "
    "outlasts the ingress controller's delay keeps the pod serving until then.",
    "503": "A 503 says that the Service had no ready endpoint: another ready pod (a second replica, maxUnavailable 0, "
    "a readiness probe) has to be there before this one goes.",
    "504": "A 504 says that the pod did not answer the ingress in time: it was not ready yet, or it hung.",
    "reset": "A reset says that whoever held the connection went away without closing it.",
    "closed": "A connection that is closed unannounced costs the client that is about to use it a request: see the "
    "connections cut.",
    "refused": "A refused connection says that nobody listened: the ingress itself was away; or, where traffic goes "
    "straight to a Service, kube-proxy sent it to a pod that was gone, or knew of no pod to send it to.",
}

#: The same for a 503 that no missing pod explains.
_RELOAD_503 = (
    "A 503 although pods were ready and none went: the reload took the backend away while old nginx workers still used "
    "it. Keep what the Ingress named before (its Service and its pods) until those workers are gone, or patch the "
    "Service's selector instead, which reloads nothing."
)

#: What means something else, or something at all, behind Traefik.
_DROPPED_ROUTES = {
    "404": "A 404 says that no rule matched: Traefik drops the route of a Service without endpoints. A ready pod has "
    "to stand behind the Service all the time: overlap, then narrow.",
    "wrong-answer": "A wrong answer says that another application or version answered. Behind Traefik an empty Service "
    "looks like that: its route is dropped, and a rule that matches more takes its requests. A ready pod has to stand "
    "behind the Service all the time: overlap, then narrow.",
}

#: The kinds that losses are counted by, and those of them that are told only where they were sent.
_KINDS = {
    "get": "GET", "post": "POST", "head": "HEAD", "put": "PUT", "delete": "DELETE",
    "new": "on new", "reused": "on reused connections", "idle": "on idle ones", "slow": "that were to be slow",
}  # fmt: skip
_RARE = frozenset({"head", "put", "delete", "idle", "slow"})


def requests_lost(given: Given, since: str = "the change began") -> Sentence:
    """How many, when (``since`` what), as what, and what that usually means."""
    lost = given.int("lost")
    by = ", ".join(
        f"{count(given.int(f'lost_{key}'))} {label}"
        for key, label in _KINDS.items()
        if key not in _RARE or given.has(f"lost_{key}")
    )
    status = f"; HTTP status {given.text('statuses')}" if given.has("statuses") else ""
    signs = {
        part.split()[0] for part in f"{given.text('classes')}, {given.text('statuses')}".split(", ") if part.split()
    }
    return Sentence(
        f"{count(lost)} of {plural(given.int('sent'), 'request')} ({share(lost, given.int('sent'))}) "
        f"{'was' if lost == 1 else 'were'} lost, {_when(given.float('first_s'), given.float('last_s'))} after "
        f"{since}: {given.text('classes')}{status}. By kind: {by}.",
        " ".join(hint for sign, hint in _hints(given).items() if sign in signs),
    )


def _hints(given: Given) -> dict[str, str]:
    if given.has("drops_routes"):
        return {**_HINTS, **_DROPPED_ROUTES}
    is_reload = facts_of(given.text("change")).reloads_ingress and given.has("pods_stayed")
    return {**_HINTS, "503": _RELOAD_503} if is_reload else _HINTS


def _when(first: float, last: float) -> str:
    """When the lost ones left: one that was under way when the change began left before it."""
    if first > -0.05:
        return between(first, last)
    return f"between {seconds(-first)} before and {seconds(max(0.0, last))}"


def _class_not_seen(given: Given) -> Sentence:
    return Sentence(
        f"Losses of class {given.text('expected')} were expected; there were {given.text('found')} instead.",
        "The cause is another one than the Experiment says: see the failures by class below.",
    )


def _loss_outside_window(given: Given) -> Sentence:
    return Sentence(
        f"Requests were lost up to {seconds(given.float('found_s'))} after the change was made; "
        f"at most {seconds(given.float('expected_s'))} were expected.",
        "Something takes longer than the Experiment says: see the chart.",
    )


#: The sentence of each finding.
SENTENCES: dict[FindingCode, Teller] = {
    FindingCode.REQUESTS_LOST: requests_lost,
    FindingCode.CLASS_NOT_SEEN: _class_not_seen,
    FindingCode.LOSS_OUTSIDE_WINDOW: _loss_outside_window,
}
