"""Models of an Experiment, and faults that can be read from manifests before a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import InvalidInputError, Problem
from harness.experiment.load import load_experiment
from harness.localkube.apps import mounts
from harness.localkube.commands import LocalCommand
from harness.localkube.kubelet.models import ANNOTATION
from harness.model.experiment import Experiment
from harness.runner.rules import rules_of
from harness.store.records import from_json, to_json

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
        ("shop:2", "", "which the image may lack: set shell in models"),
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


def give_command(bench: Bench, model: str = "command: [./shop, --port, $PORT]") -> None:
    """Give the workload an image for which the Experiment has a command."""
    unknown_image(bench)
    program = bench.folder / "shop"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    bench.edit("small.yaml", "name: small", f"name: small\nmodels: {{'shop:*': {{{model}}}}}")


def test_the_pods_name_a_command_that_only_the_experiment_has(bench: Bench) -> None:
    """Its program is found next to the file, from wherever the harness is started."""
    give_command(bench)
    local = load_experiment(bench.path, rules=rules_of("local", {}))

    folder = str(bench.folder)
    command = LocalCommand(folder, (f"{folder}/shop", "--port", "$PORT"))
    assert local.commands == ((folder, *command.argv),)
    assert models_of(local.cells[0].configuration.manifests)[0]["shop:*"]["command"] == command.id
    assert str(bench.folder) not in json.dumps([dict(m) for m in local.cells[0].configuration.manifests])
    assert from_json(Experiment, json.loads(json.dumps(to_json(local)))) == local


def test_a_command_is_described_with_what_does_not_apply(bench: Bench) -> None:
    """The report begins with it."""
    give_command(bench)
    bench.edit("apps.yaml", "image: shop:2", "image: shop:2\n          args: [-v]\n          workingDir: /app")

    (sentence,) = load_experiment(bench.path, rules=rules_of("local", {})).stand_ins

    assert sentence == (
        "shop:2 is not pulled: the command ./shop --port '$PORT' runs in its place, as a process of this machine with "
        "your user and files; of its container, args and workingDir do not apply"
    )


def test_a_route_may_expect_the_answer_of_a_command(bench: Bench) -> None:
    """A stand-in answers its own name, but a command is the user's program."""
    give_command(bench)
    bench.edit("small.yaml", "/apple", PLAIN)

    assert load_experiment(bench.path, rules=rules_of("local", {})).commands


@pytest.mark.parametrize(
    ("model", "cluster", "messages"),
    [
        ("command: [./shop, $PORT]", "kind", ["a command runs only on the embedded cluster, which this is not"]),
        ("command: [./shop, $PORT]", "context", ["a command runs only on the embedded cluster, which this is not"]),
        ("command: [./none]", "local", ["the program ./none does not exist"]),
        ("command: [./small.yaml]", "local", ["the program ./small.yaml is not executable"]),
        ("command: [no-such-program-anywhere]", "local", ["the program no-such-program-anywhere does not exist"]),
        ("command: [./shop], ready: 2s", "local", ["ready is for stand-ins, not for a command"]),
        ("command: [sh, -c, ./shop]", "local", []),
    ],
)
def test_a_command_that_cannot_run_is_a_problem(bench: Bench, model: str, cluster: str, messages: list[str]) -> None:
    """Nothing starts, and the problem has the line of the model."""
    give_command(bench, model)

    try:
        load_experiment(bench.path, rules=rules_of(cluster, {}))
        found: list[Problem] = []
    except InvalidInputError as error:
        found = list(error.problems)

    assert [p.message for p in found] == messages
    assert {p.line for p in found} <= {2}


def test_the_port_of_a_command_must_be_known(bench: Bench) -> None:
    """Without a port, the program would get an empty argument."""
    give_command(bench)
    bench.edit("apps.yaml", "\n          ports: [{containerPort: 5678}]", "")

    with pytest.raises(InvalidInputError) as caught:
        load_experiment(bench.path, rules=rules_of("local", {}))

    assert [p.message for p in caught.value.problems] == ["the container of shop:2 has no port for $PORT"]


def test_the_reason_why_volumes_cannot_be_mounted_is_shown(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's own words say what to change on this machine."""
    monkeypatch.setattr(mounts, "why_not", lambda: "unshare: Operation not permitted")
    give_command(bench)
    volumes = "\n          volumeMounts: [{name: v, mountPath: /v}]\n      volumes: [{name: v, emptyDir: {}}]"
    bench.edit("apps.yaml", "image: shop:2", f"image: shop:2{volumes}")
    bench.edit("apps.yaml", "\n          ports: [{containerPort: 5678}]", "")
    bench.edit("small.yaml", "'shop:*': {", "'shop:*': {ports: [5678], ")

    with pytest.raises(InvalidInputError) as caught:
        load_experiment(bench.path, rules=rules_of("local", {}))

    words = "the volumes of shop:2 cannot be mounted on this machine: unshare: Operation not permitted"
    assert words in [p.message for p in caught.value.problems]


def test_a_command_cannot_replace_an_image_that_the_cluster_has(bench: Bench) -> None:
    """The image would run, and the command would not."""
    bench.edit("small.yaml", "name: small", "name: small\nmodels: {'hashicorp/*': {command: [sh]}}")

    with pytest.raises(InvalidInputError) as caught:
        load_experiment(bench.path, rules=rules_of("local", {}))

    assert [p.message for p in caught.value.problems] == [
        "the embedded cluster has the image hashicorp/http-echo:1.0 itself"
    ]


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
