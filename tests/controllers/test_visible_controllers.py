"""Ingress controllers of an existing cluster are found by their pods, with the events that their settings log."""

from __future__ import annotations

from typing import Any

import pytest

from harness.controllers.registry import find_visible
from harness.kube.errors import ForbiddenError
from harness.model.controllers import CONTROLLERS
from harness.testing.fake_api import FakeKube

NGINX, TRAEFIK = "ingress-nginx", "traefik"
AT_DEBUG = ("--log.level=DEBUG", "--log.format=json")


def run_pod(kube: FakeKube, word: str, *args: str) -> None:
    """Put a pod of a controller, with these arguments, where its manifests would."""
    address = CONTROLLERS[word].address
    assert address is not None
    pod: dict[str, Any] = {
        "kind": "Pod",
        "metadata": {"name": "controller", "labels": dict(address.labels)},
        "spec": {"containers": [{"name": "controller", "args": list(args)}]},
    }
    kube.put(pod, address.namespace)


@pytest.mark.parametrize(
    ("word", "args", "tells"),
    [
        (NGINX, (), {"reload"}),
        (NGINX, ("--v=1",), {"reload"}),
        (NGINX, ("--v=2",), {"reload", "endpoints"}),
        (NGINX, ("-v=10",), {"reload", "endpoints"}),
        (TRAEFIK, AT_DEBUG, {"configured"}),
        (TRAEFIK, ("--log.level=INFO", "--log.format=json"), set()),
        (TRAEFIK, ("--log.level=DEBUG",), set()),
    ],
)
def test_settings_decide_what_a_controller_logs(word: str, args: tuple[str, ...], tells: set[str]) -> None:
    """ingress-nginx logs endpoints from ``--v=2``. Traefik needs a JSON log at level DEBUG."""
    kube = FakeKube()
    assert find_visible(kube, word) == (None, frozenset())
    run_pod(kube, word, *args)
    found, seen = find_visible(kube, word)

    assert seen == tells
    assert (found.facts.word if found else "") == (word if tells else "")


def test_controller_that_is_expected_is_the_one_that_is_read() -> None:
    """Reloads of another controller are irrelevant. Without an expected one, the first that logs counts."""
    kube = FakeKube()
    run_pod(kube, NGINX)
    run_pod(kube, TRAEFIK, *AT_DEBUG)

    assert find_visible(kube, TRAEFIK)[1] == {"configured"}
    assert find_visible(kube, NGINX)[1] == {"reload"}
    assert find_visible(kube)[1] == {"reload"}


def test_controller_whose_pods_may_not_be_listed_is_not_visible() -> None:
    """A missing right to list its pods is no error."""
    kube = FakeKube()
    kube.refusals["list"] = ForbiddenError("list Pod", 403, "Forbidden", "no")

    assert find_visible(kube) == (None, frozenset())
