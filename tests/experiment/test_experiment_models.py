"""Models of an Experiment, and faults that can be read from manifests before a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import InvalidInputError
from harness.experiment.load import load_experiment
from harness.localkube.kubelet.models import ANNOTATION
from harness.runner.rules import rules_of

if TYPE_CHECKING:
    from tests.experiment.experiment_bench import Bench

pytest_plugins = ("experiment_bench",)

PLAIN = "{path: /apple, answers: apple}"


def models_of(manifests: tuple[Mapping[str, Any], ...]) -> list[Any]:
    """Return the models on the pods of each Deployment."""
    found = [m["spec"]["template"]["metadata"].get("annotations", {}) for m in manifests if m["kind"] == "Deployment"]
    return [json.loads(each[ANNOTATION]) if ANNOTATION in each else None for each in found]


def unknown_image(bench: Bench) -> None:
    """Give the workload an image that needs a stand-in, and a route that any answer satisfies."""
    bench.edit("apps.yaml", "image: hashicorp/http-echo:1.0\n          args: [-text=apple]", "image: shop:2")
    bench.edit("apps.yaml", "image: shop:2", "image: shop:2\n          ports: [{containerPort: 5678}]")
    bench.edit("small.yaml", PLAIN, "/apple")


def with_hook(bench: Bench, image: str) -> None:
    """Give the workload an image that needs a stand-in, with a hook that calls a shell; the other pods have none."""
    unknown_image(bench)
    hook = "lifecycle: {postStart: {exec: {command: [sh, -c, sleep 5]}}}"
    bench.edit("apps.yaml", "image: shop:2", f"image: {image}\n          {hook}")


def test_models_go_onto_the_pods_of_the_embedded_cluster_alone(bench: Bench) -> None:
    """A real cluster runs the images, and gets the manifests as they are."""
    unknown_image(bench)
    bench.edit("small.yaml", "name: small", "name: small\nmodels: {'shop:*': {stop: drains, ready: 500ms}}")

    local = load_experiment(bench.path, rules=rules_of("local", {}))
    kind = load_experiment(bench.path, rules=rules_of("kind", {}))

    expected = {"shop:*": {"ending": "drains", "ready": 0.5, "ports": [], "shell": None}}
    assert models_of(local.cells[0].configuration.manifests) == [expected]
    assert models_of(kind.cells[0].configuration.manifests) == [None]
    assert kind.stand_ins == ()
    assert local.inert == load_experiment(bench.path, rules=rules_of("local", {})).inert
    assert all("localkube" not in each for each in local.inert)


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ("", ["shop:2 is not pulled", "closes-at-once", "1 s after its start"]),
        ("\nmodels: {'*': drains}", ["shop:2 is not pulled", "drains: it closes its listener at SIGTERM, finishes"]),
    ],
)
def test_every_stand_in_is_described(bench: Bench, models: str, words: list[str]) -> None:
    """The report begins with it."""
    unknown_image(bench)
    bench.edit("small.yaml", "name: small", f"name: small{models}")

    found = load_experiment(bench.path, rules=rules_of("local", {})).stand_ins

    assert len(found) == 1
    assert [word for word in words if word not in found[0]] == []


@pytest.mark.parametrize(
    ("image", "models", "words"),
    [
        ("shop:2", "", "which the image may lack: say shell in models"),
        ("shop:2", "\nmodels: {'*': {shell: true}}", ""),
        ("shop:2", "\nmodels: {'*': {shell: false}}", "it has no shell, so its exec hook fails"),
        ("traefik/whoami:v1", "", "it has no shell, so its exec hook fails"),
        ("traefik/whoami:v1", "\nmodels: {'*': drains}", "it has no shell, so its exec hook fails"),
    ],
)
def test_what_is_assumed_about_the_programs_of_a_hook_is_said(
    bench: Bench, image: str, models: str, words: str
) -> None:
    """A hook that fails on the real image, and not here, would make a lossy change lossless."""
    with_hook(bench, image)
    bench.edit("small.yaml", "name: small", f"name: small{models}")

    (found,) = load_experiment(bench.path, rules=rules_of("local", {})).stand_ins

    assert words in found
    assert ("exec hook" in found) is bool(words)


def test_an_image_that_is_replaced_by_a_known_one_needs_no_stand_in(bench: Bench) -> None:
    """``--image NAME=REF`` says what runs."""
    unknown_image(bench)

    assert load_experiment(bench.path, rules=rules_of("local", {"shop:2": "hashicorp/http-echo:1.0"})).stand_ins == ()


@pytest.mark.parametrize("models", ["{shop: drain}", "{shop: {stop: drains, prot: 1}}", "{shop: {ready: 5}}", "[shop]"])
def test_a_wrong_model_is_a_problem_of_its_line(bench: Bench, models: str) -> None:
    """A misspelt model must not become the default."""
    unknown_image(bench)
    bench.edit("small.yaml", "name: small", f"name: small\nmodels: {models}")

    with pytest.raises(InvalidInputError) as caught:
        load_experiment(bench.path, rules=rules_of("local", {}))

    assert [(p.file.rpartition("/")[2], p.line) for p in caught.value.problems] == [("small.yaml", 2)]


@pytest.mark.parametrize(("cluster", "count"), [("local", 1), ("kind", 0)])
def test_a_service_of_a_statefulset_has_pods_on_a_real_cluster_alone(bench: Bench, cluster: str, count: int) -> None:
    """The embedded cluster stores a StatefulSet: every request would be lost, and the fault would be its own."""
    bench.edit("apps.yaml", "selector: {app: apple}\n", "selector: {app: db}\n")
    text = (bench.folder / "apps.yaml").read_text()
    stateful = """\
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: web, image: "hashicorp/http-echo:1.0", args: [-text=apple]}]}
"""
    (bench.folder / "apps.yaml").write_text(text + stateful)

    try:
        load_experiment(bench.path, rules=rules_of(cluster, {}))
        messages: list[str] = []
    except InvalidInputError as error:
        messages = [p.message for p in error.problems if p.code == "service-without-pods"]

    assert (
        messages
        == ["Service apple-service: its pods are those of StatefulSet db, for which the embedded cluster runs none"]
        * count
    )
