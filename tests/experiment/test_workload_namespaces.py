"""The namespace that files name is left out, with a notice: each trial has one of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.clusters.context.rules import check_change
from harness.clusters.shared.scope import check_object
from harness.errors import InvalidInputError, Problem
from harness.experiment.cluster_rules import ClusterRules
from harness.experiment.load import load_experiment
from harness.model.experiment import Experiment
from harness.runner.rules import rules_of
from harness.store.records import from_json, to_json

if TYPE_CHECKING:
    from tests.experiment.experiment_bench import Bench

pytest_plugins = ("experiment_bench",)

SHARED = ClusterRules(object=check_object, change=check_change)
APPLE, SERVICE, FRUIT = (
    "metadata: {name: apple}\nspec:\n  rep",
    "metadata: {name: apple-service}",
    "metadata: {name: fruit}",
)


def in_namespace(text: str, name: str = "shop") -> str:
    """Return the same metadata with a namespace."""
    return text.replace("}", f", namespace: {name}}}", 1)


def declare(bench: Bench, metadata: str) -> None:
    """Put a Namespace before everything else of the workload."""
    path = bench.folder / "apps.yaml"
    path.write_text(f"apiVersion: v1\nkind: Namespace\nmetadata: {metadata}\n---\n{path.read_text()}")


def add(bench: Bench, document: str) -> None:
    """Put an object behind everything else of the workload."""
    path = bench.folder / "apps.yaml"
    path.write_text(f"{path.read_text()}---\n{document}\n")


def notices(bench: Bench) -> list[str]:
    """Return the notices, with ``file`` relative to the folder."""
    return [notice.removeprefix(f"{bench.folder}/") for notice in bench.load().notices]


def refused(bench: Bench, rules: ClusterRules = SHARED) -> list[Problem]:
    """Return the problems under some rules."""
    with pytest.raises(InvalidInputError) as caught:
        load_experiment(bench.path, rules=rules)
    return list(caught.value.problems)


def kinds(experiment: Experiment) -> set[str]:
    """Return the kinds of the workload's objects in all configurations."""
    return {str(m["kind"]) for cell in experiment.cells for m in cell.configuration.manifests}


def test_a_workload_without_a_namespace_has_no_notice(bench: Bench) -> None:
    """Nothing was left out."""
    assert notices(bench) == []


@pytest.mark.parametrize("rules", [ClusterRules(), SHARED], ids=["own cluster", "shared cluster"])
def test_a_namespace_object_is_omitted(bench: Bench, rules: ClusterRules) -> None:
    """On every cluster, with a notice at its place."""
    declare(bench, "{name: shop}")
    loaded = load_experiment(bench.path, rules=rules)

    assert "Namespace" not in kinds(loaded)
    assert [notice.removeprefix(f"{bench.folder}/") for notice in loaded.notices] == [
        "apps.yaml:1: Namespace shop is left out: each trial has a namespace of its own"
    ]


def test_omitted_metadata_of_a_namespace_is_named(bench: Bench) -> None:
    """Labels and annotations may decide what happens to pods, and a trial's namespace does not have them."""
    declare(
        bench,
        "{name: shop, labels: {istio-injection: enabled, kubernetes.io/metadata.name: shop}, annotations: {a: b}}",
    )

    (notice,) = notices(bench)
    assert notice.endswith(", without its labels istio-injection and annotations a")


def test_one_common_namespace_is_omitted(bench: Bench) -> None:
    """Of the objects that name it; the finished objects name none."""
    bench.edit("apps.yaml", SERVICE, in_namespace(SERVICE))
    bench.edit("apps.yaml", FRUIT, in_namespace(FRUIT))
    loaded = bench.load()

    assert notices(bench) == ["metadata.namespace shop is left out of 2 objects: each trial has a namespace of its own"]
    manifests = [m for cell in loaded.cells for m in cell.configuration.manifests]
    assert [m for m in manifests if "namespace" in m["metadata"]] == []


def test_a_namespace_object_and_its_name_are_omitted_together(bench: Bench) -> None:
    """The Namespace, and the name of it in its objects."""
    bench.edit("apps.yaml", SERVICE, in_namespace(SERVICE))
    declare(bench, "{name: shop}")

    assert [notice.split(" is left out")[0] for notice in notices(bench)] == [
        "apps.yaml:1: Namespace shop",
        "metadata.namespace shop",
    ]
    assert "1 object:" in notices(bench)[1]


def test_fields_that_still_name_it_are_listed(bench: Bench) -> None:
    """They lead into that namespace if the cluster has it, so each has a notice with its line."""
    bench.edit("apps.yaml", SERVICE, in_namespace(SERVICE))
    bench.edit("apps.yaml", "args: [-text=apple]", "args: [-text=apple, -db=http://db.shop.svc:80]")
    add(bench, ROLE_BINDING)

    assert [notice for notice in notices(bench) if notice.startswith("apps.yaml:")] == [
        f"{place} still names the namespace shop, which is not the trial's"
        for place in (
            "apps.yaml:14: Deployment apple: spec.template.spec.containers[0].args[1]",
            "apps.yaml:38: RoleBinding reader: subjects[0].namespace",
        )
    ]


ROLE_BINDING = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: apple, namespace: shop}]"""


def test_several_namespaces_are_refused(bench: Bench) -> None:
    """Every object with a namespace is listed with its line."""
    bench.edit("apps.yaml", SERVICE, in_namespace(SERVICE))
    bench.edit("apps.yaml", FRUIT, in_namespace(FRUIT, "web"))
    declare(bench, "{name: shop}")

    assert [(p.line, p.message.split(":")[0]) for p in bench.problems()] == [
        (3, "Namespace shop"),
        (22, "Service apple-service"),
        (29, "Ingress fruit"),
    ]
    assert "in several (shop, web), and a trial has one" in bench.problems()[0].message


SETTINGS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ingress-nginx-controller, namespace: ingress-nginx}"


def test_settings_of_the_ingress_controller_may_be_in_its_namespace(bench: Bench) -> None:
    """Their namespace is none of the workload, and needs no notice."""
    declare(bench, "{name: shop}")
    add(bench, f'{SETTINGS}\ndata: {{keep-alive: "5"}}')

    assert [notice.partition(" ")[2] for notice in notices(bench)] == [
        "Namespace shop is left out: each trial has a namespace of its own"
    ]
    assert "ConfigMap" in kinds(bench.load())


@pytest.mark.parametrize("key", ["use-gzip", "keep_alive"])
def test_a_decisive_key_of_the_controller_is_refused_with_its_line(bench: Bench, key: str) -> None:
    """A misspelt key is refused, too: ingress-nginx would ignore it silently."""
    add(bench, f'{SETTINGS}\ndata:\n  {key}: "true"')

    (problem,) = refused(bench, rules_of("local", {}))

    assert problem.line == 38
    assert f"data.{key}" in problem.message


def test_settings_of_the_ingress_controller_are_never_written_on_a_shared_cluster(bench: Bench) -> None:
    """On kind they are refused, because verdicts would be about other settings; an existing cluster has its own."""
    add(bench, SETTINGS)

    (problem,) = refused(bench, rules_of("kind", {}))
    existing = load_experiment(bench.path, rules=rules_of("context", {}))

    assert "a run on kind does not change those" in problem.message
    assert "ConfigMap" not in kinds(existing)
    assert "the cluster's ingress controller has settings of its own" in existing.notices[0]


def test_a_namespace_alone_is_refused(bench: Bench) -> None:
    """There is nothing that traffic could go to."""
    (bench.folder / "apps.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n")

    assert any("nothing but a Namespace" in problem.message for problem in bench.problems())


def test_every_object_outside_of_namespaces_is_refused_with_its_line(bench: Bench) -> None:
    """On a shared cluster: known kinds and others, with one problem each."""
    add(bench, "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: mine}\nspec: {controller: a/b}")
    add(
        bench,
        "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: high}\nvalue: 1",
    )
    found = refused(bench)

    assert [(Path(p.file).name, p.line, p.message.split(" is cluster")[0]) for p in found] == [
        ("apps.yaml", 35, "IngressClass mine"),
        ("apps.yaml", 40, "PriorityClass high"),
    ]
    assert all("create it before the run" in p.hint for p in found)


def test_an_ingress_class_is_accepted_on_a_cluster_of_its_own(bench: Bench) -> None:
    """The object ends with the cluster."""
    add(bench, "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: mine}\nspec: {controller: a/b}")

    assert "IngressClass" in kinds(bench.load())


def test_a_shared_ingress_controller_is_not_restarted(bench: Bench) -> None:
    """On a shared cluster the change is refused at its line."""
    bench.edit(
        "small.yaml", "  - restart: {deployment: apple}", "  - restart: {deployment: apple}\n  - controller-restart"
    )
    (problem,) = refused(bench)

    assert (problem.line, "others on this cluster use" in problem.message) == (14, True)
    assert "--cluster kind" in problem.hint
    assert len(bench.load().cells) == 6


def test_notices_are_evidence(bench: Bench) -> None:
    """The plan of a run has them; an older plan has none."""
    declare(bench, "{name: shop}")
    loaded = bench.load()
    written = to_json(loaded)

    assert from_json(Experiment, written) == loaded
    del written["notices"]
    assert from_json(Experiment, written).notices == ()
