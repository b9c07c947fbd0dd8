"""Decides whether a changed system is at rest, as a pure function, so that each condition can be tested alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.model.controllers import LONGEST_APPLY_S, LONGEST_SYNC_S
from harness.observe.endpoints import EndpointTracker
from harness.observe.pods import PodView

#: After this time an ingress controller has applied changed endpoints: the slowest one syncs and applies within it,
#: with a margin of 1.7 s. It never sees a change that was undone within that time.
INGRESS_LAG_NS = round((LONGEST_SYNC_S + LONGEST_APPLY_S + 1.7) * 1e9)


def at_rest(
    pods: Iterable[PodView],
    selectors: Mapping[str, Mapping[str, str]],
    endpoints: EndpointTracker,
    *,
    ingress_last: int,
    since: int,
    now: int,
) -> bool:
    """Return True if all effects of a change have settled.

    Args:
        pods: All pods.
        selectors: The selector of each Service.
        endpoints: The endpoints of each Service.
        ingress_last: Time of the ingress controller's last event; -1 for none.
        since: Begin of the change. Earlier changes of endpoints do not matter.
        now: The current time.

    Returns:
        True if no pod is terminating, every Service's ready endpoints are its ready pods, and the ingress controller
        had an event since ready endpoints last changed, or had ``INGRESS_LAG_NS`` for it.
    """
    pods = list(pods)
    if any(pod.deletion for pod in pods):
        return False
    for service, selector in selectors.items():
        known = endpoints.services.get(service)
        if (known.ready_addresses if known else frozenset()) != _ready_addresses(pods, selector):
            return False
    changes = [at for at in endpoints.ready_changed.values() if at >= since]
    return not changes or ingress_last >= max(changes) or now - max(changes) >= INGRESS_LAG_NS


def _ready_addresses(pods: Iterable[PodView], selector: Mapping[str, str]) -> frozenset[str]:
    return frozenset(pod.address for pod in pods if pod.ready and selector.items() <= pod.labels.items())
