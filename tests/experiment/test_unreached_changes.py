"""A change whose object gets none of the traffic is named, since it would be lossless whatever it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.experiment.experiment_bench import Bench

pytest_plugins = ("experiment_bench",)

CANARY = 'metadata: {name: other, annotations: {nginx.ingress.kubernetes.io/canary: "true"}}'
BY_ANNOTATION = "metadata: {name: other, annotations: {nginx.ingress.kubernetes.io/default-backend: banana-service}}"


def with_banana(bench: Bench, change: str, metadata: str = "metadata: {name: other}") -> None:
    """Add a second application, with a route of its own and the answer of the first, and a change of it."""
    apps = bench.folder / "apps.yaml"
    text = apps.read_text()
    banana = text.replace("apple", "banana").replace("-text=banana", "-text=apple")
    apps.write_text(f"{text}---\n{banana.replace('metadata: {name: fruit}', metadata)}")
    bench.edit("small.yaml", "expect:\n", f"  - {change}\nexpect:\n")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("restart: {name: other, deployment: banana}", "Deployment banana, so a loss by other is seen only if"),
        (
            "selector-patch: {service: banana-service, selector: {app: apple}}",
            "Service banana-service, so a loss by selector-patch is seen only if",
        ),
    ],
)
def test_a_change_without_traffic_is_named(bench: Bench, change: str, named: str) -> None:
    """It is named once for all configurations, and not the change that has traffic."""
    with_banana(bench, change)
    (notice,) = bench.load().notices

    assert f"small.yaml:14: no path of the traffic (/apple) leads to {named}" in notice


def test_the_changed_object_is_named_with_its_own_kind(bench: Bench) -> None:
    """A restart can change several kinds of objects."""
    with_banana(bench, "restart: {name: other, statefulset: banana}")
    bench.edit("apps.yaml", "kind: Deployment\nmetadata: {name: banana}", "kind: StatefulSet\nmetadata: {name: banana}")
    (notice,) = bench.load().notices

    assert "leads to StatefulSet banana, so a loss by other" in notice


@pytest.mark.parametrize("metadata", [CANARY, BY_ANNOTATION], ids=["canary", "default-backend"])
def test_a_share_of_the_requests_is_traffic(bench: Bench, metadata: str) -> None:
    """A canary and a default backend get requests that a rule gives to another Service."""
    with_banana(bench, "restart: {name: other, deployment: banana}", metadata)

    assert bench.load().notices == ()


def test_a_path_that_leads_there_is_traffic(bench: Bench) -> None:
    """The second application gets requests itself."""
    with_banana(bench, "restart: {name: other, deployment: banana}")
    bench.edit("small.yaml", "paths: [{path: /apple, answers: apple}]", "paths: [/apple, /banana]")

    assert bench.load().notices == ()
