"""Every mistake in an Experiment is refused at its place, all mistakes at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.experiment.experiment_bench import Bench

pytest_plugins = ("experiment_bench",)

UPDATE = "rolling-update: {deployment: apple, set: {args: [-text=new]}, answer: new}"
RESTART = "restart: {deployment: apple}"
BARE = "{pod: bare, change: restart,"
LOSSY = "verdict: lossy}"

#: (file, what is replaced, by what, file and line of the problem, a word that the message or hint must have)
TABLE = [
    ("small.yaml", "name: small\n", "", "small.yaml:1", "name"),
    ("small.yaml", "name: small", "name: a--b", "small.yaml:1", "letters"),
    ("small.yaml", "name: small", "name: 5", "small.yaml:1", "text"),
    ("small.yaml", "name: small", "name: small\nname: again", "small.yaml:2", "repeated"),
    ("small.yaml", "workload:", "worklod:", "small.yaml:2", "did you mean 'workload'"),
    ("small.yaml", "workload: apps.yaml", "workload: app.yaml", "small.yaml:2", "did you mean 'apps.yaml'"),
    ("small.yaml", "name: small", "name: small\ningress: ingress-ngnix", "small.yaml:2", "'ingress-nginx'"),
    ("small.yaml", "name: small", "name: small\ntrials: 0", "small.yaml:2", "greater than or equal to 1"),
    ("small.yaml", "rate: 100/s", "rate: 100", "small.yaml:4", "100/s"),
    ("small.yaml", "rate: 100/s", "rate: 0/s", "small.yaml:4", "above 0"),
    ("small.yaml", "rate: 100/s", "rate: true", "small.yaml:4", "a list of steps"),
    ("small.yaml", "rate: 100/s", "rate: {from: 50/s, to: 500/s}", "small.yaml:4", "rate.over is required"),
    ("small.yaml", "rate: 100/s", "rate: {from: 50, to: 500/s, over: 30s}", "small.yaml:4", "50/s"),
    ("small.yaml", "rate: 100/s", "rate: {from: 50/s, to: 500/s, for: 30s}", "small.yaml:4", "over"),
    ("small.yaml", "rate: 100/s", "rate: {from: 50/s, to: 90/s, over: 1ms}", "small.yaml:4", "at least 10ms"),
    ("small.yaml", "rate: 100/s", "rate: []", "small.yaml:4", "1 to 100 steps"),
    ("small.yaml", "rate: 100/s", "rate:\n  - rate: 100/s\n  - rate: 90/s", "small.yaml:5", "needs its time"),
    ("small.yaml", "rate: 100/s", "rate:\n  - {rate: 100/s, for: 9s}\n  - 90/s", "small.yaml:6", "a map"),
    ("small.yaml", "rate: 100/s", "rate: {from: 5/s, to: 500/s, over: 30s}", "small.yaml:4", "end with 6/s"),
    ("small.yaml", "rate: 100/s", "rate: {from: 100/s, to: 400/s, over: 30s}", "small.yaml:4", "concurrency: 1201"),
    ("small.yaml", "rate: 100/s", "rate: 15/s\n  arrivals: poisson", "small.yaml:4", "sometimes none for a second"),
    ("small.yaml", "rate: 100/s", "rate: 100/s\n  arrivals: poison", "small.yaml:5", "'even' or 'poisson'"),
    ("small.yaml", "rate: 100/s", "rate: 100/s\n  seed: 3", "small.yaml:5", "a seed decides nothing"),
    ("small.yaml", "  rate: 100/s\n", "", "small.yaml:3", "traffic.rate is required"),
    ("small.yaml", "path: /apple", "path: apple", "small.yaml:5", "begins with /"),
    ("small.yaml", "path: /apple", "path: /apples", "small.yaml:5", "no rule of the workload"),
    ("small.yaml", "path: /apple", "path: /aple", "small.yaml:5", "routed are /apple (did you mean '/apple'?)"),
    ("small.yaml", "paths: [{path: /apple,", "paths: [/apple, {path: /apple,", "small.yaml:5", "twice"),
    ("small.yaml", "answers: apple", "answer: apple", "small.yaml:5", "did you mean 'answers'"),
    ("small.yaml", "paths: [{path: /apple, answers: apple}]", "paths: []", "small.yaml:5", "at least 1 item"),
    ("small.yaml", "pool: {size: 10}", "pool: {size: 10, order: filo}", "small.yaml:6", "'fifo' or 'lifo'"),
    ("small.yaml", "pool: {size: 10}", "pool: {size: 151}", "small.yaml:6", "takes 3.0 s to fill"),
    ("small.yaml", "pool: {size: 10}", "preopened: 1s", "small.yaml:6", "no connection is preopened"),
    ("small.yaml", "pool: {size: 10}", "connections: [new, preopened]", "small.yaml:6", "preopened needs a time"),
    (
        "small.yaml",
        "pool: {size: 10}",
        "connections: [new, preopened]\n  preopened: 5s",
        "small.yaml:7",
        "no connection has been open and unused for 5 s when the change begins after 3 s",
    ),
    (
        "small.yaml",
        "rate: 100/s",
        "rate: 9000/s\n  connections: [preopened]\n  preopened: 2s\n  concurrency: 100000",
        "small.yaml:6",
        "18,000 connections would be kept preopened",
    ),
    ("small.yaml", "pool: {size: 10}", "methods: [TRACE]", "small.yaml:6", "'PATCH' or 'OPTIONS'"),
    (
        "small.yaml",
        "answers: apple}]",
        "answers: apple, regex: 'a('}]",
        "small.yaml:5",
        "no regular expression: missing",
    ),
    ("small.yaml", "answers: apple}]", "statuses: 101}]", "small.yaml:5", "greater than or equal to 200"),
    ("small.yaml", "answers: apple}]", "statuses: [200, ok]}]", "small.yaml:5", "expected a whole number"),
    ("small.yaml", "answers: apple}]", "body: 7}]", "small.yaml:5", "expected text"),
    ("small.yaml", "pool: {size: 10}", "methods: [HEAD]", "small.yaml:5", "HEAD has no body"),
    ("small.yaml", "pool: {size: 10}", "tls: {cert: x}", "small.yaml:6", "known are verify, ca, server_name"),
    ("small.yaml", "pool: {size: 10}", "tls: {ca: none.pem}", "small.yaml:6", "can't be read: No such file"),
    ("small.yaml", "pool: {size: 10}", "tls: {ca: small.yaml}", "small.yaml:6", "no certificate in PEM form"),
    ("small.yaml", "pool: {size: 10}", "tls: {ca: x.pem, verify: false}", "small.yaml:6", "verify is false"),
    ("small.yaml", "pool: {size: 10}", "methods: [GET, GET]\n  pool: {size: 10}", "small.yaml:6", "twice"),
    ("small.yaml", "pool: {size: 10}", "baseline: 3\n  pool: {size: 10}", "small.yaml:6", "3s"),
    ("small.yaml", "pool: {size: 10}", "settle: 500ms\n  pool: {size: 10}", "small.yaml:6", "at least 1s"),
    ("small.yaml", "pool: {size: 10}", "timeout: 0s\n  pool: {size: 10}", "small.yaml:6", "above 0"),
    ("small.yaml", "rate: 100/s", "rate: 1000/s", "small.yaml:4", "concurrency: 3001"),
    ("small.yaml", "rate: 100/s", "rate: 1000000/s", "small.yaml:4", "3,000,000 attempts"),
    ("small.yaml", "rate: 100/s", "rate: 1000000/s", "small.yaml:4", "can be 100,000 at most"),
    ("small.yaml", "pool: {size: 10}", "pool: {size: 10}\n  concurrency: 299", "small.yaml:7", "slots would be missed"),
    ("small.yaml", "  pod:\n    bare: {}\n    graceful: {patch: patch.yaml}\n", "", "small.yaml:7", "map of axes"),
    ("small.yaml", "\n    bare: {}\n    graceful: {patch: patch.yaml}\n", " {}\n", "small.yaml:8", "no values"),
    ("small.yaml", "    bare: {}", "    bare: {}\n    yes: {}", "small.yaml:10", "quote it"),
    ("small.yaml", "    bare: {}", "    bare: {}\n    a/b: {}", "small.yaml:10", "letters"),
    ("small.yaml", "{patch: patch.yaml}", "{patches: patch.yaml}", "small.yaml:10", "did you mean 'patch'"),
    ("small.yaml", "{patch: patch.yaml}", "{patch: path.yaml}", "small.yaml:10", "did you mean 'patch.yaml'"),
    ("small.yaml", "{patch: patch.yaml}", "{patch: []}", "small.yaml:10", "empty list"),
    ("small.yaml", "{patch: patch.yaml}", "{patch: {kind: Deployment, spek: {}}}", "small.yaml:10", "spec"),
    ("small.yaml", "{patch: patch.yaml}", "{patch: {spec: {}}}", "small.yaml:10", "kind"),
    ("small.yaml", "{patch: patch.yaml}", "{patch: {kind: ConfigMap, data: {}}}", "small.yaml:10", "it has nothing"),
    ("small.yaml", "  pod:\n    bare", "  verdict:\n    bare", "small.yaml:8", "can't be called verdict"),
    ("patch.yaml", "name: apple", "name: aple", "patch.yaml:2", "did you mean 'apple'"),
    ("patch.yaml", "lifecycle", "lifecicle", "patch.yaml:8", 'did you mean "lifecycle"'),
    ("patch.yaml", "seconds: 6", "seconds: six", "patch.yaml:8", "expected integer, got string"),
    ("patch.yaml", "seconds: 6", "seconds: 21", "patch.yaml:8", "longer than terminationGracePeriodSeconds (20 s)"),
    ("patch.yaml", "- name: web", "- image: web", "patch.yaml:1", "lacks 'name'"),
    ("patch.yaml", "spec:\n  t", "spec:\n  selector: {matchLabels: {app: pear}}\n  t", "patch.yaml:4", "own pods"),
    ("apps.yaml", "replicas: 1", "replica: 1", "apps.yaml:5", 'did you mean "replicas"'),
    ("apps.yaml", "replicas: 1", 'replicas: "1"', "apps.yaml:5", "Deployment apple: spec.replicas: expected integer"),
    ("patch.yaml", "{seconds: 6}", "4", "patch.yaml:8", "containers[0].lifecycle.preStop.sleep: expected map, got i"),
    ("patch.yaml", "spec:\n  t", "spec:\n  t_: {}\n  t", "patch.yaml:4", 'Deployment apple: unknown field "spec.t_"'),
    ("apps.yaml", "kind: Deployment", "kind: Deploiment", "apps.yaml:2", "did you mean Deployment?"),
    ("apps.yaml", "metadata: {name: fruit}", "metadata: [name", "apps.yaml:26", "not YAML"),
    ("apps.yaml", "service: {name: apple-service", "service: {name: pear-service", "small.yaml:5", "apple-service"),
    ("small.yaml", RESTART, "restart", "small.yaml:13", "deployment is required"),
    ("small.yaml", RESTART, "restrat: {deployment: apple}", "small.yaml:13", "did you mean 'restart'"),
    ("small.yaml", RESTART, "restart: {deployment: aple}", "small.yaml:13", "did you mean 'apple'"),
    ("small.yaml", RESTART, "restart: {deployment: apple, time: 3}", "small.yaml:13", "did you mean 'times'"),
    ("small.yaml", RESTART, RESTART + "\n  - " + RESTART, "small.yaml:14", "as on line 13"),
    ("small.yaml", RESTART, "restart: {deployment: apple, answers: {/pear: x}}", "small.yaml:13", "gets no traffic"),
    ("apps.yaml", "replicas: 1", "replicas: 0", "small.yaml:13", "no replicas"),
    ("small.yaml", BARE, "{pod: bear,", "small.yaml:15", "did you mean 'bare'"),
    ("small.yaml", BARE, "{pot: bare,", "small.yaml:15", "did you mean 'pod'"),
    ("small.yaml", BARE, "{change: [restart, scale],", "small.yaml:15", "no change 'scale'"),
    ("small.yaml", BARE, "{pod: 3,", "small.yaml:15", "name or a list"),
    ("small.yaml", BARE, "{pod: bare, change: none,", "small.yaml:15", "losses are never expected"),
    ("small.yaml", "verdict: lossy", "verdict: lost", "small.yaml:15", "'lossless', 'lossy' or 'any'"),
    ("small.yaml", ", verdict: lossy", "", "small.yaml:15", "verdict is required"),
    ("small.yaml", "verdict: lossy", "verdict: lossy, class: rset", "small.yaml:15", "did you mean 'reset'"),
    ("small.yaml", "verdict: lossy", "verdict: lossy, hidden: -1", "small.yaml:15", "greater than or equal to 0"),
    ("small.yaml", "verdict: lossy", "verdict: lossless, window: 3s", "small.yaml:15", "about losses"),
    ("small.yaml", LOSSY, LOSSY + "\n  - {pod: bare, verdict: any}", "small.yaml:16", "an earlier entry"),
    (
        "small.yaml",
        "expect:",
        "exclude: [{pod: bare, configuration: g*}]\nexpect:",
        "small.yaml:14",
        "excludes nothing",
    ),
    ("small.yaml", "expect:", "exclude: [{pod: graceful, change: none}]\nexpect:", "small.yaml:14", "no verdict"),
    ("small.yaml", "expect:\n  -", "expect:\n  x:", "small.yaml:14", "a list"),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[4]}")
def test_a_mistake_is_refused_at_its_line(bench: Bench, row: tuple[str, str, str, str, str]) -> None:
    """Each mistake gives a problem at its file and line, with the expectation."""
    file, old, new, place, word = row
    bench.edit(file, old, new)

    problems = bench.problems()

    assert place in [f"{p.file}:{p.line}" for p in problems], problems
    assert any(word in f"{p.message} ({p.hint})" for p in problems if f"{p.file}:{p.line}" == place), problems


#: (the change in place of the restart, a word that the message or hint must have)
CHANGES = [
    (UPDATE.replace("set: {args: [-text=new]}, ", ""), "must set something"),
    (UPDATE.replace("args:", "arg:"), 'did you mean "args"'),
    (UPDATE.replace("-text=new", "-text=apple"), "these values already"),
    (
        UPDATE.replace("args: [-text=new]", "readinessProbe: {}"),
        "readinessProbe: Required value: must specify a handler",
    ),
    (
        UPDATE.replace("args: [-text=new]", "lifecycle: {preStop: {sleep: {seconds: 21}}}"),
        "than terminationGracePeriodS",
    ),
    (UPDATE.replace("args: [-text=new]", "env: [{value: x}]"), "an item of 'env' lacks 'name'"),
    (UPDATE.replace("answer: new", "container: wep, answer: new"), "did you mean 'web'"),
    (UPDATE.replace(", answer: new", ""), "answer is required"),
    (UPDATE.replace("answer: new", "answer: 'new{time}'"), "no value in set does"),
    (UPDATE.replace("answer: new", "answer: new, times: 3"), "only the first would roll"),
    (UPDATE.replace("answer: new", "until: ready"), "'progress-deadline'"),
    ("delete-pod: {deployment: apple, force: 1}", "true or false"),
    ("evict: {deployment: aple}", "did you mean 'apple'"),
    ("evict: {deployment: apple, pods: some}", "'one'"),
    ("drain: {within: soon}", "'soon'"),
    ("kubectl: []", "at least 1 item"),
    ("kubectl: apply -f x", "a map"),
    ("kubectl: {command: [get, pods], timout: 3s}", "did you mean 'timeout'"),
    ("kubectl: [get, pods, --context=mine]", "--context=mine could lead to another cluster"),
    ("kubectl: [-s, 'https://example.test', get, pods]", "-s could lead to another cluster"),
    ("kubectl: [get, pods, -nweb]", "-nweb would leave the namespace"),
    ("kubectl: [get, pods, -A]", "-A would leave the namespace"),
    ("kubectl: [-v=2, drain, node]", "kubectl drain would change the node"),
    ("kubectl: [edit, deployment/apple]", "kubectl edit does not end by itself"),
    ("kubectl: [config, use-context, mine]", "kubectl config would change the kubeconfig"),
    ("scale: {deployment: apple, replicas: 1}", "nothing would change"),
    ("scale: {deployment: apple}", "replicas is required"),
    ("selector-patch: {service: apple, selector: {version: v2}}", "did you mean 'apple-service'"),
    ("selector-patch: {service: apple-service, selector: {}}", "at least 1 item"),
    ("selector-patch: {service: apple-service, selector: {app: apple}, answer: x}", "this selector already"),
    ("selector-patch: {service: apple-service, selector: {version: v2}, answer: x}", "no pod can give this answer"),
    ("selector-patch: {service: apple-service, selector: {version: v1}}", "answer is required"),
    ("selector-patch: {service: apple-service, selector: {version: null}, answer: x}", "this selector already"),
    ("selector-patch: {service: apple-service, selector: {app: null}, answer: x}", "would have no selector"),
    ("selector-patch: {service: apple-service, selector: {version: v2}, hold: 8}", "8s"),
    ("ingress-edit: {ingress: fruit}", "must set annotations or a patch"),
    ("ingress-edit: {ingress: friut, annotations: {a: b}}", "did you mean 'fruit'"),
    ("[restart]", "expected a change such as"),
]


@pytest.mark.parametrize(("change", "word"), CHANGES)
def test_a_change_with_a_mistake_is_refused_at_its_line(bench: Bench, change: str, word: str) -> None:
    """A change that is impossible, without effect, or invisible is refused on its line."""
    bench.edit("small.yaml", RESTART, change)
    bench.edit("small.yaml", "change: restart, ", "")

    problems = bench.problems()

    assert [f"{p.file}:{p.line}" for p in problems] == ["small.yaml:13"]
    assert word in f"{problems[0].message} {problems[0].hint}"


@pytest.mark.parametrize(
    "command",
    [
        "[apply, --server-side, -f, x.yaml]",
        "[exec, deploy/apple, --, tool, -n, web]",
        "{command: [rollout, restart, deployment/apple], timeout: 20s}",
    ],
)
def test_a_command_that_stays_in_its_namespace_is_accepted(bench: Bench, command: str) -> None:
    """Words after ``--`` belong to another program."""
    bench.edit("small.yaml", RESTART, f"kubectl: {command}")
    bench.edit("small.yaml", "change: restart, ", "")

    assert bench.problems() == []


BUDGET = """---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: strict}
spec: {BOUND, selector: {matchLabels: {app: apple}}}
"""


@pytest.mark.parametrize("change", ["evict: {deployment: apple}", "drain: {}"])
@pytest.mark.parametrize(
    ("bound", "word"),
    [
        ("minAvailable: 1", "wants 1 of 1 pods"),
        ("minAvailable: 10%", "wants 1 of 1 pods"),
        ("maxUnavailable: 0", "wants 1 of 1 pods"),
        ("unhealthyPodEvictionPolicy: AlwaysAllow", "sets no bound"),
        ("maxUnavailable: 1", ""),
        ("minAvailable: 0", ""),
    ],
)
def test_a_budget_that_allows_no_eviction_is_named(bench: Bench, change: str, bound: str, word: str) -> None:
    """A run would wait for it until its timeout."""
    bench.edit("small.yaml", RESTART, change)
    bench.edit("small.yaml", "change: restart, ", "")
    with (bench.folder / "apps.yaml").open("a") as file:
        file.write(BUDGET.replace("BOUND", bound))

    found = [(f"{p.file}:{p.line}", p.message) for p in bench.problems()]

    assert [place for place, _ in found] == (["small.yaml:13"] if word else [])
    assert all(word in message and "PodDisruptionBudget strict" in message for _, message in found)


def test_entries_on_one_line_have_their_paths(bench: Bench) -> None:
    """If several items share a line, the message has the path of the item."""
    bench.edit(
        "small.yaml", "expect:\n  - {pod: bare, change: restart, verdict: lossy}\n", "expect: [{pod: bear, verdict:"
    )
    with bench.path.open("a") as file:
        file.write(" any}, {pod: bare, verdict: any}, {change: restrat, verdict: any}]\n")

    assert [p.message.partition(" ")[0] for p in bench.problems()] == ["expect[0]:", "expect[2]:"]


def test_a_selector_without_pods_needs_no_answer(bench: Bench) -> None:
    """If no pod answers after the change, no answer is required."""
    bench.edit("small.yaml", RESTART, "selector-patch: {service: apple-service, selector: {version: v2}, hold: 8s}")
    bench.edit("small.yaml", "change: restart, ", "")

    assert bench.problems() == []


def test_every_problem_comes_at_once(bench: Bench) -> None:
    """Mistakes in the Experiment, the workload, a patch, a change and an expectation are all listed together."""
    bench.edit("small.yaml", "name: small", "nam: small")
    bench.edit("small.yaml", "rate: 100/s", "rate: 100")
    bench.edit("apps.yaml", "replicas: 1", "replica: 1")
    bench.edit("patch.yaml", "seconds: 6", "seconds: 60")
    bench.edit("small.yaml", RESTART, "restart: {deployment: pear}")
    bench.edit("small.yaml", "pod: bare, ", "pod: bear, ")

    assert [f"{p.file}:{p.line}" for p in bench.problems()] == [
        "small.yaml:1",
        "small.yaml:1",
        "small.yaml:4",
        "small.yaml:13",
        "small.yaml:15",
        "apps.yaml:5",
        "patch.yaml:8",
    ]


def test_a_change_with_an_error_adds_no_problem_to_expectations(bench: Bench) -> None:
    """If a change has an error, entries that name it have no further problem."""
    bench.edit("small.yaml", RESTART, "restrat: {deployment: apple}")

    assert [p.line for p in bench.problems()] == [13]


@pytest.mark.parametrize("text", ["", "- a\n", "a: 1\n---\nb: 2\n", "a: [\n", "just text\n"])
def test_another_content_than_an_experiment_is_one_problem(bench: Bench, text: str) -> None:
    """An empty file, a list, several documents, broken YAML and plain text are one problem each."""
    bench.path.write_text(text)

    assert len(bench.problems()) == 1


def test_a_missing_experiment(bench: Bench) -> None:
    """A file that is not there is a problem, not a traceback."""
    bench.path.unlink()

    assert [p.file for p in bench.problems()] == ["small.yaml"]


@pytest.mark.parametrize(
    ("only", "word"),
    [
        ({"configuration": ("gracefull",)}, "did you mean 'graceful'"),
        ({"change": ("scale",)}, "there are none, restart"),
        ({"changes": ("restart",)}, "did you mean 'change'"),
        ({"pot": ("bare",)}, "did you mean 'pod'"),
        ({"pod": ("bear",)}, "did you mean 'bare'"),
    ],
)
def test_only_refuses_unknown_names(bench: Bench, only: dict[str, tuple[str, ...]], word: str) -> None:
    """``--only`` refuses names that do not exist."""
    (problem,) = bench.problems(only)

    assert word in f"{problem.message} {problem.hint}"


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("rollout-restart", "restart"),
        ("rolout-restart", "restart"),
        ("pod-restart", "restart"),
        ("controler-restart", "controller-restart"),
        ("rolling-updates", "rolling-update"),
        ("restrat", "restart"),
        ("canry", "canary"),
    ],
)
def test_a_misspelled_kind_suggests_what_was_meant(bench: Bench, word: str, meant: str) -> None:
    """The suggestion is the kind that the word means, not the kind with the most letters in common."""
    bench.edit("small.yaml", "  - none", f"  - none\n  - {word}: {{}}")

    assert any(problem.hint == f"did you mean {meant!r}?" for problem in bench.problems())
