"""The real kubectl works with the API server; the test takes the part of missing controllers."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from harness.localkube.machinery.client import ApiClient
from harness.localkube.machinery.events import EventRecorder
from harness.localkube.machinery.objects import owner_reference
from harness.localkube.machinery.resources import DEPLOYMENTS, PODS, REPLICASETS

pytestmark = [
    pytest.mark.processes,
    pytest.mark.kubectl,
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH"),
]

Kubectl = Callable[..., subprocess.CompletedProcess[str]]
Object = dict[str, Any]

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: apple, labels: {app: apple}}
spec:
  replicas: 1
  selector: {matchLabels: {app: apple}}
  template:
    metadata: {labels: {app: apple, version: apple-v1}}
    spec:
      containers:
      - name: apple
        image: hashicorp/http-echo:1.0
        args: ["-text=apple"]
        ports: [{containerPort: 5678}]
---
apiVersion: v1
kind: Service
metadata: {name: apple-service}
spec:
  selector: {app: apple}
  ports: [{port: 5678}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: fruit}
spec:
  ingressClassName: nginx
  rules:
  - http:
      paths:
      - {path: /apple, pathType: Prefix, backend: {service: {name: apple-service, port: {number: 5678}}}}
"""


def run_client(url: str, act: Callable[[ApiClient], Coroutine[Any, Any, None]]) -> None:
    """Run a function with a client of the API server."""

    async def main() -> None:
        async with ApiClient(url, "test") as client:
            await act(client)

    asyncio.run(main())


async def create_rollout(client: ApiClient) -> None:
    """Create the objects that controllers and kubelet would: a ReplicaSet, a running pod and their status."""
    apple = await client.get(DEPLOYMENTS, "apple", "default")
    revision = str(1 + len((await client.list(REPLICASETS))[0]))
    labels = apple["spec"]["template"]["metadata"]["labels"] | {"pod-template-hash": revision}
    template = {**apple["spec"]["template"], "metadata": {"labels": labels}}
    revised = {"annotations": {"deployment.kubernetes.io/revision": revision}, "labels": labels}
    owned = {"name": f"apple-{revision}", "ownerReferences": [owner_reference(apple)]} | revised
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    replicas = await client.create(REPLICASETS, {"metadata": owned, "spec": spec}, "default")
    metadata = {"name": f"apple-{revision}-x", "labels": labels, "ownerReferences": [owner_reference(replicas)]}
    pod = await client.create(PODS, {"metadata": metadata, "spec": template["spec"] | {"nodeName": "n"}}, "default")
    running = [{"name": "apple", "ready": True, "restartCount": 0, "state": {"running": {}}}]
    await client.update_status(PODS, pod | {"status": {"phase": "Running", "containerStatuses": running}})
    await client.patch(DEPLOYMENTS, "apple", "default", {"metadata": {"annotations": revised["annotations"]}})
    apple = await client.get(DEPLOYMENTS, "apple", "default")
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1)
    observed = {"observedGeneration": apple["metadata"]["generation"]}
    await client.update_status(DEPLOYMENTS, apple | {"status": counts | observed})
    await EventRecorder(client, "test").event(apple, "Normal", "ScalingReplicaSet", f"Scaled up {owned['name']}")


@pytest.fixture
def apple(kubectl: Kubectl, server: str) -> None:
    """Apply the Deployment, Service and Ingress, and roll the Deployment out once."""
    kubectl("apply", "-f", "-", text=MANIFEST)
    run_client(server, create_rollout)


def show(kubectl: Kubectl, *args: str) -> Object:
    """Return an object as JSON."""
    shown: Object = json.loads(kubectl("get", *args, "-o", "json").stdout)
    return shown


def test_a_second_apply_changes_nothing(kubectl: Kubectl) -> None:
    """The first apply creates, the second leaves all unchanged, and a changed manifest configures."""
    for words in (["created"] * 3, ["unchanged"] * 3):
        output = kubectl("apply", "-f", "-", text=MANIFEST).stdout.splitlines()
        assert [line.split()[-1] for line in output] == words
    changed = MANIFEST.replace("replicas: 1", "replicas: 2").replace("http-echo:1.0", "http-echo:0.2.3")
    assert "deployment.apps/apple configured" in kubectl("apply", "-f", "-", text=changed).stdout
    spec = show(kubectl, "deploy", "apple")["spec"]
    assert (spec["replicas"], spec["template"]["spec"]["containers"][0]["image"]) == (2, "hashicorp/http-echo:0.2.3")


def test_apply_removes_fields_that_left_the_manifest(kubectl: Kubectl) -> None:
    """Client-side and server-side apply remove a field that is no longer in the manifest."""
    for flags, name in (((), "apple"), (("--server-side",), "pear")):
        manifest = MANIFEST.replace("apple", name).replace("fruit", f"fruit-{name}")
        kubectl("apply", *flags, "-f", "-", text=manifest)
        kubectl("apply", *flags, "-f", "-", text=manifest.replace('        args: ["-text=' + name + '"]\n', ""))
        assert "args" not in show(kubectl, "deploy", name)["spec"]["template"]["spec"]["containers"][0]


def test_apply_rejects_invalid_manifests(kubectl: Kubectl) -> None:
    """Unknown fields and violated rules are rejected with a real server's messages."""
    unknown = kubectl("apply", "-f", "-", text=MANIFEST.replace("replicas", "replicaz"), fails=True).stderr
    assert 'unknown field "spec.replicaz"' in unknown
    hook = "        lifecycle: {preStop: {sleep: {seconds: 31}}}\n        args:"
    long = kubectl("apply", "-f", "-", text=MANIFEST.replace("        args:", hook), fails=True).stderr
    assert "spec.template.spec.containers[0].lifecycle.preStop.sleep: Invalid value: 31" in long


#: kubectl commands that generate an object, and that object.
GENERATED = {
    "create namespace foo": "namespace/foo",
    "create deployment x --image=hashicorp/http-echo:1.0": "deployment.apps/x",
    "create service clusterip s --tcp=80": "service/s",
    "create configmap c --from-literal=a=b": "configmap/c",
}


@pytest.mark.parametrize("command", GENERATED)
def test_generated_objects_are_created(kubectl: Kubectl, command: str) -> None:
    """Kubectl sends the objects that it generates as protobuf."""
    assert kubectl(*command.split()).stdout == f"{GENERATED[command]} created\n"


def test_a_second_create_is_an_error(kubectl: Kubectl) -> None:
    """Creating from a file works once; then the object exists already."""
    kubectl("create", "-f", "-", text=MANIFEST)

    assert "AlreadyExists" in kubectl("create", "-f", "-", text=MANIFEST, fails=True).stderr


def test_a_server_side_dry_run_creates_nothing(kubectl: Kubectl) -> None:
    """A server-side dry run reports the objects but creates none."""
    assert kubectl("apply", "--dry-run=server", "-f", "-", text=MANIFEST).stdout.count("created (server dry run)") == 3
    assert show(kubectl, "all")["items"] == []


@pytest.mark.usefixtures("apple")
def test_get_supports_all_output_forms(kubectl: Kubectl) -> None:
    """`kubectl get` prints tables, wide tables, YAML, selected objects, all namespaces and single fields."""
    pods = kubectl("get", "pods").stdout.splitlines()
    assert pods[0].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert pods[1].split()[:4] == ["apple-1-x", "1/1", "Running", "0"]
    assert "NODE" in kubectl("get", "pods", "-o", "wide").stdout
    assert kubectl("get", "deploy").stdout.splitlines()[1].split()[:4] == ["apple", "1/1", "1", "1"]
    assert kubectl("get", "svc").stdout.splitlines()[1].split()[4] == "5678/TCP"
    assert kubectl("get", "ing").stdout.splitlines()[1].split()[1] == "nginx"
    assert "kind: Deployment" in kubectl("get", "deploy", "apple", "-o", "yaml").stdout
    assert kubectl("get", "po", "-A", "-l", "version=apple-v1", "-o", "name").stdout == "pod/apple-1-x\n"
    assert kubectl("get", "po", "-l", "version!=apple-v1", "-o", "name").stdout == ""
    assert kubectl("get", "svc", "apple-service", "-o", "jsonpath={.spec.selector.app}").stdout == "apple"
    assert "ScalingReplicaSet" in kubectl("get", "events").stdout
    assert len(show(kubectl, "all")["items"]) == 4


@pytest.mark.usefixtures("apple")
def test_describe_prints_objects_and_events(kubectl: Kubectl) -> None:
    """`kubectl describe` works for every common kind."""
    deployment = kubectl("describe", "deploy", "apple").stdout
    assert "ScalingReplicaSet" in deployment
    assert "apple-1" in deployment
    assert "ReplicaSet/apple-1" in kubectl("describe", "pod", "apple-1-x").stdout
    assert "app=apple" in kubectl("describe", "svc", "apple-service").stdout
    assert "/apple" in kubectl("describe", "ing", "fruit").stdout


@pytest.mark.usefixtures("apple")
def test_patch_supports_three_types(kubectl: Kubectl) -> None:
    """A selector is patched in each of kubectl's three ways; a failed JSON test changes nothing."""

    def selector() -> str:
        return kubectl("get", "svc", "apple-service", "-o", "jsonpath={.spec.selector.app}").stdout

    kubectl("patch", "svc", "apple-service", "-p", '{"spec":{"selector":{"app":"a"}}}')
    assert selector() == "a"
    kubectl("patch", "svc", "apple-service", "--type=merge", "-p", '{"spec":{"selector":{"app":"b"}}}')
    assert selector() == "b"
    operations = [{"op": "test", "path": "/spec/selector/app", "value": "b"}]
    operations += [{"op": "replace", "path": "/spec/selector/app", "value": "c"}]
    kubectl("patch", "svc", "apple-service", "--type=json", "-p", json.dumps(operations))
    assert selector() == "c"
    kubectl("patch", "svc", "apple-service", "--type=json", "-p", json.dumps(operations), fails=True)
    assert selector() == "c"


@pytest.mark.usefixtures("apple")
def test_scale_set_label_and_annotate_change_one_field(kubectl: Kubectl) -> None:
    """Each command changes its field and nothing else."""
    kubectl("scale", "deploy", "apple", "--replicas=3")
    kubectl("set", "image", "deploy/apple", "apple=hashicorp/http-echo:0.2.3")
    kubectl("set", "env", "deploy/apple", "COLOUR=red")
    kubectl("label", "deploy", "apple", "tier=web")
    kubectl("annotate", "deploy", "apple", "note=hello")

    apple = show(kubectl, "deploy", "apple")
    container = apple["spec"]["template"]["spec"]["containers"][0]
    assert apple["spec"]["replicas"] == 3
    assert (container["image"], container["args"]) == ("hashicorp/http-echo:0.2.3", ["-text=apple"])
    assert container["env"] == [{"name": "COLOUR", "value": "red"}]
    assert (apple["metadata"]["labels"]["tier"], apple["metadata"]["annotations"]["note"]) == ("web", "hello")


@pytest.mark.usefixtures("apple")
def test_rollout_commands_work(kubectl: Kubectl, server: str) -> None:
    """Status, restart, history and undo of a rollout work; the test creates each revision."""
    assert "successfully rolled out" in kubectl("rollout", "status", "deploy/apple", "--timeout=60s").stdout
    kubectl("rollout", "restart", "deploy/apple")
    stuck = kubectl("rollout", "status", "deploy/apple", "--timeout=100ms", fails=True)
    assert "timed out" in stuck.stderr
    run_client(server, create_rollout)
    kubectl("rollout", "status", "deploy/apple", "--timeout=60s")
    history = [
        line.split()[0] for line in kubectl("rollout", "history", "deploy/apple").stdout.splitlines()[2:] if line
    ]
    assert history == ["1", "2"]
    restarted = show(kubectl, "deploy", "apple")["spec"]["template"]["metadata"]["annotations"]
    assert "kubectl.kubernetes.io/restartedAt" in restarted
    kubectl("rollout", "undo", "deploy/apple")
    assert "annotations" not in show(kubectl, "deploy", "apple")["spec"]["template"]["metadata"]


@pytest.mark.usefixtures("apple")
def test_logs_of_a_deployment_are_found(kubectl: Kubectl, pod_logs: Path) -> None:
    """Logs are found through the Deployment's pods; a previous container's log is a clear error."""
    (pod_logs / "default_apple-1-x_apple.log").write_text("one\ntwo\n")

    assert kubectl("logs", "deploy/apple").stdout == "one\ntwo\n"
    assert kubectl("logs", "apple-1-x", "--tail=1").stdout == "two\n"
    assert "previous terminated container" in kubectl("logs", "apple-1-x", "--previous", fails=True).stderr


@pytest.mark.usefixtures("apple")
def test_delete_removes_objects(kubectl: Kubectl) -> None:
    """A pod terminates until its kubelet deletes it, force does not wait, and other kinds are gone at once."""
    kubectl("delete", "pod", "apple-1-x", "--wait=false")
    assert kubectl("get", "pods").stdout.splitlines()[1].split()[2] == "Terminating"
    kubectl("delete", "pod", "apple-1-x", "--force", "--grace-period=0")
    assert show(kubectl, "pods")["items"] == []
    kubectl("delete", "deploy,svc,ing", "--all", "--timeout=60s")
    kubectl("get", "deploy", "apple", fails=True)


@pytest.mark.usefixtures("apple")
def test_delete_waits_for_the_kubelet(kubectl: Kubectl, server: str) -> None:
    """`kubectl delete pod` returns once the kubelet has deleted the pod."""

    async def kubelet(client: ApiClient) -> None:
        _, version = await client.list(PODS)
        deleting = asyncio.create_task(asyncio.to_thread(kubectl, "delete", "pod", "apple-1-x"))
        async for _, obj in client.watch(PODS, version):
            if "deletionTimestamp" in obj["metadata"]:
                assert not deleting.done()
                await client.delete(PODS, "apple-1-x", "default", grace=0)
                break
        await deleting

    run_client(server, kubelet)
    assert show(kubectl, "pods")["items"] == []


@pytest.mark.usefixtures("apple")
def test_get_watch_prints_each_change(kubectl: Kubectl, kubectl_command: tuple[list[str], dict[str, str]]) -> None:
    """`kubectl get -w` prints each change in a row as it happens."""
    command, environment = kubectl_command
    argv = [*command, "get", "pods", "-w", "--output-watch-events"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env=environment, text=True) as watching:
        assert watching.stdout is not None
        head, first = (watching.stdout.readline().split() for _ in range(2))
        kubectl("delete", "pod", "apple-1-x", "--wait=false")
        second = watching.stdout.readline().split()
        kubectl("delete", "pod", "apple-1-x", "--force", "--grace-period=0")
        third = watching.stdout.readline().split()
        watching.terminate()

    assert head[:2] == ["EVENT", "NAME"]
    states = [("ADDED", "Running"), ("MODIFIED", "Terminating"), ("DELETED", "Terminating")]
    assert [(row[0], row[3]) for row in (first, second, third)] == states


@pytest.mark.usefixtures("apple")
def test_logs_follow_until_the_pod_is_gone(
    kubectl: Kubectl, kubectl_command: tuple[list[str], dict[str, str]], pod_logs: Path
) -> None:
    """`kubectl logs -f` prints new lines, and ends when the pod is gone."""
    command, environment = kubectl_command
    log = pod_logs / "default_apple-1-x_apple.log"
    log.write_text("one\n")
    argv = [*command, "logs", "-f", "apple-1-x"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env=environment, text=True) as following:
        assert following.stdout is not None
        first = following.stdout.readline()
        with log.open("a") as file:
            file.write("two\n")
        second = following.stdout.readline()
        kubectl("delete", "pod", "apple-1-x", "--force", "--grace-period=0")
        rest = following.stdout.read()

    assert (first, second, rest, following.returncode) == ("one\n", "two\n", "", 0)


def test_discovery_lists_all_resources(kubectl: Kubectl) -> None:
    """`kubectl api-resources` and `kubectl version` work with the server."""
    names = [line.split()[0] for line in kubectl("api-resources", "--no-headers").stdout.splitlines()]

    assert {"pods", "deployments", "ingresses", "endpointslices"} <= set(names)
    assert "Server Version: v1.34" in kubectl("version").stdout
