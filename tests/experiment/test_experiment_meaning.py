"""A valid Experiment file becomes an Experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trustme

from harness.errors import InvalidInputError
from harness.experiment.load import load_experiment
from harness.model.attempt import Method
from harness.model.changes import NoChange, Restart, RollingUpdate, SelectorPatch
from harness.model.experiment import ExpectedVerdict, Pool, Route, Tls, TrafficPlan
from harness.model.shapes import Shape
from harness.problem_codes import ProblemCode

if TYPE_CHECKING:
    from tests.experiment.experiment_bench import Bench

pytest_plugins = ("experiment_bench",)


def test_the_small_experiment(bench: Bench) -> None:
    """Omitted settings have their defaults, and every file that was read is listed."""
    experiment = bench.load()

    assert experiment.name == "small"
    assert experiment.source == str(bench.path)
    assert experiment.files == tuple(str(bench.folder / name) for name in ("small.yaml", "apps.yaml", "patch.yaml"))
    assert (experiment.ingress, experiment.trials, experiment.description) == ("ingress-nginx", 1, "")
    assert experiment.traffic == TrafficPlan(
        rate=100, routes=(Route("/apple", ("apple",)),), pool=Pool(10), shapes=(Shape.NEW, Shape.REUSED)
    )


def test_a_path_has_its_right_answers(bench: Bench) -> None:
    """Statuses, an exact body and a regular expression as well as globs; one status is a list of one."""
    bench.edit(
        "small.yaml",
        "paths: [{path: /apple, answers: apple}]",
        'paths: [{path: /apple, statuses: [200, 304], body: "a\\n", regex: "^a"}, {path: /apple/x, statuses: 404}]',
    )

    assert bench.load().traffic.routes == (
        Route("/apple", (), (200, 304), "a\n", "^a"),
        Route("/apple/x", (), (404,)),
    )


def test_methods_are_those_of_http(bench: Bench) -> None:
    """HEAD, PUT and DELETE as well as GET and POST."""
    bench.edit("small.yaml", "  pool:", "  methods: [HEAD, PUT, DELETE]\n  pool:")

    assert bench.load().traffic.methods == (Method.HEAD, Method.PUT, Method.DELETE)


def test_tls_is_used_if_the_file_has_it(bench: Bench) -> None:
    """Its defaults check everything; the file of authorities is evidence, and its path is absolute."""
    assert bench.load().traffic.tls is None

    bench.edit("small.yaml", "  pool:", "  tls: {}\n  pool:")
    assert bench.load().traffic.tls == Tls(verify=True, ca="", server_name="")

    ca = bench.folder / "ca.pem"
    trustme.CA().cert_pem.write_to_path(ca)
    bench.edit("small.yaml", "tls: {}", "tls: {ca: ca.pem, server_name: shop.test}")
    experiment = bench.load()
    assert experiment.traffic.tls == Tls(ca=str(ca.resolve()), server_name="shop.test")
    assert str(ca) in experiment.files


def test_cells_are_rows_of_configurations(bench: Bench) -> None:
    """Cells come configuration by configuration; the first matching expectation decides, the default is lossless."""
    found = [(cell.id, cell.expectation.verdict) for cell in bench.load().cells]

    assert found == [
        ("bare--none", ExpectedVerdict.LOSSLESS),
        ("bare--restart", ExpectedVerdict.LOSSY),
        ("graceful--none", ExpectedVerdict.LOSSLESS),
        ("graceful--restart", ExpectedVerdict.LOSSLESS),
    ]


def test_patches_are_merged_into_the_manifests(bench: Bench) -> None:
    """A value's patch changes its own configuration alone, by strategic merge."""
    containers = {
        cell.configuration.name: cell.configuration.manifests[0]["spec"]["template"]["spec"]["containers"]
        for cell in bench.load().cells
    }
    plain = {"name": "web", "image": "hashicorp/http-echo:1.0", "args": ["-text=apple"]}

    assert containers["bare"] == [plain]
    assert containers["graceful"] == [{**plain, "lifecycle": {"preStop": {"sleep": {"seconds": 6}}}}]


def test_axes_are_multiplied(bench: Bench) -> None:
    """Two axes give every combination; a patch without a name is for all of its kind, a list is applied in order."""
    two = "  size:\n    one: {}\n    two:\n      patch:\n        - {kind: Deployment, spec: {replicas: 3}}\n"
    two += "        - {kind: Deployment, spec: {replicas: 2}}\nchanges:\n"
    bench.edit("small.yaml", "changes:\n", two)

    replicas = {c.configuration.name: c.configuration.manifests[0]["spec"]["replicas"] for c in bench.load().cells}

    assert replicas == {"bare/one": 1, "bare/two": 2, "graceful/one": 1, "graceful/two": 2}


def test_without_a_matrix_there_is_one_configuration(bench: Bench) -> None:
    """Its name is default, and its workload has no patch."""
    text = bench.path.read_text()
    bench.path.write_text(text[: text.index("matrix:")] + "changes: [restart: {deployment: apple}]\n")

    assert [cell.id for cell in bench.load().cells] == ["default--none", "default--restart"]


def test_the_control_is_added(bench: Bench) -> None:
    """A file without ``none`` gets it as the first change, unless it has ``control: false``."""
    bench.edit("small.yaml", "  - none\n", "")
    assert isinstance(bench.load().cells[0].change, NoChange)

    bench.edit("small.yaml", "name: small", "name: small\ncontrol: false")
    assert [cell.id for cell in bench.load().cells] == ["bare--restart", "graceful--restart"]


def test_losses_are_never_expected_of_a_control(bench: Bench) -> None:
    """An entry for every change is not for the control."""
    bench.edit("small.yaml", "{pod: bare, change: restart, verdict: lossy}", "{verdict: any}")

    assert [c.expectation.verdict for c in bench.load().cells] == ["lossless", "any", "lossless", "any"]


def test_every_setting_of_traffic_is_read(bench: Bench) -> None:
    """Units become seconds and events per second, words become enums."""
    bench.edit("small.yaml", "rate: 100/s", "rate: 6000/m\n  baseline: 1500ms\n  settle: 0.1m\n  timeout: 1s")
    bench.edit("small.yaml", "pool: {size: 10}", "pool: {size: 9, order: lifo, look: false}\n  methods: [POST]")
    bench.edit(
        "small.yaml", "paths: [", "concurrency: 500\n  host: x.test\n  connections: [reused]\n  paths: [/apple/x, "
    )

    assert bench.load().traffic == TrafficPlan(
        rate=100,
        routes=(Route("/apple/x"), Route("/apple", ("apple",))),
        methods=(Method.POST,),
        shapes=(Shape.REUSED,),
        pool=Pool(9, "lifo", look=False),
        baseline=1.5,
        settle=6,
        timeout=1,
        concurrency=500,
        host="x.test",
    )


def test_changes_are_read_with_their_fields(bench: Bench) -> None:
    """A word alone, a map of fields, and a name of its own are understood."""
    bench.edit(
        "small.yaml", "  - none\n", "  - none: {hold: 5s}\n  - restart: {name: again, deployment: apple, times: 3}\n"
    )

    assert [cell.change for cell in bench.load().cells[:3]] == [
        NoChange(name="none", hold=5),
        Restart(name="again", deployment="apple", times=3),
        Restart(name="restart", deployment="apple"),
    ]


def test_a_new_version_brings_its_answers(bench: Bench) -> None:
    """The numbered answers of an update are right on the paths that lead to its Deployment."""
    update = "rolling-update: {deployment: apple, set: {args: ['-text=b{time}']}, answer: 'b{time}', times: 2}"
    bench.edit("small.yaml", "- restart: {deployment: apple}", f"- {update}")
    bench.edit("small.yaml", "change: restart", "change: rolling-*")

    change = bench.load().cells[1].change

    assert isinstance(change, RollingUpdate)
    assert change.answers == {"/apple": ("b1", "b2")}


def test_answers_in_the_file_replace_derived_ones(bench: Bench) -> None:
    """Answers of a path in the file replace the derived ones."""
    patch = "selector-patch: {service: apple-service, selector: {version: v1}, answer: x, answers: {/apple: [y, z]}}"
    bench.edit("small.yaml", "- restart: {deployment: apple}", f"- {patch}")
    bench.edit("small.yaml", "change: restart", "change: selector-patch")

    change = bench.load().cells[1].change

    assert isinstance(change, SelectorPatch)
    assert change.answers == {"/apple": ("y", "z")}


def test_cells_can_be_excluded(bench: Bench) -> None:
    """An excluded cell does not run; a configuration can be excluded with its control."""
    bench.edit("small.yaml", "expect:", "exclude:\n  - {pod: grace*, change: restart}\nexpect:")
    assert [cell.id for cell in bench.load().cells] == ["bare--none", "bare--restart", "graceful--none"]

    bench.edit("small.yaml", "  - {pod: grace*, change: restart}", "  - {pod: graceful}")
    assert [cell.id for cell in bench.load().cells] == ["bare--none", "bare--restart"]


@pytest.mark.parametrize(
    ("only", "cells"),
    [
        ({"configuration": ("bare",)}, ["bare--none", "bare--restart"]),
        ({"change": ("restart",)}, ["bare--none", "bare--restart", "graceful--none", "graceful--restart"]),
        ({"change": ("none",)}, ["bare--none", "graceful--none"]),
        ({"configuration": ("g*",), "change": ("re*",)}, ["graceful--none", "graceful--restart"]),
        ({"pod": ("grace*",), "change": ("restart",)}, ["graceful--none", "graceful--restart"]),
    ],
)
def test_only_keeps_the_controls(bench: Bench, only: dict[str, tuple[str, ...]], cells: list[str]) -> None:
    """``--only`` takes names and globs, and the control of each kept configuration stays."""
    assert [cell.id for cell in bench.load(only).cells] == cells


def test_a_folder_of_manifests(bench: Bench) -> None:
    """The workload may be a folder, or a list of files and folders."""
    (bench.folder / "apps").mkdir()
    (bench.folder / "apps.yaml").rename(bench.folder / "apps" / "all.yaml")
    bench.edit("small.yaml", "workload: apps.yaml", "workload: [apps]")

    assert str(bench.folder / "apps" / "all.yaml") in bench.load().files


def test_an_entry_limits_hidden_and_twice_executed_requests(bench: Bench) -> None:
    """Without a limit any number is as expected; 0 is a limit."""
    bench.edit("small.yaml", "verdict: lossy", "verdict: any, hidden: 0")
    limits = {cell.id: (cell.expectation.hidden, cell.expectation.twice) for cell in bench.load().cells}

    assert limits["bare--restart"] == (0, None)
    assert {each for name, each in limits.items() if name != "bare--restart"} == {(None, None)}


@pytest.mark.parametrize("limit", [0, 30])
def test_a_limit_of_hidden_requests_behind_traefik_is_refused_at_its_line(bench: Bench, limit: int) -> None:
    """Its log can't prove the limit in any run. The problem names the way out, which is itself valid."""
    bench.edit("small.yaml", "verdict: lossy", f"verdict: any, hidden: {limit}")
    line = next(i for i, text in enumerate(bench.path.read_text().splitlines(), 1) if "hidden:" in text)

    with pytest.raises(InvalidInputError) as caught:
        load_experiment(bench.path, ingress="traefik")
    (problem,) = caught.value.problems

    assert (problem.code, problem.file, problem.line) == (ProblemCode.NEVER_KNOWN, str(bench.path), line)
    assert "always unknown" in problem.message
    assert "--ingress ingress-nginx" in problem.hint
    assert load_experiment(bench.path, ingress="ingress-nginx").ingress == "ingress-nginx"


def test_a_limit_of_requests_executed_twice_is_possible_behind_traefik(bench: Bench) -> None:
    """Receipts of the pods prove it, whatever the access log shows."""
    bench.edit("small.yaml", "verdict: lossy", "verdict: any, twice: 0")

    assert load_experiment(bench.path, ingress="traefik").ingress == "traefik"


def test_traffic_that_does_not_pass_the_controller_may_have_a_limit(bench: Bench) -> None:
    """Nothing on the way to a Service can try again, so the number is known."""
    bench.edit("small.yaml", "verdict: lossy", "verdict: any, hidden: 0")
    bench.edit("small.yaml", "name: small", "name: small\nentry: {service: apple-service}\ningress: none")

    assert bench.load().entry == "apple-service"
