"""Every problem has a code, and every code has a problem that a user can have."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.clusters.context.rules import check_change
from harness.clusters.local.images import check_image
from harness.clusters.shared.scope import check_object
from harness.errors import InvalidInputError, Problem
from harness.experiment.cluster_rules import ClusterRules
from harness.experiment.load import load_experiment
from harness.localkube.fields import CLASSIFIER
from harness.localkube.kubelet.images import has_stand_in
from harness.problem_codes import ProblemCode

if TYPE_CHECKING:
    from tests.experiment.experiment_bench import Bench

pytest_plugins = ("experiment_bench",)

ROOT = Path(__file__).parents[2]
#: The rules of all kinds of clusters together.
RULES = ClusterRules(check_image, check_object, check_change, CLASSIFIER.classify, has_stand_in=has_stand_in)
RESTART = "restart: {deployment: apple}"
POOL = "pool: {size: 10}"
HOOK = "lifecycle: {preStop: {sleep: {seconds: 6}}}"
PATCH = "{patch: patch.yaml}"
UPDATE = "rolling-update: {deployment: apple, set: {args: [-text=new]}, answer: new}"
STRAIGHT = "name: small\ningress: none\nentry: {service: apple-service}"
PLAIN = "{path: /apple, answers: apple}"
SPLIT = (
    "canary: {ingress: fruit, path: /apple, service: apple-service, canary: CANARY, route: /apple, answer: new, "
    "steps: [10%]}"
)
GREEN = "blue-green: {service: apple-service, selector: {version: v2}, public: /apple, answer: new, retire: apple-2}"
SECOND = (
    "{kind: Deployment, apiVersion: apps/v1, metadata: {name: apple-2}, spec: {selector: {matchLabels: {app: apple, "
    "version: v2}}, template: {metadata: {labels: {app: apple, version: v2}}, spec: {containers: [{name: web, "
    'image: "hashicorp/http-echo:1.0", args: [-text=new]}]}}}}'
)
PEAR = "{kind: Service, apiVersion: v1, metadata: {name: pear}, spec: {selector: {app: pear}, ports: [{port: 5678}]}}"
ROUTE = "{kind: IngressRoute, apiVersion: traefik.io/v1alpha1, metadata: {name: r}, spec: {routes: []}}"
ROLE = "{kind: ClusterRole, apiVersion: rbac.authorization.k8s.io/v1, metadata: {name: r}, rules: []}"

#: An example of each code: (file, text in it, its replacement, the code).
EXAMPLES = [
    ("small.yaml", "workload: apps.yaml", "workload: app.yaml", ProblemCode.NO_SUCH_FILE),
    ("small.yaml", POOL, "tls: {ca: small.yaml}", ProblemCode.UNREADABLE_FILE),
    ("small.yaml", "name: small", "name: [small", ProblemCode.NOT_YAML),
    ("small.yaml", "name: small", "name: small\nversion: 2", ProblemCode.OTHER_VERSION),
    ("small.yaml", "name: small", "apiVersion: v1\nkind: Service\nname: small", ProblemCode.NOT_AN_EXPERIMENT),
    ("small.yaml", "name: small\n", "", ProblemCode.REQUIRED),
    ("apps.yaml", "metadata: {name: fruit}", "metadata: {}", ProblemCode.REQUIRED),
    ("small.yaml", "workload:", "worklod:", ProblemCode.UNKNOWN_FIELD),
    ("apps.yaml", "replicas: 1", "replica: 1", ProblemCode.UNKNOWN_FIELD),
    ("small.yaml", "name: small", "name: 5", ProblemCode.WRONG_TYPE),
    ("apps.yaml", "replicas: 1", "replicas: one", ProblemCode.WRONG_TYPE),
    ("small.yaml", "rate: 100/s", "rate: 100", ProblemCode.WRONG_VALUE),
    ("small.yaml", "verdict: lossy", "verdict: lost", ProblemCode.WRONG_VALUE),
    ("small.yaml", RESTART, "restrat: {}", ProblemCode.UNKNOWN_NAME),
    ("small.yaml", RESTART, "restart: {deployment: pear}", ProblemCode.UNKNOWN_NAME),
    ("small.yaml", "name: small", "name: small\nname: small", ProblemCode.REPEATED),
    ("small.yaml", POOL, "methods: [GET, GET]", ProblemCode.REPEATED),
    ("small.yaml", "rate: 100/s", "rate: 100/s\n  seed: 3", ProblemCode.UNUSED_SETTING),
    ("small.yaml", "name: small", "name: small\nentry: {service: apple-service}", ProblemCode.CONFLICT),
    ("apps.yaml", "kind: Ingress", "kind: Ingres", ProblemCode.UNKNOWN_KIND),
    ("apps.yaml", "apiVersion: networking.k8s.io/v1", "apiVersion: v1", ProblemCode.UNKNOWN_KIND),
    ("apps.yaml", "replicas: 1", "replicas: -1", ProblemCode.API_REFUSES),
    ("patch.yaml", "seconds: 6", "seconds: 60", ProblemCode.HOOK_EXCEEDS_GRACE),
    (
        "patch.yaml",
        HOOK,
        "lifecycle: {preStop: {sleep: {seconds: 6}, exec: {command: [a]}}}",
        ProblemCode.HOOK_HANDLERS,
    ),
    ("apps.yaml", "matchLabels: {app: apple}", "matchLabels: {app: pear}", ProblemCode.SELECTOR_MISSES_PODS),
    ("patch.yaml", "name: web", "name: wep", ProblemCode.NO_IMAGE),
    ("patch.yaml", "- name: web", "- image: web", ProblemCode.PATCH_FAILS),
    ("apps.yaml", "http-echo:1.0", "http-eco:1.0", ProblemCode.IMAGE_UNAVAILABLE),
    ("small.yaml", RESTART, "controller-restart", ProblemCode.CHANGE_NOT_ALLOWED),
    ("patch.yaml", HOOK, "startupProbe: {grpc: {port: 1}}", ProblemCode.FIELD_NOT_IMPLEMENTED),
    ("small.yaml", "name: small", "name: small\ningress: none", ProblemCode.NO_ENTRY),
    ("small.yaml", "path: /apple", "path: /pear", ProblemCode.NO_ROUTE),
    ("small.yaml", PLAIN, "{path: /apple, answers: apple, headers: {Host: a}}", ProblemCode.RESERVED_HEADER),
    ("small.yaml", "rate: 100/s", "rate: 1/s", ProblemCode.RATE_TOO_LOW),
    ("small.yaml", "rate: 100/s", "rate: 1000/s", ProblemCode.CONCURRENCY_TOO_LOW),
    ("small.yaml", POOL, "pool: {size: 1000}", ProblemCode.POOL_NOT_FULL),
    ("small.yaml", POOL, "connections: [idle]\n  idle: 9s", ProblemCode.IDLE_TOO_LONG),
    (
        "small.yaml",
        "rate: 100/s",
        "rate: 9000/s\n  connections: [idle]\n  idle: 2s\n  concurrency: 90000",
        ProblemCode.TOO_MANY_CONNECTIONS,
    ),
    ("apps.yaml", "image: hashicorp/http-echo:1.0", "image: shop", ProblemCode.STAND_IN_ANSWERS),
    ("small.yaml", "name: small", "name: small\nmodels: {a: {command: [./b]}}", ProblemCode.COMMAND_CANNOT_RUN),
    ("apps.yaml", "selector: {app: apple}", "selector: {app: aple}", ProblemCode.SERVICE_WITHOUT_PODS),
    ("apps.yaml", "port: {number: 5678}", "port: {number: 80}", ProblemCode.WRONG_PORT),
    ("apps.yaml", "{port: 5678}", "{port: 5678, targetPort: web}", ProblemCode.WRONG_PORT),
    ("patch.yaml", HOOK, "readinessProbe: {httpGet: {port: web}}", ProblemCode.WRONG_PORT),
    (
        "apps.yaml",
        "      terminationGracePeriodSeconds: 20",
        "      serviceAccountName: shop",
        ProblemCode.MISSING_REFERENCE,
    ),
    ("apps.yaml", "replicas: 1", "replicas: 0", ProblemCode.NO_PODS),
    ("small.yaml", RESTART, "scale: {deployment: apple, replicas: 1}", ProblemCode.NO_EFFECT),
    ("small.yaml", RESTART, UPDATE.replace(", answer: new", ""), ProblemCode.ANSWER_REQUIRED),
    ("small.yaml", RESTART, UPDATE.replace("answer: new", "answer: 'new{time}'"), ProblemCode.ANSWER_IMPOSSIBLE),
    ("small.yaml", RESTART, SPLIT.replace("CANARY", "apple-service"), ProblemCode.NO_EFFECT),
    ("small.yaml", "expect:", "exclude: [{pod: bare, configuration: graceful}]\nexpect:", ProblemCode.UNUSED_ENTRY),
    ("small.yaml", "expect:", "exclude: [{}]\nexpect:", ProblemCode.NO_CELLS),
    ("small.yaml", "expect:", "exclude: [{pod: bare, change: none}]\nexpect:", ProblemCode.NO_CONTROL),
]

#: Examples of codes that need more: (objects added to the workload, (text in the Experiment, replacement), the code).
LONGER = [
    (
        [
            SECOND.replace("{name: apple-2}", "{name: apple-2, namespace: a}"),
            PEAR.replace("{name: pear}", "{name: pear, namespace: b}"),
        ],
        ("name: small", "name: small"),
        ProblemCode.SEVERAL_NAMESPACES,
    ),
    ([ROLE], ("name: small", "name: small"), ProblemCode.OBJECT_NOT_ALLOWED),
    ([ROUTE], ("name: small", "name: small"), ProblemCode.KIND_NOT_READ),
    ([], (f"name: small|{RESTART}", f"{STRAIGHT}|controller-restart"), ProblemCode.NEEDS_INGRESS),
    ([SECOND], (RESTART, GREEN), ProblemCode.NEW_VERSION_RETIRED),
    (
        [],
        ("name: small|verdict: lossy", "name: small\ningress: traefik|verdict: any, hidden: 0"),
        ProblemCode.NEVER_KNOWN,
    ),
    (
        [SECOND, PEAR],
        (RESTART, SPLIT.replace("apple-service", "pear").replace("CANARY", "apple-service")),
        ProblemCode.WRONG_SERVICE,
    ),
    ([SECOND, PEAR.replace("5678", "80")], (RESTART, SPLIT.replace("CANARY", "pear")), ProblemCode.CANNOT_SPLIT),
]


def codes(bench: Bench) -> set[ProblemCode]:
    """Return the codes of all problems on all kinds of clusters together."""
    return {problem.code for problem in problems(bench)}


def problems(bench: Bench) -> tuple[Problem, ...]:
    """Return all problems on all kinds of clusters together."""
    try:
        load_experiment(bench.path, rules=RULES)
    except InvalidInputError as error:
        return error.problems
    return ()


@pytest.mark.parametrize(("file", "old", "new", "code"), EXAMPLES)
def test_a_problem_has_the_code_of_its_kind(bench: Bench, file: str, old: str, new: str, code: ProblemCode) -> None:
    """The valid Experiment does not have the problem, and the edited one does."""
    assert codes(bench) == set()

    bench.edit(file, old, new)

    assert code in codes(bench)


@pytest.mark.parametrize(("objects", "edit", "code"), LONGER)
def test_a_problem_of_several_parts_has_the_code_of_its_kind(
    bench: Bench, objects: list[str], edit: tuple[str, str], code: ProblemCode
) -> None:
    """Each needs further objects, or two edits."""
    with (bench.folder / "apps.yaml").open("a") as file:
        file.writelines(f"---\n{text}\n" for text in objects)
    for old, new in zip(edit[0].split("|"), edit[1].split("|"), strict=True):
        bench.edit("small.yaml", old, new)

    assert code in codes(bench)


def test_a_namespace_alone_is_an_empty_workload(bench: Bench) -> None:
    """Nothing in it could serve traffic."""
    (bench.folder / "apps.yaml").write_text("{apiVersion: v1, kind: Namespace, metadata: {name: a}}")

    assert ProblemCode.EMPTY_WORKLOAD in codes(bench)


@pytest.mark.parametrize(
    ("marker", "command"), [("kustomization.yaml", "kubectl kustomize"), ("Chart.yaml", "helm template")]
)
def test_a_folder_that_has_to_be_rendered_is_named_with_the_command(bench: Bench, marker: str, command: str) -> None:
    """None of its files is read as a manifest, and there is no problem that follows from that."""
    folder = bench.folder / "overlay"
    folder.mkdir()
    (folder / marker).write_text("resources: [apps.yaml]\n")
    bench.edit("small.yaml", "workload: apps.yaml", "workload: overlay")

    (problem,) = (each for each in problems(bench) if each.code is ProblemCode.NOT_RENDERED)

    assert f"{command} " in problem.hint
    assert "harness init" in problem.hint
    assert ProblemCode.NO_ROUTE not in codes(bench)


def test_every_code_has_an_example() -> None:
    """A code that nothing produces would be documented for nothing."""
    shown = {row[-1] for row in EXAMPLES} | {row[-1] for row in LONGER}
    shown |= {ProblemCode.EMPTY_WORKLOAD, ProblemCode.NOT_RENDERED}

    assert set(ProblemCode) - shown == {ProblemCode.OPTION}


def test_a_refused_object_has_no_second_problem_about_its_kind(bench: Bench) -> None:
    """An object of a kind that the cluster does not allow is no object of an unknown kind."""
    class_ = "{kind: StorageClass, apiVersion: storage.k8s.io/v1, metadata: {name: a}}"
    with (bench.folder / "apps.yaml").open("a") as file:
        file.write(f"---\n{class_}\n---\n{{kind: Nothing, apiVersion: v1, metadata: {{name: b}}}}\n")

    assert [problem.code for problem in problems(bench)] == [ProblemCode.OBJECT_NOT_ALLOWED, ProblemCode.UNKNOWN_KIND]


#: The code that finds problems in files.
SOURCES = [
    *sorted((ROOT / "harness" / "experiment").rglob("*.py")),
    ROOT / "harness" / "kit" / "located_yaml.py",
    ROOT / "harness" / "kube" / "manifests.py",
]


def without_code(source: str) -> list[int]:
    """Return the lines that make a problem without a code."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    made = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Problem"]
    return [call.lineno for call in made if len(call.args) < 6 and "code" not in {k.arg for k in call.keywords}]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_every_problem_of_a_file_has_a_code(path: Path) -> None:
    """The default of the record is for options of commands."""
    assert without_code(path.read_text(encoding="utf-8")) == []


def test_a_problem_without_a_code_is_found() -> None:
    """So that the test above can fail."""
    assert without_code("x = Problem('a')\ny = Problem('a', code=C)\nz = Problem('a', 'f', 1, '', 0, C)") == [1]
