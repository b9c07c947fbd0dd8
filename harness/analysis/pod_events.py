"""Finds the key events of each pod: those of its own life, and those by which endpoints and ingress follow it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.analysis.evidence import TrialEvidence
from harness.analysis.moments import Seconds
from harness.model.timeline import Event, EventKind
from harness.model.verdict import Mark

#: Events of a pod that the bands of its life show already.
_SHOWN_AS_BANDS = frozenset({"created", "scheduled", "started"})
#: Reasons of the kubelet's events -> their words here.
_KUBELET = {"Killing": "stopping", "FailedPreStopHook": "hook-failed"}


def pod_events_of(evidence: TrialEvidence) -> tuple[Mark, ...]:
    """Return the key events of all pods since the traffic's start, in order; ``subject`` is the pod.

    ``what`` is one of these, or the word of another event of a pod:

    - ``ready``, ``unready``, ``terminating``, ``gone``: the pod's own states;
    - ``stopping``: the kubelet begins to stop a container; ``hook-failed``: its preStop hook failed;
    - ``endpoint-added``, ``endpoint-removed``: the Service lists the pod as ready, or no longer;
    - ``ingress-added``, ``ingress-removed``: the ingress controller sends requests to the pod, or no longer.
    """
    if not evidence.origin_ns:
        return ()
    seconds = Seconds(evidence.origin_ns)
    pods: dict[str, str] = {}
    listed: dict[str, frozenset[str]] = {}
    found = []
    for event in sorted(evidence.timeline, key=lambda event: event.at):
        if event.kind is EventKind.POD and (address := event.detail.get("ip")):
            pods[str(address)] = event.subject
        for pod, what in _of(event, pods, listed):
            if event.at >= evidence.origin_ns:
                found.append(Mark(seconds(event.at), str(event.kind), pod, what))
    return tuple(found)


def _of(event: Event, pods: Mapping[str, str], listed: dict[str, frozenset[str]]) -> Iterator[tuple[str, str]]:
    """Yield each pod that an event is about, with the word for it.

    Args:
        event: The event.
        pods: Pods by address.
        listed: Pods that each Service listed as ready before; updated.
    """
    if event.kind is EventKind.POD and event.what not in _SHOWN_AS_BANDS:
        yield event.subject, event.what
    elif event.kind is EventKind.KUBELET and event.what in _KUBELET:
        yield event.subject, _KUBELET[event.what]
    elif event.kind is EventKind.ENDPOINTS:
        before, now = listed.get(event.subject, frozenset()), _pods(event, "ready", pods)
        listed[event.subject] = now
        yield from ((pod, "endpoint-added") for pod in sorted(now - before))
        yield from ((pod, "endpoint-removed") for pod in sorted(before - now))
    elif event.kind is EventKind.INGRESS:
        for word in ("added", "removed"):
            yield from ((pod, f"ingress-{word}") for pod in sorted(_pods(event, word, pods)))


def _pods(event: Event, name: str, pods: Mapping[str, str]) -> frozenset[str]:
    """Return the pods at the addresses that a detail of an event lists."""
    addresses = (each.rpartition(":")[0] for each in str(event.detail.get(name, "")).split(","))
    return frozenset(pods[address] for address in addresses if address in pods)
