"""An Experiment is worked out from manifests, and can be loaded as it is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from harness.cli.main import app
from harness.errors import InvalidInputError
from harness.experiment.load import load_experiment
from harness.intake.compose import compose
from harness.intake.proposal import MOST_DEPLOYMENTS, concrete, propose
from harness.intake.sources import read_source
from harness.kube.dumps import clean
from harness.runner.rules import rules_of


def deployment(name: str, *, replicas: int = 1, **container: Any) -> dict[str, Any]:
    """Return a Deployment with one container."""
    labels = {"app": name}
    one = {"name": name, "image": f"registry.example/{name}:1", "ports": [{"containerPort": 8080}], **container}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [one]}},
        },
    }


def with_sidecar(made: dict[str, Any]) -> dict[str, Any]:
    """Add a container that declares no port."""
    made["spec"]["template"]["spec"]["containers"].append({"name": "agent", "image": "registry.example/agent:1"})
    return made


def service(name: str) -> dict[str, Any]:
    """Return the Service of a Deployment."""
    spec = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def ingress(*rules: tuple[str, str, str], **spec: Any) -> dict[str, Any]:
    """Return an Ingress of (host, path, Service)."""
    made = [
        {
            **({"host": host} if host else {}),
            "http": {
                "paths": [
                    {"path": path, "pathType": "Prefix", "backend": {"service": {"name": to, "port": {"number": 80}}}}
                ]
            },
        }
        for host, path, to in rules
    ]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web"},
        "spec": {"rules": made, **spec},
    }


def test_routes_and_deployments_of_a_chart_are_found(chart: Path) -> None:
    """The hook is missing, the probe is there."""
    proposal = propose(clean(read_source(str(chart)).objects)[0])

    assert [(route.path, route.host, route.service) for route in proposal.routes] == [("/", "shop.example.com", "shop")]
    assert (proposal.ingress, proposal.deployments, proposal.replicated) == ("ingress-nginx", ("shop",), ("shop",))
    containers = proposal.remedies[0]["spec"]["template"]["spec"]["containers"]
    assert containers == [{"name": "shop", "lifecycle": {"preStop": {"sleep": {"seconds": 6}}}}]


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/", "/"), ("/api", "/api"), ("/api(/|$)(.*)", "/api"), ("/(.*)", "/"), ("/v[12]/x", "/v"), ("", "/")],
)
def test_a_pattern_becomes_a_path_that_it_takes(path: str, expected: str) -> None:
    """Requests need paths, rules may have regular expressions."""
    assert concrete(path) == expected


def test_a_wildcard_host_becomes_a_host() -> None:
    """Any one label stands for the asterisk."""
    objects = [deployment("shop"), service("shop"), ingress(("*.shop.example", "/", "shop"))]

    assert propose(objects).routes[0].host == "www.shop.example"


def test_without_an_ingress_traffic_goes_to_a_service() -> None:
    """The first one that has pods."""
    proposal = propose([service("cache"), deployment("shop"), service("shop")])

    assert (proposal.ingress, proposal.entry) == ("none", "shop")


def test_the_class_of_the_ingress_gives_the_controller() -> None:
    """A workload for Traefik is tried behind Traefik; the option wins."""
    objects = [deployment("shop"), service("shop"), ingress(("", "/", "shop"), ingressClassName="traefik")]

    assert propose(objects).ingress == "traefik"
    assert propose(objects, "ingress-nginx").ingress == "ingress-nginx"


def a_set(kind: str, name: str) -> dict[str, Any]:
    """Return a StatefulSet or a DaemonSet with one container."""
    made = {**deployment(name), "kind": kind}
    if kind == "DaemonSet":
        del made["spec"]["replicas"]
    return made


def test_sets_are_changed_where_no_deployment_stands_behind_a_route(tmp_path: Path) -> None:
    """The file says on which clusters it runs; the embedded one refuses the change at its line."""
    objects = [a_set("StatefulSet", "db"), service("db"), a_set("DaemonSet", "agent"), service("agent")]
    objects.append(ingress(("", "/db", "db"), ("", "/agent", "agent")))
    (tmp_path / "apps.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))

    text = compose(propose(objects), name="sets", workload="apps.json", command="harness init")
    path = tmp_path / "experiment.yaml"
    path.write_text(text, encoding="utf-8")

    assert yaml.safe_load(text)["changes"] == [
        "none",
        {"restart": {"name": "restart-db", "statefulset": "db"}},
        {"restart": {"name": "restart-agent", "daemonset": "agent"}},
    ]
    assert "# Run it with --cluster kind or --cluster context" in text
    assert len(load_experiment(path, rules=rules_of("kind", {})).cells) == 3
    with pytest.raises(InvalidInputError, match=r"runs no pods for it \(use --cluster kind, or --cluster context\)"):
        load_experiment(path, rules=rules_of("local", {}))


def test_a_set_next_to_a_deployment_is_named_with_its_change() -> None:
    """The Experiment runs at once on the embedded cluster, so it has the Deployment alone."""
    objects = [deployment("shop"), service("shop"), a_set("StatefulSet", "db"), service("db")]
    proposal = propose([*objects, ingress(("", "/shop", "shop"), ("", "/db", "db"))])

    assert (proposal.deployments, proposal.sets) == (("shop",), ())
    assert proposal.left == (
        "Service db of statefulset db: with --cluster kind, add its path and the change restart: {statefulset: db}",
    )


def test_the_old_annotation_names_the_class_before_the_field_does() -> None:
    """Controllers read both in this order, so that the other one never serves the Ingress."""
    both = ingress(("", "/", "shop"), ingressClassName="nginx")
    both["metadata"]["annotations"] = {"kubernetes.io/ingress.class": "traefik"}

    assert propose([deployment("shop"), service("shop"), both]).ingress == "traefik"


def test_more_deployments_than_a_first_run_changes_are_named() -> None:
    """They are a comment of the file."""
    names = [f"shop-{number}" for number in range(MOST_DEPLOYMENTS + 2)]
    objects = [each for name in names for each in (deployment(name), service(name))]
    objects.append(ingress(*((f"{name}.example", "/", name) for name in names)))

    proposal = propose(objects)

    assert proposal.deployments == tuple(names[:MOST_DEPLOYMENTS])
    assert proposal.left == tuple(f"Deployment {name}" for name in names[MOST_DEPLOYMENTS:])


@pytest.mark.parametrize(
    "words",
    [
        ["init", "shops.yaml"],
        ["check", "shops.yaml", "--only", "change=nothing"],
        ["compare", "shops.yaml", "shops.yaml", "--only", "change=nothing"],
    ],
)
def test_what_is_not_used_is_named_before_anything_runs(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lossless result would otherwise seem to be about every Deployment."""
    monkeypatch.chdir(tmp_path)
    names = [f"shop-{number}" for number in range(MOST_DEPLOYMENTS + 1)]
    objects = [each for name in names for each in (deployment(name), service(name))]
    objects.append(ingress(*((f"{name}.example", "/", name) for name in names)))
    Path("shops.yaml").write_text(yaml.safe_dump_all(objects))

    done = CliRunner().invoke(app, words)

    assert f"not used by the Experiment, so its losses are not seen: Deployment {names[-1]}" in done.output


@pytest.mark.parametrize(
    ("objects", "message", "hint"),
    [
        ([deployment("shop")], "nothing in these manifests gets requests", "add the Service"),
        ([service("shop")], "nothing in these manifests gets requests", "compare the selector"),
        (
            [service("shop"), {"kind": "StatefulSet", "metadata": {"name": "db"}}],
            "nothing in these manifests gets requests",
            "these manifests have StatefulSet db",
        ),
        ([service("shop"), ingress(("", "/", "shop"))], "no Deployment stands behind the Service shop", "compare"),
    ],
)
def test_manifests_that_get_no_requests_are_refused(objects: list[Any], message: str, hint: str) -> None:
    """The hint names what is missing."""
    with pytest.raises(InvalidInputError) as caught:
        propose(objects)

    assert message in str(caught.value.detail)
    assert hint in str(caught.value.detail)


WORKLOADS: dict[str, list[dict[str, Any]]] = {
    "ingress": [deployment("shop", replicas=2), service("shop"), ingress(("shop.example", "/", "shop"))],
    "no ingress": [deployment("shop"), service("shop")],
    "several": [
        *(each for name in ("a", "b", "c", "d") for each in (deployment(name), service(name))),
        ingress(*(("", f"/{name}", name) for name in ("a", "b", "c", "d"))),
    ],
    "graceful": [
        deployment(
            "shop",
            lifecycle={"preStop": {"sleep": {"seconds": 8}}},
            readinessProbe={"httpGet": {"port": 8080}},
        ),
        service("shop"),
        ingress(("", "/", "shop")),
    ],
    "sidecar without port": [with_sidecar(deployment("shop")), service("shop"), ingress(("", "/", "shop"))],
}


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_written_file_is_a_valid_experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """For the embedded cluster too, and every setting is accepted as it is written."""
    monkeypatch.chdir(tmp_path)
    Path("shop.yaml").write_text(yaml.safe_dump_all(WORKLOADS[name]))

    done = CliRunner().invoke(app, ["init", "shop.yaml"])

    assert done.exit_code == 0, done.output
    assert "harness run shop.experiment.yaml" in done.output
    loaded = load_experiment(Path("shop.experiment.yaml"), rules=rules_of("local", {}))
    assert {cell.change.kind for cell in loaded.cells} >= {"none", "restart"}
    assert not Path("shop.workload.yaml").exists()


def dumped(manifest: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """Return an object as a cluster returns it."""
    server = {"uid": "8e0f", "resourceVersion": "7", "creationTimestamp": "2026-01-01T00:00:00Z", **metadata}
    return {**manifest, "metadata": {**manifest["metadata"], **server}, "status": {"replicas": 1}}


def test_an_experiment_names_a_dump_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading it leaves out server fields and what the embedded cluster does without, each with a notice."""
    monkeypatch.chdir(tmp_path)
    monitor = {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": {"name": "shop"}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "shop-7d-x"}, "spec": {"containers": []}}
    owned = dumped(pod, ownerReferences=[{"kind": "ReplicaSet", "name": "shop-7d"}])
    items = [*map(dumped, WORKLOADS["ingress"]), owned, monitor]
    Path("dump.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent="\t"))

    done = CliRunner().invoke(app, ["init", "dump.json", "-o", "tried/shop.yaml"])

    assert done.exit_code == 0, done.output
    assert "notice: Pod shop-7d-x is left out: ReplicaSet shop-7d makes it" in done.output
    assert not Path("tried/shop.workload.yaml").exists()
    loaded = load_experiment(Path("tried/shop.yaml"), rules=rules_of("local", {}))
    assert list(loaded.cells[0].configuration.manifests) == WORKLOADS["ingress"]
    assert [notice.partition(": ")[2].partition(":")[0] for notice in loaded.notices[:2]] == [
        "Pod shop-7d-x is left out",
        "ServiceMonitor shop is left out",
    ]
    assert "left out of 3 objects read from a cluster" in loaded.notices[2]


def test_standard_input_is_written_next_to_the_experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file has it. Server fields are removed."""
    monkeypatch.chdir(tmp_path)
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [*map(dumped, WORKLOADS["ingress"])]})

    done = CliRunner().invoke(app, ["init", "-", "-o", "tried/shop.yaml"], input=text)

    assert done.exit_code == 0, done.output
    assert list(yaml.safe_load_all(Path("tried/shop.workload.yaml").read_text())) == WORKLOADS["ingress"]
    load_experiment(Path("tried/shop.yaml"), rules=rules_of("local", {}))


def test_files_are_not_replaced_without_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody may have edited them."""
    monkeypatch.chdir(tmp_path)
    Path("shop.yaml").write_text(yaml.safe_dump_all(WORKLOADS["ingress"]))
    Path("shop.experiment.yaml").write_text("mine")

    refused = CliRunner().invoke(app, ["init", "shop.yaml"])

    assert isinstance(refused.exception, InvalidInputError)
    assert Path("shop.experiment.yaml").read_text() == "mine"
    assert CliRunner().invoke(app, ["init", "shop.yaml", "--force"]).exit_code == 0
    assert Path("shop.experiment.yaml").read_text() != "mine"


def test_a_host_with_tls_is_asked_over_https(tmp_path: Path) -> None:
    """HTTP is redirected there, which is no loss; Traefik serves HTTP as before."""
    tls = [{"hosts": ["shop.example"], "secretName": "shop-tls"}]
    plain = [deployment("web"), service("web"), ingress(("shop.example", "/", "web"))]
    secure = [deployment("web"), service("web"), ingress(("shop.example", "/", "web"), tls=tls)]

    assert propose(secure).tls
    assert not propose(plain).tls
    assert not propose(secure, "traefik").tls
    for proposal, written in ((propose(secure), {"verify": False}), (propose(plain), None)):
        text = compose(proposal, name="shop", workload=str(tmp_path), command="harness init")
        assert yaml.safe_load(text)["traffic"].get("tls") == written
