"""Fields that decide about requests and that the embedded cluster does not carry out are refused, never passed over."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import harness
from harness.errors import InvalidInputError, Problem
from harness.experiment.cluster_rules import ClusterRules, any_field
from harness.experiment.fields import check_assumed, review
from harness.experiment.load import load_experiment
from harness.localkube.fields import CLASSIFIER
from harness.model.experiment import Experiment
from harness.runner.options import RunOptions

if TYPE_CHECKING:
    from tests.experiment.experiment_bench import Bench

pytest_plugins = ("experiment_bench",)

NGINX = "nginx.ingress.kubernetes.io/"
INGRESS = "metadata: {name: fruit}"
RULES = "spec:\n  rules:\n    - http:"
CONTAINER = "          args: [-text=apple]\n"
POD = "      terminationGracePeriodSeconds: 20\n"
SERVICE = "  ports: [{port: 5678}]\n"

#: Annotations whose effect a real controller shows in its answers: name, a value that decides.
ANNOTATIONS = [
    ("app-root", "/$host"),
    ("auth-tls-secret", "default/ca"),
    ("auth-type", "digest"),
    ("satisfy", "any"),
    ("auth-url", "http://auth.example/check"),
    ("backend-protocol", "FCGI"),
    ("configuration-snippet", "return 418;"),
    ("custom-http-errors", "200"),
    ("default-backend", "-fallback"),
    ("enable-cors", "true"),
    ("from-to-www-redirect", "true"),
    ("limit-rate", "10"),
    ("global-rate-limit", "1"),
    ("mirror-target", "http://mirror.example"),
    ("permanent-redirect", "https://new.example/$service_name"),
    ("proxy-buffer-size", "1k"),
    ("proxy-buffering", "yes"),
    ("server-alias", "~^www"),
    ("server-snippet", "return 418;"),
    ("service-upstream", "True"),
    ("stream-snippet", "server {}"),
    ("temporal-redirect", "https://new.example/$service_name"),
    ("upstream-hash-by", "$service_name"),
    ("upstream-hash-by-subset", "true"),
    ("upstream-vhost", "$host"),
]
#: Values that ingress-nginx ignores, or that are its defaults.
HARMLESS = [
    ("auth-type", ""),
    ("backend-protocol", "AJP"),
    ("enable-cors", "false"),
    ("force-ssl-redirect", "no"),
    ("temporal-redirect", "new.example"),
    ("app-root", "shop"),
    ("limit-rps", "many"),
    ("custom-http-errors", "404, 503"),
    ("proxy-buffer-size", "16k"),
    ("proxy-read-timeout", "60s"),
    ("service-upstream", "f"),
    ("ssl-redirect", "never"),
    ("use-regex", "maybe"),
]
#: What is written into a pod, where, and the field that the problem names below the pod's spec.
PODS = [
    (POD, "      hostNetwork: true\n", "hostNetwork"),
    (POD, "      hostname: apple\n", "hostname"),
    (
        POD,
        "      initContainers: [{name: wait, image: shop, restartPolicy: OnFailure}]\n",
        "initContainers.restartPolicy",
    ),
    (POD, "      nodeName: other\n", "nodeName"),
    (POD, "      nodeSelector: {disk: ssd}\n", "nodeSelector"),
    (POD, "      schedulerName: mine\n", "schedulerName"),
    (POD, "      schedulingGates: [{name: wait}]\n", "schedulingGates"),
    (POD, "      volumes: [{name: c, hostPath: {path: /srv}}]\n", "volumes"),
    (POD, "      securityContext: {sysctls: [{name: net.core.somaxconn, value: '1'}]}\n", "securityContext.sysctls"),
    (
        POD,
        (
            "      affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution:"
            " [{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: apple}}}]}}\n"
        ),
        "affinity",
    ),
    (
        POD,
        (
            "      topologySpreadConstraints: [{maxSkew: 1, topologyKey: topology.kubernetes.io/zone,"
            " whenUnsatisfiable: DoNotSchedule}]\n"
        ),
        "topologySpreadConstraints",
    ),
    (
        CONTAINER,
        "          env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}]\n",
        "containers.env.valueFrom.resourceFieldRef",
    ),
    (
        CONTAINER,
        "          readinessProbe: {grpc: {port: 5678}}\n",
        "containers.readinessProbe.grpc",
    ),
    (
        CONTAINER,
        "          livenessProbe: {httpGet: {port: 5678, scheme: HTTPS}}\n",
        "containers.livenessProbe.httpGet.scheme",
    ),
    (
        CONTAINER,
        "          lifecycle: {postStart: {tcpSocket: {port: 5678}}}\n",
        "containers.lifecycle.postStart.tcpSocket",
    ),
    (CONTAINER, "          ports: [{containerPort: 5678, hostPort: 80}]\n", "containers.ports.hostPort"),
    (CONTAINER, "          resources: {requests: {cpu: 65}}\n", "containers.resources.requests"),
    (CONTAINER, "          resources: {limits: {nvidia.com/gpu: 1}}\n", "containers.resources.limits"),
    (
        CONTAINER,
        "          securityContext: {runAsNonRoot: true}\n",
        "containers.securityContext.runAsNonRoot",
    ),
]
#: The same with values that change nothing on one node with these images.
HARMLESS_PODS = [
    (POD, "      nodeSelector: {kubernetes.io/os: linux}\n"),
    (POD, "      hostNetwork: false\n"),
    (POD, "      initContainers: []\n"),
    (POD, "      serviceAccountName: default\n"),
    (POD, "      securityContext: {runAsUser: 1000, fsGroup: 1000, seccompProfile: {type: RuntimeDefault}}\n"),
    (POD, "      volumes: [{name: tmp, emptyDir: {}}]\n"),
    (
        POD,
        (
            "      affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1,"
            " podAffinityTerm: {topologyKey: kubernetes.io/hostname}}]}}\n"
        ),
    ),
    (
        POD,
        (
            "      topologySpreadConstraints: [{maxSkew: 1, topologyKey: kubernetes.io/hostname,"
            " whenUnsatisfiable: DoNotSchedule}]\n"
        ),
    ),
    (CONTAINER, "          resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 128Mi}}\n"),
    (CONTAINER, "          securityContext: {runAsNonRoot: true, runAsUser: 1000, readOnlyRootFilesystem: true}\n"),
    (CONTAINER, "          env: [{name: A, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]\n"),
]


def load(bench: Bench, *assume: str, ingress: str = "") -> Experiment:
    """Load the Experiment as it is for the embedded cluster."""
    return load_experiment(
        bench.path, rules=ClusterRules(fields=CLASSIFIER.classify), assume_inert=assume, ingress=ingress
    )


def problems(bench: Bench, *assume: str, ingress: str = "") -> list[Problem]:
    """Return what the embedded cluster refuses."""
    try:
        load(bench, *assume, ingress=ingress)
    except InvalidInputError as error:
        return list(error.problems)
    return []


def annotate(bench: Bench, name: str, value: str) -> None:
    """Give the Ingress an annotation, in a line of its own."""
    bench.edit("apps.yaml", INGRESS, f"metadata:\n  name: fruit\n  annotations:\n    {NGINX}{name}: '{value}'")


@pytest.mark.parametrize(("name", "value"), ANNOTATIONS)
def test_an_annotation_that_decides_is_refused_with_its_line(bench: Bench, name: str, value: str) -> None:
    """The problem names file, line, annotation and the ways out."""
    annotate(bench, name, value)

    (problem,) = problems(bench)

    assert bench.path.with_name("apps.yaml").read_text().splitlines()[problem.line - 1].strip().startswith(NGINX + name)
    assert f"Ingress fruit: {NGINX}{name} is not implemented by the embedded cluster: a real cluster" in problem.message
    assert "--cluster kind" in problem.hint
    assert f"--assume-inert {NGINX}{name}" in problem.hint


@pytest.mark.parametrize(("name", "value"), HARMLESS)
def test_a_value_without_effect_is_listed_and_accepted(bench: Bench, name: str, value: str) -> None:
    """Defaults, switches that are off, and what ingress-nginx ignores change nothing; the report lists them."""
    annotate(bench, name, value)

    assert f"{NGINX}{name} (Ingress fruit)" in load(bench).inert


@pytest.mark.parametrize(
    ("name", "value"), [("rewrite-target", "/"), ("use-regex", "T"), ("proxy-read-timeout", "60"), ("canary", "false")]
)
def test_an_implemented_annotation_is_neither_refused_nor_listed(bench: Bench, name: str, value: str) -> None:
    """An implemented field is not mentioned."""
    annotate(bench, name, value)

    assert not [each for each in load(bench).inert if name in each]


def test_a_misspelled_annotation_is_refused_with_the_likely_spelling(bench: Bench) -> None:
    """The controller would ignore it silently, and the user meant another one."""
    annotate(bench, "permanent-redirects", "https://new.example")

    (problem,) = problems(bench)

    assert f"{NGINX}permanent-redirects is unknown" in problem.message
    assert f"did you mean {NGINX}permanent-redirect?" in problem.hint


@pytest.mark.parametrize("ingress", ["traefik", "traefik-nginx"])
@pytest.mark.parametrize("name", ["auth-url", "global-rate-limit"])
def test_traefik_decides_for_itself(bench: Bench, name: str, ingress: str) -> None:
    """The real Traefik reads the annotation or ignores it, as it does on a real cluster."""
    annotate(bench, name, "1")

    assert problems(bench, ingress=ingress) == []


@pytest.mark.parametrize("ingress", ["ingress-nginx", "traefik"])
def test_tls_is_accepted(bench: Bench, ingress: str) -> None:
    """Both controllers serve the host over HTTPS, with the certificate of the Secret."""
    tls = "spec:\n  tls:\n    - {hosts: [shop.example], secretName: shop-tls}\n  rules:\n    - http:"
    bench.edit("apps.yaml", RULES, tls)

    assert problems(bench, ingress=ingress) == []


@pytest.mark.parametrize(("after", "text", "field"), PODS, ids=[field for _, _, field in PODS])
def test_a_pod_field_that_decides_is_refused(bench: Bench, after: str, text: str, field: str) -> None:
    """It is ignored here, and a real cluster would not: the pods would wait, or be others."""
    bench.edit("apps.yaml", after, after + text)

    found = problems(bench)

    assert [problem.line for problem in found] == [bench_line(bench, text)]
    assert f"Deployment apple: spec.template.spec.{field} is not implemented" in found[0].message
    assert problems(bench, f"spec.template.spec.{field}") == []


def bench_line(bench: Bench, text: str) -> int:
    """Return the line of a text in the workload."""
    return (bench.folder / "apps.yaml").read_text().splitlines().index(text.rstrip("\n")) + 1


@pytest.mark.parametrize(("after", "text"), HARMLESS_PODS, ids=[text.strip()[:40] for _, text in HARMLESS_PODS])
def test_a_pod_field_without_effect_is_accepted(bench: Bench, after: str, text: str) -> None:
    """Defaults of common charts are not refused."""
    bench.edit("apps.yaml", after, after + text)

    assert problems(bench) == []


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("  sessionAffinity: ClientIP\n", "sessionAffinity"),
        ("  type: NodePort\n  externalTrafficPolicy: Local\n", "externalTrafficPolicy"),
    ],
)
def test_fields_of_kube_proxy_are_decisive_without_an_ingress(bench: Bench, text: str, field: str) -> None:
    """Behind an ingress controller it is listed, since the controller sends requests to the pods themselves."""
    bench.edit("apps.yaml", SERVICE, SERVICE + text)

    assert f"spec.{field} (Service apple-service)" in load(bench).inert
    bench.edit("small.yaml", "workload: apps.yaml\n", "workload: apps.yaml\nentry: {service: apple-service}\n")
    (problem,) = problems(bench, ingress="none")
    assert f"Service apple-service: spec.{field} is not implemented" in problem.message


def test_an_external_name_is_refused(bench: Bench) -> None:
    """It has no pods here."""
    bench.edit(
        "apps.yaml", "  selector: {app: apple}\n  ports", "  type: ExternalName\n  selector: {app: apple}\n  ports"
    )

    assert any("Service apple-service: spec.type is not implemented" in each.message for each in problems(bench))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (
            f"ingress-edit: {{ingress: fruit, annotations: {{{NGINX}global-rate-limit: '{{time}}'}}, times: 2}}",
            f"{NGINX}global-rate-limit",
        ),
        (
            "rolling-update: {deployment: apple, answer: new, set: {args: [a], lifecycle: {stopSignal: SIGINT}}}",
            "spec.template.spec.containers.lifecycle.stopSignal",
        ),
    ],
)
def test_a_change_is_checked_on_the_object_that_it_makes(bench: Bench, change: str, field: str) -> None:
    """The problem is at the change, and an assumption removes it."""
    bench.edit("small.yaml", "  - restart: {deployment: apple}\n", f"  - {change}\n")
    bench.edit("small.yaml", "expect:\n  - {pod: bare, change: restart, verdict: lossy}\n", "")

    (problem,) = problems(bench)

    assert problem.file == str(bench.path)
    assert f"as this change makes it: {field} is not implemented" in problem.message
    assert {each.field for each in load(bench, field).assumed} == {field}


def test_a_patch_of_the_matrix_is_checked(bench: Bench) -> None:
    """The problem is in the patch's file."""
    bench.edit("patch.yaml", "    spec:\n", "    spec:\n      schedulingGates: [{name: a}]\n")

    (problem,) = problems(bench)

    assert (problem.file, problem.line) == (str(bench.folder / "patch.yaml"), 6)


def test_an_assumption_is_kept_in_the_experiment(bench: Bench) -> None:
    """The plan of the run, which is sealed, has it."""
    annotate(bench, "global-rate-limit", "1")

    (assumed,) = load(bench, f"{NGINX}global-rate-limit").assumed

    assert (assumed.field, assumed.object) == (f"{NGINX}global-rate-limit", "Ingress fruit")
    assert "429" in assumed.effect


def test_an_assumption_about_nothing_is_refused(bench: Bench) -> None:
    """A misspelled name would not assume anything."""
    annotate(bench, "global-rate-limit", "1")
    loaded = load(bench, f"{NGINX}global-rate-limit")

    check_assumed([f"{NGINX}global-rate-limit"], [loaded])
    with pytest.raises(InvalidInputError) as caught:
        check_assumed([f"{NGINX}global-rate-limit", f"{NGINX}limit-rpm"], [loaded])

    (problem,) = caught.value.problems
    assert problem.message.startswith(f"--assume-inert {NGINX}limit-rpm: no field of that name is refused")
    assert "global-rate-limit" in problem.hint


def test_a_real_cluster_refuses_no_field(bench: Bench) -> None:
    """There every field has its effect."""
    annotate(bench, "global-rate-limit", "1")

    assert bench.problems() == []


def test_a_network_policy_that_blocks_requests_is_refused(bench: Bench) -> None:
    """The embedded cluster does not enforce it."""
    head = "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\n"
    policy = f"{head}spec: {{podSelector: {{}}, RULES}}\n"
    text = (bench.folder / "apps.yaml").read_text()

    (bench.folder / "apps.yaml").write_text(text + policy.replace("RULES", "policyTypes: [Ingress]"))
    assert "NetworkPolicy p: spec is not implemented" in problems(bench)[0].message
    (bench.folder / "apps.yaml").write_text(text + policy.replace("RULES", "ingress: [{}]"))
    assert problems(bench) == []


def test_the_fields_of_an_experiment_loaded_for_any_cluster_are_checked_before_it_runs(bench: Bench) -> None:
    """No field is skipped, however it was loaded; a real cluster needs no assumption."""
    annotate(bench, "global-rate-limit", "1")
    loaded = bench.load()

    with pytest.raises(InvalidInputError) as caught:
        review(loaded, CLASSIFIER.classify)

    assert [problem.message.split(" is ")[0] for problem in caught.value.problems] == [
        f"Ingress fruit: {NGINX}global-rate-limit"
    ]
    assuming = review(load(bench, f"{NGINX}global-rate-limit"), CLASSIFIER.classify)
    assert [each.field for each in assuming.assumed] == [f"{NGINX}global-rate-limit"]
    assert review(assuming, any_field).assumed == ()


def test_the_fields_of_a_change_are_checked_before_it_runs(bench: Bench) -> None:
    """Also if the Experiment was loaded for any cluster."""
    edit = "ingress-edit: {ingress: fruit, annotations: {nginx.ingress.kubernetes.io/auth-url: http://a.example}}"
    bench.edit("small.yaml", "  - restart: {deployment: apple}\n", f"  - {edit}\n")
    bench.edit("small.yaml", "expect:\n  - {pod: bare, change: restart, verdict: lossy}\n", "")

    with pytest.raises(InvalidInputError) as caught:
        review(bench.load(), CLASSIFIER.classify)

    (problem,) = caught.value.problems
    assert f"as this change makes it: {NGINX}auth-url is not implemented" in problem.message


def test_the_library_refuses_to_run_it(bench: Bench, tmp_path: Path) -> None:
    """Nothing is started, and no run directory is made."""
    annotate(bench, "auth-url", "https://auth.example")
    options = RunOptions(out=tmp_path / "run")

    with pytest.raises(InvalidInputError, match="auth-url is not implemented"):
        harness.run(bench.path, options)

    assert not (tmp_path / "run").exists()
    assert harness.load(bench.path, assume_inert=[f"{NGINX}auth-url"]).assumed
