"""When a system that was changed has come to rest: pure, so that each condition can be tested alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.model.controllers import LONGEST_APPLY_S, LONGEST_SYNC_S
from harness.observe.endpoints import EndpointTracker
from harness.observe.pods import PodView

#: An ingress controller that has logged nothing for this long has nothing to log: the slowest one syncs and applies
#: within it, with a margin of 1.7 s. A change that was undone within that time never reaches it.
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
    """Whether nothing is on its way any more.

    Args:
        pods: All pods.
        selectors: The selector of each Service.
        endpoints: The endpoints of each Service.
        ingress_last: When the ingress controller last did something; -1 for never.
        since: When the change began; endpoints that changed before do not matter.
        now: This moment.

    Returns:
        True if no pod is terminating, every Service's ready endpoints are its ready pods, and the ingress controller
        has done something since ready endpoints last changed (or has had ``INGRESS_LAG_NS`` for it).
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
