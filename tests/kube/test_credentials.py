"""Credentials of a kubeconfig reach the API server as with kubectl, and without them nothing is sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.clusters.context.kubeconfig import find_context
from harness.errors import InvalidInputError
from harness.kube.client import Kube
from harness.kube.errors import KubeconfigError

CREDENTIAL = {
    "apiVersion": "client.authentication.k8s.io/v1",
    "kind": "ExecCredential",
    "status": {"token": "of-the-plugin"},
}


class _Recording(ThreadingHTTPServer):
    """A server that answers every request and keeps its target and headers (names in lower case)."""

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.targets: list[str] = []
        self.headers: list[Mapping[str, str]] = []

    @property
    def url(self) -> str:
        """Return its URL."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, _Recording)
        self.server.targets.append(self.path)
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        body = b'{"gitVersion": "v1.34.4", "major": "1", "minor": "34"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Log nothing."""


@pytest.fixture
def server() -> Iterator[_Recording]:
    """Serve until the test ends."""
    with _Recording() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def config(path: Path, server: str, user: Mapping[str, Any], **cluster: Any) -> Path:
    """Write a kubeconfig with one context, ``it``."""
    content = {
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": dict(user)}],
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(content))
    return path


def asked_with(path: Path, tmp_path: Path) -> None:
    """Send one request with the context ``it`` of a kubeconfig, as a run on an existing cluster does."""
    own = tmp_path / "extracted"
    find_context("it", str(path)).write(own)
    with Kube(own) as kube:
        kube.server_version()


def program(path: Path, text: str) -> None:
    """Write a script that can be executed."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("user", "header"),
    [
        ({"token": "abc"}, "Bearer abc"),
        ({"username": "anna", "password": "pear"}, "Basic YW5uYTpwZWFy"),
        ({"tokenFile": "token"}, "Bearer from-file"),
    ],
)
def test_credentials_are_sent(server: _Recording, tmp_path: Path, user: Mapping[str, Any], header: str) -> None:
    """A token, a password, and a file next to the kubeconfig that ends with a newline."""
    path = config(tmp_path / "kube" / "config", server.url, user)
    (path.parent / "token").write_text("from-file\n")
    asked_with(path, tmp_path)

    assert server.headers[0]["authorization"] == header


@pytest.mark.processes
def test_a_plugin_next_to_its_kubeconfig_gives_the_token(
    server: _Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its command is relative to the kubeconfig, and it runs in the folder of the user."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    (here / "credential.json").write_text(json.dumps(CREDENTIAL))
    path = tmp_path / "kube" / "config"
    program(tmp_path / "kube" / "bin", 'cat "$1"')
    plugin = {"apiVersion": CREDENTIAL["apiVersion"], "command": "./bin", "args": ["credential.json"]}
    asked_with(config(path, server.url, {"exec": plugin}), tmp_path)

    assert server.headers[0]["authorization"] == "Bearer of-the-plugin"


@pytest.mark.processes
@pytest.mark.parametrize("text", ["exit 3", "echo no JSON", "echo '{}'", ""])
def test_nothing_is_sent_without_the_credentials_of_a_plugin(server: _Recording, tmp_path: Path, text: str) -> None:
    """The official client logs the fault and continues; the harness does not."""
    program(tmp_path / "kube" / "plugin", text)
    plugin = {"apiVersion": CREDENTIAL["apiVersion"], "command": "./plugin"}
    path = config(tmp_path / "kube" / "config", server.url, {"exec": plugin, "client-certificate-data": "eA=="})

    with pytest.raises(KubeconfigError, match="credential plugin failed"):
        asked_with(path, tmp_path)
    assert not server.targets


@pytest.mark.parametrize(
    ("user", "message"),
    [
        ({"auth-provider": {"name": "azure", "config": {}}}, "no credentials were read from auth-provider"),
        ({"auth-provider": {"name": "gcp", "config": {"expiry": "2020-01-01T00:00:00Z"}}}, "Can't use"),
        ({"username": "anna"}, "no credentials were read from username"),
        ({"token": "a", "as": "b", "as-groups": ["x", "y"]}, "as-groups"),
        ({"token": "a", "as": "b", "as-user-extra": {"reason": ["x"]}}, "as-user-extra"),
    ],
)
def test_nothing_is_sent_with_credentials_that_are_not_understood(
    server: _Recording, tmp_path: Path, user: Mapping[str, Any], message: str
) -> None:
    """A way to log in that is not supported is an error and not an anonymous request."""
    with pytest.raises(KubeconfigError, match=message):
        asked_with(config(tmp_path / "kube" / "config", server.url, user), tmp_path)
    assert not server.targets


def test_another_user_is_impersonated(server: _Recording, tmp_path: Path) -> None:
    """Without these headers the run would have the rights of the user who asks."""
    user = {"token": "abc", "as": "viewer", "as-uid": "7", "as-groups": ["readers"]}
    asked_with(config(tmp_path / "config", server.url, user), tmp_path)

    sent = server.headers[0]
    assert (sent["impersonate-user"], sent["impersonate-uid"], sent["impersonate-group"]) == ("viewer", "7", "readers")


def test_a_proxy_of_the_kubeconfig_is_used(server: _Recording, tmp_path: Path) -> None:
    """The request for a server behind it goes to the proxy."""
    asked_with(config(tmp_path / "config", "http://cluster.example", {}, **{"proxy-url": server.url}), tmp_path)

    assert server.targets == ["http://cluster.example/version"]


def test_a_proxy_of_the_environment_is_not_used_for_this_machine(
    server: _Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A local cluster has a loopback address, which kubectl never asks a proxy for."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    asked_with(config(tmp_path / "config", server.url, {}), tmp_path)

    assert server.targets == ["/version"]


def test_files_that_do_not_exist_are_skipped_in_a_list(
    server: _Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list of which no file exists is an error that names them."""
    path = config(tmp_path / "config", server.url, {})
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/missing:{path}")
    assert find_context("it").server == server.url

    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/missing:{tmp_path}/too")
    with pytest.raises(InvalidInputError, match=r"no file of .KUBECONFIG exists"):
        find_context("it")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"clusters": []}, "names cluster 'c', which no kubeconfig defines"),
        ({"users": []}, "names user 'u', which no kubeconfig defines"),
        ({"contexts": [{"name": "it", "context": {"user": "u"}}]}, "names cluster '', which no kubeconfig defines"),
        ({"clusters": [{"name": "c", "cluster": {}}]}, "cluster 'c' has no server"),
    ],
)
def test_a_context_with_missing_parts_is_an_error(tmp_path: Path, changed: Mapping[str, Any], message: str) -> None:
    """The part is named before anything is asked or sent."""
    path = config(tmp_path / "config", "http://127.0.0.1:9", {})
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | dict(changed)))

    with pytest.raises(InvalidInputError, match=message):
        find_context("it", str(path))
