"""Synthetic trials that lose requests for one known reason each, for the rules that stored evidence does not meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from harness.analysis.evidence import PathRecords, TrialEvidence, Tries
from harness.model.attempt import Outcome
from harness.model.changes import BlueGreen, ChangeSpec, DeletePod, IngressEdit, Restart, SelectorPatch
from harness.model.experiment import TrafficPlan
from harness.model.shapes import Shape
from harness.model.timeline import EventKind
from harness.testing.evidence import CHANGE, NS, PLAN, quiet_trial, with_event, with_losses, with_rows

OLD, NEW, OTHER = "apple-66f9d8c7b5-x7k2p", "apple-7c4f9bd6d8-9hq4m", "banana-5d9f7b8c4-q2w8z"
OLD_IP, NEW_IP, OTHER_IP = "127.9.1.1", "127.9.1.2", "127.9.1.3"
RESTART = Restart(name="restart", deployment="apple")
DELETE = DeletePod(name="delete-pod", deployment="apple")
EDIT = IngressEdit(name="ingress-edit", ingress="fruit", annotations={"a": "b"})
SWITCH = SelectorPatch(name="switch", service="apple-service", selector={"app": "banana"})

Builder = Callable[[], TrialEvidence]


def workload(**changes: Any) -> tuple[Mapping[str, Any], ...]:
    """Return a Deployment with a Service and an Ingress.

    Args:
        changes: ``hook`` (a preStop hook), ``probe`` (a readiness probe), ``grace``, ``replicas``, ``strategy``.
    """
    container: dict[str, Any] = {"name": "apple", "image": "i", "ports": [{"containerPort": 5678}]}
    container |= {"lifecycle": {"preStop": changes["hook"]}} if "hook" in changes else {}
    container |= {"readinessProbe": {"httpGet": {"path": "/"}}} if changes.get("probe", True) else {}
    pod: dict[str, Any] = {"containers": [container]}
    pod |= {"terminationGracePeriodSeconds": changes["grace"]} if "grace" in changes else {}
    spec: dict[str, Any] = {"template": {"metadata": {"labels": {"app": "apple"}}, "spec": pod}}
    spec |= {key: changes[key] for key in ("replicas", "strategy") if key in changes}
    backend = {"service": {"name": "apple-service", "port": {"number": 5678}}}
    rule = {"http": {"paths": [{"path": "/apple", "pathType": "Prefix", "backend": backend}]}}
    return (
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "apple"}, "spec": spec},
        {"kind": "Service", "metadata": {"name": "apple-service"}, "spec": {"selector": {"app": "apple"}}},
        {"kind": "Ingress", "metadata": {"name": "fruit"}, "spec": {"rules": [rule]}},
    )


def trial(change: ChangeSpec = CHANGE, plan: TrafficPlan = PLAN, **changes: Any) -> TrialEvidence:
    """Return a trial whose timeline has nothing but the change, phases and a ready old pod."""
    quiet = quiet_trial(change, plan)
    kept = tuple(event for event in quiet.timeline if event.kind in (EventKind.CHANGE, EventKind.PHASE))
    found = replace(
        quiet,
        timeline=kept,
        manifests=workload(**changes),
        paths=PathRecords(controller="ingress-nginx", is_logged=True),
        tokens={0: "abc"},
    )
    found = pod(found, OLD, OLD_IP, created=-3.0, ready=-2.0)
    return endpoints(found, -1.9, ready=OLD_IP)


def pod(evidence: TrialEvidence, name: str, ip: str, **times: float) -> TrialEvidence:
    """Add a pod with its events; ``grace`` is a number, any other argument the time of an event."""
    grace = int(times.pop("grace", 30))
    for what, when in times.items():
        evidence = with_event(evidence, when, EventKind.POD, what, subject=name, ip=ip, grace=grace)
    return evidence


def stopping(evidence: TrialEvidence, name: str, when: float, **detail: float) -> TrialEvidence:
    """Add the deletion of a pod and the kubelet's event that it stops it."""
    ip = OLD_IP if name == OLD else NEW_IP
    evidence = pod(evidence, name, ip, terminating=when, **detail)
    return with_event(evidence, when, EventKind.KUBELET, "Killing", subject=name)


def endpoints(evidence: TrialEvidence, when: float, ready: str = "") -> TrialEvidence:
    """Add a change of the ready endpoints of ``apple-service``."""
    addresses = f"{ready}:5678" if ready else ""
    return with_event(evidence, when, EventKind.ENDPOINTS, "changed", subject="apple-service", ready=addresses)


def reload(evidence: TrialEvidence, when: float) -> TrialEvidence:
    """Add a reload of ingress-nginx."""
    return with_event(evidence, when, EventKind.INGRESS, "reload", subject="ingress-nginx")


def lost(
    evidence: TrialEvidence, start: float, end: float, ip: str = "", *, status: int = 502, connected: bool = False
) -> TrialEvidence:
    """Lose the attempts of an interval with a status, after tries of a pod."""
    evidence = with_losses(evidence, start, end)
    evidence = with_rows(evidence, start, end, status=status)
    addresses = (f"{ip}:5678",) if ip else ()
    found = Tries(addresses, tuple("502" for _ in addresses), status, was_connected=connected)
    return tried(evidence, start, end, found)


def tried(evidence: TrialEvidence, start: float, end: float, found: Tries) -> TrialEvidence:
    """Record the same tries for all attempts of an interval."""
    rows = evidence.attempts
    mine = rows[(rows["planned"] >= start * NS) & (rows["planned"] < end * NS)]
    tries = {(0, int(number)): found for number in mine["number"]}
    return replace(evidence, paths=replace(evidence.paths, tries={**evidence.paths.tries, **tries}))


def ready_too_early() -> TrialEvidence:
    """A new pod without a probe counts as ready, and refuses."""
    found = pod(trial(probe=False), NEW, NEW_IP, created=1.02, ready=1.1)
    return lost(endpoints(found, 1.12, ready=NEW_IP), 1.2, 1.6, NEW_IP)


def old_version_removed() -> TrialEvidence:
    """The selector is switched, and the old pod ends at once."""
    change = BlueGreen(
        name="switch", service="apple-service", selector={"app": "banana"}, public=("/apple",), answer="banana"
    )
    found = pod(trial(change), OTHER, OTHER_IP, created=-3.0, ready=-2.0)
    found = stopping(endpoints(found, 1.05, ready=OTHER_IP), OLD, 1.1, gone=1.5)
    return lost(found, 1.3, 1.6, OLD_IP)


def recreated() -> TrialEvidence:
    """Recreate ends the old pod; the new one comes later."""
    found = stopping(trial(strategy={"type": "Recreate"}), OLD, 1.05, gone=1.4)
    found = pod(endpoints(found, 1.06), NEW, NEW_IP, created=1.5, ready=1.9)
    return lost(endpoints(found, 1.91, ready=NEW_IP), 1.2, 1.8, status=503)


def all_unavailable() -> TrialEvidence:
    """The rolling update ends the only old pod while the new one is not ready."""
    found = pod(trial(replicas=1), NEW, NEW_IP, created=1.03, ready=1.8)
    found = endpoints(stopping(found, OLD, 1.05, gone=1.4), 1.06)
    return lost(endpoints(found, 1.81, ready=NEW_IP), 1.2, 1.8, status=503)


def selector_without_pods() -> TrialEvidence:
    """The selector matches nobody, and no pod ends."""
    return lost(endpoints(trial(SWITCH), 1.05), 1.2, 2.0, status=503)


def no_ready_endpoint() -> TrialEvidence:
    """The only pod is not ready for a while, and nobody changed or deleted it."""
    found = endpoints(trial(EDIT), 1.3)
    return lost(endpoints(found, 1.7, ready=OLD_IP), 1.35, 1.7, status=503)


def force_deleted() -> TrialEvidence:
    """One of two pods is deleted with a grace period of 0."""
    found = pod(trial(DELETE, replicas=2), NEW, NEW_IP, created=-3.0, ready=-2.0)
    found = pod(found, OLD, OLD_IP, terminating=1.05, gone=1.05, grace=0)
    return lost(endpoints(found, 1.06, ready=NEW_IP), 1.1, 1.5, OLD_IP)


def stopped_in_flight() -> TrialEvidence:
    """The application ends at SIGTERM with slow requests in flight."""
    plan = replace(PLAN, shapes=(Shape.NEW, Shape.SLOW), slow=0.6)
    found = pod(trial(RESTART, plan), NEW, NEW_IP, created=-3.0, ready=-2.0)
    found = stopping(endpoints(found, 1.0, ready=NEW_IP), OLD, 1.4, gone=1.5)
    rows = found.attempts
    slow = (rows["shape"] == Shape.SLOW) & (rows["planned"] > 1.05 * NS) & (rows["planned"] < 1.3 * NS)
    rows["outcome"][slow], rows["status"][slow], rows["done"][slow] = Outcome.STATUS, 502, round(1.41 * NS)
    return tried(found, 1.05, 1.3, Tries((f"{OLD_IP}:5678",), ("502",), 502, was_connected=True))


def grace_cuts_hook() -> TrialEvidence:
    """The hook takes as long as the grace period."""
    found = pod(trial(hook={"sleep": {"seconds": 1}}, grace=1), NEW, NEW_IP, created=1.02, ready=1.05)
    found = stopping(endpoints(found, 1.06, ready=NEW_IP), OLD, 1.1, gone=2.3, grace=1)
    return lost(found, 2.2, 2.6, OLD_IP)


def pod_closed_kept_connection() -> TrialEvidence:
    """A pod closes kept connections straight to it when it stops."""
    found = trial(replicas=2, hook={"sleep": {"seconds": 1}})
    found = replace(found, paths=PathRecords(entry="apple-service", controller="none"))
    found = pod(found, NEW, NEW_IP, created=1.02, ready=1.05)
    found = stopping(endpoints(found, 1.06, ready=NEW_IP), OLD, 1.1, gone=2.3)
    found = with_losses(found, 2.1, 2.12, Outcome.CLOSED)
    found = with_rows(found, 2.1, 2.12, carried=3, shape=Shape.REUSED)
    rows = found.attempts
    mine = rows["connection"][(rows["planned"] >= 2.1 * NS) & (rows["planned"] < 2.12 * NS)].tolist()
    return replace(found, paths=replace(found.paths, peers=dict.fromkeys(mine, f"{OLD_IP}:5678")))


def upstream_to_dying_pod() -> TrialEvidence:
    """A pod with a long enough hook ends, and the proxy still uses a kept connection to it."""
    found = pod(trial(hook={"sleep": {"seconds": 6}}), NEW, NEW_IP, created=-5.0, ready=-4.9)
    found = stopping(endpoints(found, -4.5, ready=NEW_IP), OLD, -4.4, gone=1.7)
    return lost(found, 1.6, 1.62, OLD_IP, connected=True)


def prestop_too_short() -> TrialEvidence:
    """The hook takes 0.5 s, and the proxy knows later."""
    found = pod(trial(hook={"exec": {"command": ["sh", "-c", "sleep 0.5"]}}), NEW, NEW_IP, created=1.02, ready=1.05)
    found = stopping(endpoints(found, 1.06, ready=NEW_IP), OLD, 1.1, gone=1.7)
    return lost(found, 1.65, 2.5, OLD_IP)


def preopened_served_old() -> TrialEvidence:
    """A connection that was opened before a reload is answered by the old configuration."""
    found = trial(EDIT, replace(PLAN, shapes=(Shape.NEW, Shape.PREOPENED), preopened=0.5))
    found = reload(found, 1.3)
    rows = found.attempts
    ahead = (rows["shape"] == Shape.PREOPENED) & (rows["planned"] > 1.4 * NS) & (rows["planned"] < 1.7 * NS)
    rows["outcome"][ahead], rows["status"][ahead] = Outcome.STATUS, 503
    return found


def backend_missing() -> TrialEvidence:
    """A reload is under way, the endpoints are ready, and the proxy has no backend."""
    return lost(reload(trial(EDIT), 1.3), 1.3, 1.32, status=503)


def other_rule_answered() -> TrialEvidence:
    """Another application answers although the Service has a ready pod."""
    found = with_losses(trial(EDIT), 1.3, 1.5, Outcome.WRONG_ANSWER)
    return with_rows(found, 1.3, 1.5, status=200)


def proxy_repeated_post() -> TrialEvidence:
    """A POST is sent to two pods that are well."""
    found = pod(trial(EDIT), NEW, NEW_IP, created=-3.0, ready=-2.9)
    found = with_rows(with_losses(found, 1.3, 1.5), 1.3, 1.5, method=1, status=500)
    plan = replace(found.traffic, methods=(found.traffic.methods[1],))
    two = Tries((f"{OLD_IP}:5678", f"{NEW_IP}:5678"), ("502", "500"), 500, was_connected=True)
    return tried(replace(found, traffic=plan), 1.3, 1.5, two)


def upstream_idle_timeout() -> TrialEvidence:
    """A healthy pod closes a kept connection of the proxy."""
    return lost(trial(EDIT), 1.3, 1.31, OLD_IP, connected=True)


def sender_starved() -> TrialEvidence:
    """Requests time out while all of them leave late."""
    found = trial(EDIT)
    rows = found.attempts
    late = (rows["planned"] > 1.1 * NS) & (rows["planned"] < 1.8 * NS)
    rows["sent"][late] += round(0.2 * NS)
    rows["done"][late] += round(3 * NS)
    return with_losses(found, 1.2, 1.5, Outcome.TIMEOUT_RESPONSE)


def node_unwell() -> TrialEvidence:
    """A node is under pressure when a request fails."""
    found = with_event(trial(EDIT), 1.2, EventKind.NODE, "MemoryPressure", subject="node-1")
    return lost(found, 1.3, 1.4, OLD_IP)


#: Code of a cause -> a trial that loses requests for it alone.
SCENES: Mapping[str, Builder] = {
    "ready-too-early": ready_too_early,
    "old-version-removed-at-switch": old_version_removed,
    "recreate-strategy": recreated,
    "all-unavailable": all_unavailable,
    "selector-without-pods": selector_without_pods,
    "no-ready-endpoint": no_ready_endpoint,
    "force-deleted": force_deleted,
    "stopped-in-flight": stopped_in_flight,
    "grace-cuts-hook": grace_cuts_hook,
    "pod-closed-kept-connection": pod_closed_kept_connection,
    "upstream-to-dying-pod": upstream_to_dying_pod,
    "prestop-too-short": prestop_too_short,
    "preopened-served-old": preopened_served_old,
    "backend-missing-in-edit": backend_missing,
    "other-rule-answered": other_rule_answered,
    "proxy-repeated-post": proxy_repeated_post,
    "upstream-idle-timeout": upstream_idle_timeout,
    "sender-starved": sender_starved,
    "node-unwell": node_unwell,
}
