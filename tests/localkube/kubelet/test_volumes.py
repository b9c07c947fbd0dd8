"""Volumes as folders: their files, their updates, and what a local command sees of them."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from harness.kube.fieldclasses import REFUSED
from harness.localkube.apps import mounts
from harness.localkube.commands import LocalCommand
from harness.localkube.fields import CLASSIFIER
from harness.localkube.kubelet.environment import ConfigError
from harness.localkube.kubelet.models import ANNOTATION, StandInModel, encode
from harness.localkube.kubelet.volumes import MountError, PodVolumes, VolumeFile, replace_files
from harness.localkube.machinery.client import ApiClient, NotFound
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import CONFIGMAPS, EVENTS, SECRETS, Resource

OnCluster = Callable[..., Any]
SHOP = "registry.example/shop:1.2"

#: A server that answers with the content of the file that is named by the request, or with the error.
SERVER = """\
import http.server, os, pathlib, socketserver, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = pathlib.Path(self.path)
        try:
            body = " ".join(sorted(os.listdir(path))) if path.is_dir() else path.read_text()
        except OSError as error:
            body = error.strerror
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def do_PUT(self):
        try:
            pathlib.Path(self.path).write_text("written")
            self.send_response(201)
        except OSError:
            self.send_response(403)
        self.end_headers()

    def log_message(self, *_):
        pass

# Unlike HTTPServer, it asks for no name of its address, and one silent client does not keep the others waiting.
class Server(socketserver.ThreadingTCPServer):
    daemon_threads, request_queue_size = True, 128

Server((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""


class Objects:
    """An API server with these ConfigMaps and Secrets alone."""

    def __init__(self, **objects: Mapping[str, Any]) -> None:
        self.objects = objects

    async def get(self, resource: Resource, name: str, namespace: str) -> Mapping[str, Any]:
        """Return an object by kind and name."""
        del namespace
        key = f"{resource.kind}_{name}"
        if key not in self.objects:
            raise NotFound(404, "NotFound", f"{key} not found")
        return self.objects[key]


def written(folder: Path, volume: Object, **objects: Mapping[str, Any]) -> dict[str, tuple[str, int]]:
    """Write a volume; return its files with their content and permissions."""
    pod = {
        "metadata": {"name": "shop-1", "namespace": "default", "uid": "1", "labels": {"app": "shop", "tier": 'a"b'}},
        "spec": {"volumes": [{"name": "v", **volume}]},
    }
    asyncio.run(PodVolumes(cast("ApiClient", Objects(**objects)), folder, pod).write("127.9.1.2"))
    files = [each for each in (folder / "v").rglob("*") if each.is_file() and not each.is_symlink()]
    shown = [each.relative_to(folder / "v") for each in files]
    return {
        str(Path(*each.parts[1:])): (file.read_text(), file.stat().st_mode & 0o777)
        for each, file in zip(shown, files, strict=True)
    }


SETTINGS = {"data": {"a": "1", "b": "2"}, "binaryData": {"c": base64.b64encode(b"3").decode()}}
TOKEN = {"data": {"token": base64.b64encode(b"secret").decode()}}


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        ({"emptyDir": {}}, {}),
        ({"configMap": {"name": "s"}}, {"a": ("1", 0o644), "b": ("2", 0o644), "c": ("3", 0o644)}),
        (
            {"configMap": {"name": "s", "defaultMode": 0o400, "items": [{"key": "a", "path": "x/y"}]}},
            {"x/y": ("1", 0o400)},
        ),
        (
            {"secret": {"secretName": "t", "items": [{"key": "token", "path": "t", "mode": 0o600}]}},
            {"t": ("secret", 0o600)},
        ),
        ({"configMap": {"name": "none", "optional": True}}, {}),
        ({"configMap": {"name": "s", "optional": True, "items": [{"key": "z", "path": "z"}]}}, {}),
        (
            {
                "downwardAPI": {
                    "items": [
                        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
                        {"path": "ip", "fieldRef": {"fieldPath": "status.podIP"}},
                    ]
                }
            },
            {"labels": ('app="shop"\ntier="a\\"b"', 0o644), "ip": ("127.9.1.2", 0o644)},
        ),
        (
            {
                "projected": {
                    "defaultMode": 0o440,
                    "sources": [
                        {"configMap": {"name": "s", "items": [{"key": "a", "path": "a"}]}},
                        {"secret": {"name": "t"}},
                    ],
                }
            },
            {"a": ("1", 0o440), "token": ("secret", 0o440)},
        ),
    ],
)
def test_a_volume_has_the_files_of_its_source(tmp_path: Path, volume: Object, expected: dict[str, Any]) -> None:
    """Names, permissions and optional parts are those that a kubelet gives it."""
    assert written(tmp_path, volume, ConfigMap_s=SETTINGS, Secret_t=TOKEN) == expected


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        ({"configMap": {"name": "none"}}, 'volume "v" : configmap "none" not found'),
        ({"secret": {"secretName": "none"}}, 'volume "v" : secret "none" not found'),
        ({"configMap": {"name": "s", "items": [{"key": "z", "path": "z"}]}}, "references non-existent config key: z"),
        ({"configMap": {"name": "s", "items": [{"key": "a", "path": "../../a"}]}}, "invalid path '../../a'"),
        ({"persistentVolumeClaim": {"claimName": "c"}}, "mounts no volume of this kind"),
        ({"downwardAPI": {"items": [{"path": "a", "fieldRef": {"fieldPath": "spec.x"}}]}}, "spec.x is not supported"),
    ],
)
def test_a_volume_that_cannot_be_mounted_says_why(tmp_path: Path, volume: Object, message: str) -> None:
    """The pod waits, and an event has the reason."""
    with pytest.raises(MountError, match=message):
        written(tmp_path, volume, ConfigMap_s=SETTINGS)

    assert not (tmp_path.parent / "a").exists()


def test_an_update_replaces_all_files_in_one_step(tmp_path: Path) -> None:
    """A file that is open keeps its content; one that was removed is gone, and nothing is left of the old version."""
    replace_files(tmp_path, {"a": VolumeFile(b"1", 0o644), "gone": VolumeFile(b"1", 0o644)})
    before = (tmp_path / "..data").readlink()
    with (tmp_path / "a").open() as opened:
        assert replace_files(tmp_path, {"a": VolumeFile(b"2", 0o644), "new/b": VolumeFile(b"3", 0o644)})

        assert opened.read() == "1"

    assert (tmp_path / "..data").readlink() != before
    assert (tmp_path / "a").readlink() == Path("..data/a")
    assert ((tmp_path / "a").read_text(), (tmp_path / "new" / "b").read_text()) == ("2", "3")
    assert sorted(each.name for each in tmp_path.iterdir() if not each.name.startswith("..")) == ["a", "new"]
    assert len(list(tmp_path.iterdir())) == 4


def test_files_without_a_change_stay(tmp_path: Path) -> None:
    """A program that watches them sees nothing."""
    payload = {"a": VolumeFile(b"1", 0o644)}
    replace_files(tmp_path, payload)
    before = (tmp_path / "..data").readlink()

    assert not replace_files(tmp_path, payload)
    assert (tmp_path / "..data").readlink() == before
    assert replace_files(tmp_path, {"a": VolumeFile(b"1", 0o600)})


@pytest.mark.parametrize(
    ("mount", "message"),
    [({"name": "w"}, 'volume "w" not found'), ({"name": "v", "subPath": "../x"}, "leaves the volume")],
)
def test_an_impossible_mount_is_an_error(tmp_path: Path, mount: Object, message: str) -> None:
    """A path outside of the volume would be one of the machine."""
    pod = {"metadata": {"namespace": "default"}, "spec": {"volumes": [{"name": "v", "emptyDir": {}}]}}
    volumes = PodVolumes(cast("ApiClient", Objects()), tmp_path, pod)

    with pytest.raises(ConfigError, match=message):
        volumes.mounts({"volumeMounts": [{"mountPath": "/v", **mount}]}, {})


def refused(volume: Object, *, command: bool = True) -> bool:
    """Return True if the cluster refuses a pod with this volume."""
    annotations = {ANNOTATION: encode({"*": StandInModel(command="abc" if command else "")})}
    spec = {"containers": [{"name": "shop", "image": SHOP}], "volumes": [{"name": "v", **volume}]}
    made = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop"},
        "spec": {
            "selector": {"matchLabels": {"app": "shop"}},
            "template": {"metadata": {"labels": {"app": "shop"}, "annotations": annotations}, "spec": spec},
        },
    }
    return any(each.found in REFUSED for each in CLASSIFIER.classify(made, "ingress-nginx", [made]))


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        ({"emptyDir": {}}, False),
        ({"emptyDir": {"sizeLimit": "1Mi"}}, True),
        ({"configMap": {"name": "s"}}, False),
        ({"persistentVolumeClaim": {"claimName": "c"}}, True),
        ({"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}, True),
        ({"downwardAPI": {"items": [{"path": "a", "resourceFieldRef": {"resource": "limits.cpu"}}]}}, True),
    ],
)
def test_a_command_gets_the_volumes_that_can_be_mounted(
    monkeypatch: pytest.MonkeyPatch, volume: Object, expected: bool
) -> None:
    """A stand-in reads no files, so that it accepts all of them."""
    monkeypatch.setattr(mounts, "why_not", lambda: "")

    assert refused(volume) is expected
    assert not refused(volume, command=False) or "resourceFieldRef" in str(volume)


def test_without_namespaces_a_command_gets_no_volume(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the kernel decides if mounts are possible, and without its files a program may behave differently."""
    monkeypatch.setattr(mounts, "why_not", lambda: "unshare: Operation not permitted")

    assert refused({"configMap": {"name": "s"}})
    assert not refused({"configMap": {"name": "s"}}, command=False)


@pytest.mark.processes
def test_a_command_reads_its_volumes(on_cluster: OnCluster, tmp_path: Path) -> None:
    """An update reaches the folder and not the single file; what is read-only stays so, and the machine as it is."""
    if mounts.why_not():
        pytest.skip(mounts.why_not())
    (tmp_path / "server.py").write_text(SERVER)
    command = LocalCommand(str(tmp_path), (sys.executable, "server.py", "$POD_IP", "$PORT"))
    annotations = {ANNOTATION: encode({"*": StandInModel(command=command.id)})}
    container = {
        "image": SHOP,
        "ports": [{"containerPort": 5678}],
        "volumeMounts": [
            {"name": "settings", "mountPath": "/etc/no-such-shop/conf.d"},
            {"name": "settings", "mountPath": "/etc/no-such-shop/only", "subPath": "color"},
            {"name": "token", "mountPath": "/run/no-such-shop"},
            {"name": "scratch", "mountPath": "/no-such-scratch"},
        ],
        "lifecycle": {
            "postStart": {"exec": {"command": ["sh", "-c", "cat /run/no-such-shop/token > /no-such-scratch/t"]}}
        },
        "readinessProbe": {"exec": {"command": ["cat", "/no-such-scratch/t"]}, "periodSeconds": 1},
    }
    volumes = [
        {"name": "settings", "configMap": {"name": "s"}},
        {"name": "token", "secret": {"secretName": "t"}},
        {"name": "scratch", "emptyDir": {}},
    ]

    async def scenario(cluster: Any) -> list[Any]:
        client: ApiClient = cluster.client
        settings: Object = {"metadata": {"name": "s"}, "data": {"color": "red"}}
        await client.create(SECRETS, {"metadata": {"name": "t"}, **TOKEN}, "default")
        await cluster.deploy(container=container, pod={"volumes": volumes}, annotations=annotations)
        await cluster.until(EVENTS, lambda events: [e for e in events if 'configmap "s" not found' in e["message"]])
        await client.create(CONFIGMAPS, settings, "default")
        pod = await cluster.ready_pod()
        # The probe finds a file, which says nothing about the listener.
        await cluster.until_port("connected", pod, 5678)
        paths = ("/etc/no-such-shop/conf.d/color", "/etc/no-such-shop/only", "/no-such-scratch/t", "/etc/no-such-shop")
        found: list[Any] = [await cluster.ask(pod, path) for path in paths]
        found += [await cluster.put(pod, path) for path in ("/etc/no-such-shop/conf.d/new", "/no-such-scratch/new")]
        await client.patch(CONFIGMAPS, "s", "default", {"data": {"color": "blue"}})
        await cluster.until_answer("blue", pod, paths[0])
        return [*found, await cluster.ask(pod, paths[1])]

    found = on_cluster(scenario, commands=(command,))

    assert found == ["red", "red", "secret", "conf.d only", 403, 201, "red"]
    assert not Path("/no-such-scratch").exists()
    assert not Path("/etc/no-such-shop").exists()
    assert json.dumps(list(tmp_path.glob("volumes/*"))) == "[]"


@pytest.mark.processes
def test_this_machine_says_whether_it_has_namespaces() -> None:
    """The reason is that of the kernel, and never empty for a machine that cannot."""
    first = mounts.why_not()

    assert first == mounts.why_not()
    assert first == "" or first.strip()
