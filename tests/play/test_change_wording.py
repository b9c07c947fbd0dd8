"""Each change of a participant is described in words, and what controllers write is not."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from harness.play.wording import describe_change

DEPLOYMENT: dict[str, Any] = {
    "kind": "Deployment",
    "metadata": {"name": "apple", "annotations": {}, "generation": 1},
    "spec": {
        "replicas": 1,
        "template": {
            "metadata": {"labels": {"app": "apple"}},
            "spec": {"containers": [{"name": "apple", "image": "hashicorp/http-echo:1.0"}]},
        },
    },
    "status": {"replicas": 1},
}


def edited(*path: str | int, to: Any) -> dict[str, Any]:
    """Return the Deployment with one field replaced."""
    changed = deepcopy(DEPLOYMENT)
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return changed


CONTAINER = ("spec", "template", "spec", "containers", 0)


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (edited(*CONTAINER, "image", to="hashicorp/http-echo:1.1"), "Deployment apple: image 1.0 to 1.1"),
        (edited(*CONTAINER, "image", to="nginx:1"), "Deployment apple: image hashicorp/http-echo:1.0 to nginx:1"),
        (edited("spec", "replicas", to=3), "Deployment apple: replicas 1 to 3"),
        (
            edited(*CONTAINER, "readinessProbe", to={"periodSeconds": 1}),
            'Deployment apple: readinessProbe {"periodSeconds": 1}',
        ),
        (
            edited("spec", "template", "metadata", "annotations", to={"kubectl.kubernetes.io/restartedAt": "now"}),
            "Deployment apple: restarted",
        ),
        (None, "Deployment apple: deleted"),
    ],
)
def test_a_change_is_described(new: dict[str, Any] | None, words: str) -> None:
    """The field's name, the old and the new value."""
    assert describe_change("Deployment", DEPLOYMENT, new) == words


@pytest.mark.parametrize(
    "new",
    [
        edited("status", to={"replicas": 2}),
        edited("metadata", "annotations", to={"deployment.kubernetes.io/revision": "2"}),
        edited("metadata", "generation", to=2),
    ],
)
def test_a_write_of_a_controller_is_no_change(new: dict[str, Any]) -> None:
    """Status, revision and generation are not written by a person."""
    assert not describe_change("Deployment", DEPLOYMENT, new)


def test_a_pod_that_is_scheduled_is_not_changed() -> None:
    """The scheduler writes the name of the node."""
    pod = {"metadata": {"name": "p"}, "spec": {"containers": []}}

    assert not describe_change("Pod", pod, {**pod, "spec": {"containers": [], "nodeName": "n"}})


def test_a_selector_is_described() -> None:
    """As the page's readers know it from their patch."""
    service = {"metadata": {"name": "s"}, "spec": {"selector": {"version": "v1"}}}
    patched = {"metadata": {"name": "s"}, "spec": {"selector": {"version": "v2"}}}

    assert describe_change("Service", service, patched) == "Service s: selector version v1 to v2"


def test_many_changes_are_summed_up() -> None:
    """A sentence lists four of them."""
    old = {"metadata": {"name": "c"}, "data": {}}
    new = {"metadata": {"name": "c"}, "data": {str(n): "x" for n in range(7)}}

    assert describe_change("ConfigMap", old, new) == "ConfigMap c: 0 x, 1 x, 2 x, 3 x, 3 more"
