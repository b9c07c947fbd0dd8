"""An existing cluster is checked before anything is created. Only its context is used, and its entry is found."""

from __future__ import annotations

import stat
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.clusters.context import entry as entries
from harness.clusters.context import provider
from harness.clusters.context.access import check_access, rights_of_run
from harness.clusters.context.entry import entry_of_ingress, parse_entry
from harness.clusters.context.kubeconfig import find_context
from harness.errors import HarnessError, InvalidInputError, WaitTimeoutError
from harness.kube.api import Object
from harness.kube.errors import NotFoundError
from harness.testing.fake_api import FakeKube


def kubeconfig(path: Path, *names: str) -> Path:
    """Return a kubeconfig with a context of each name, the first one current."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "current-context": names[0],
        "contexts": [{"name": n, "context": {"cluster": f"c-{n}", "user": f"u-{n}"}} for n in names],
        "clusters": [
            {"name": f"c-{n}", "cluster": {"server": f"https://{n}", "certificate-authority": "ca.pem"}} for n in names
        ],
        "users": [{"name": f"u-{n}", "user": {"token": f"secret-{n}"}} for n in names],
    }
    path.write_text(yaml.safe_dump(content))
    return path


class Reviewing(FakeKube):
    """An API server that allows everything except some verbs."""

    def __init__(self, *refused: tuple[str, str]) -> None:
        super().__init__()
        self.refused = refused
        self.asked: list[tuple[str, str]] = []

    def create(self, manifest: Mapping[str, Any], namespace: str) -> Object:
        """Answer an access review."""
        asked = manifest["spec"]["resourceAttributes"]
        resource = "/".join(filter(None, (asked["resource"], asked["subresource"])))
        self.asked.append((asked["verb"], resource))
        return {"status": {"allowed": (asked["verb"], resource) not in self.refused}}


def test_one_context_alone_is_used(tmp_path: Path) -> None:
    """The extracted kubeconfig has nothing of another context, and its file paths are absolute."""
    path = kubeconfig(tmp_path / "config", "prod", "staging")
    target = find_context("staging", str(path))
    target.write(tmp_path / "own")
    written = (tmp_path / "own").read_text()

    assert (target.server, target.cluster) == ("https://staging", "c-staging")
    assert "prod" not in written
    assert yaml.safe_load(written)["current-context"] == "staging"
    assert yaml.safe_load(written)["clusters"][0]["cluster"]["certificate-authority"] == str(tmp_path / "ca.pem")
    assert stat.S_IMODE((tmp_path / "own").stat().st_mode) == 0o600


def test_files_of_the_environment_are_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """$KUBECONFIG may name several files. The first of two entries with the same name counts."""
    one, other = kubeconfig(tmp_path / "1", "a"), kubeconfig(tmp_path / "other" / "2", "a", "b")
    monkeypatch.setenv("KUBECONFIG", f"{one}:{other}")

    assert find_context("b").content["clusters"][0]["cluster"]["certificate-authority"] == str(other.parent / "ca.pem")
    assert find_context("a").content["clusters"][0]["cluster"]["certificate-authority"] == str(one.parent / "ca.pem")


@pytest.mark.parametrize(("context", "message"), [("", "needs --context"), ("nowhere", "no context 'nowhere'")])
def test_context_is_never_guessed(tmp_path: Path, context: str, message: str) -> None:
    """Neither the current nor the only context is used. The existing ones are named."""
    path = kubeconfig(tmp_path / "config", "prod")

    with pytest.raises(InvalidInputError, match=message) as caught:
        find_context(context, str(path))
    assert "existing contexts: prod" in str(caught.value)


@pytest.mark.parametrize("content", ["{", "- a list", None])
def test_file_that_is_no_kubeconfig(tmp_path: Path, content: str | None) -> None:
    """An unreadable, a different and a missing file are named with their path."""
    path = tmp_path / "config"
    if content is not None:
        path.write_text(content)

    with pytest.raises(InvalidInputError, match="config"):
        find_context("a", str(path))


NEEDED = rights_of_run(["restart", "canary"], "traefik")


def test_a_run_asks_only_for_what_its_changes_need() -> None:
    """A canary needs other rights behind another controller, and a control needs none of its own."""

    def asked(kinds: list[str], controller: str) -> set[tuple[str, str]]:
        rights = rights_of_run(kinds, controller)
        return {(verb, right.resource) for right in rights for verb in right.verbs}

    base = asked(["none"], "ingress-nginx")
    canary = asked(["canary"], "ingress-nginx") - base
    assert canary == {("patch", "deployments"), ("patch", "ingresses"), ("delete", "ingresses")}
    assert ("create", "traefikservices") in asked(["canary"], "traefik")
    assert asked(["restart"], "traefik") - base == {("patch", "deployments")}


def test_everything_needed_is_asked_for() -> None:
    """There is a review for each verb on each resource."""
    kube = Reviewing()
    check_access(kube, "staging", NEEDED)

    assert set(kube.asked) == {(verb, right.resource) for right in NEEDED for verb in right.verbs}


def test_all_missing_rights_are_listed() -> None:
    """One error names each verb and resource, and its purpose."""
    with pytest.raises(InvalidInputError) as caught:
        check_access(Reviewing(("create", "namespaces"), ("get", "pods/log")), "staging", NEEDED)

    assert "create namespaces" in str(caught.value)
    assert "get pods/log" in str(caught.value)
    assert len(caught.value.problems) == 3


def test_a_server_without_access_reviews_is_accepted() -> None:
    """The local cluster has no access reviews."""
    kube = FakeKube()
    kube.refusals["create"] = NotFoundError("find kind SelfSubjectAccessReview", 404, "NotFound", "not served")

    check_access(kube, "local", NEEDED)


@pytest.mark.parametrize(
    ("url", "address", "port"),
    [
        ("http://127.0.0.1", "127.0.0.1", 80),
        ("http://127.0.0.1:8080/", "127.0.0.1", 8080),
        ("https://127.0.0.2", "127.0.0.2", 443),
    ],
)
def test_entry_is_an_address(url: str, address: str, port: int) -> None:
    """An entry has host and port, with the scheme's default port if none is given."""
    found = parse_entry(url)

    assert (found.address, found.port) == (address, port)


@pytest.mark.parametrize(
    "url",
    [
        *("", "127.0.0.1:80", "http://", "http://127.0.0.1/apple", "http://127.0.0.1:http", "ftp://127.0.0.1"),
        *("ftp://127.0.0.1:21", "http://127.0.0.1:0", "http://127.0.0.1:65536", "http://a:b@127.0.0.1"),
    ],
)
def test_an_invalid_entry_is_refused(url: str) -> None:
    """A missing host, a port that cannot be, another scheme, a login and a path are refused."""
    with pytest.raises(InvalidInputError, match="expected http"):
        parse_entry(url)


def ingress(*points: Mapping[str, str]) -> Object:
    """Return an Ingress whose controller has written this status."""
    return {
        "kind": "Ingress",
        "metadata": {"name": "fruit"},
        "spec": {},
        "status": {"loadBalancer": {"ingress": list(points)}},
    }


def test_entry_is_read_from_the_ingress() -> None:
    """The entry is known once the controller has written its address."""
    kube = FakeKube()
    kube.put(ingress(), "demo")
    timer = threading.Timer(0.05, kube.put, [ingress({"ip": "127.0.0.9"}), "demo"])
    timer.start()
    found = entry_of_ingress(kube, "demo")
    timer.join()

    assert (found.address, found.port) == ("127.0.0.9", 80)


def test_an_unknown_entry_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """No Ingress, no address, and a host that can't be resolved each have a hint."""
    monkeypatch.setattr(entries, "STATUS_SECONDS", 0.05)
    kube = FakeKube()
    with pytest.raises(HarnessError, match="has no Ingress"):
        entry_of_ingress(kube, "demo")
    kube.put(ingress(), "demo")
    with pytest.raises(WaitTimeoutError, match="--entry-url"):
        entry_of_ingress(kube, "demo")


def test_a_missing_ingress_class_is_refused() -> None:
    """An Experiment for another controller is refused before anything is created."""
    kube = FakeKube()
    kube.put({"kind": "IngressClass", "metadata": {"name": "nginx"}}, "")
    provider._check_classes(kube, "nginx")

    with pytest.raises(InvalidInputError, match="no IngressClass 'traefik'"):
        provider._check_classes(kube, "nginx,traefik")
