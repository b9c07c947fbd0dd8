"""``--harness-experiment`` makes each cell a test, whose result is that of its verdict."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
Run = Callable[..., pytest.RunResult]
ROOT = Path(__file__).parents[2]
DEMO = "experiments/demo.yaml"
#: Runs that end at once, with the made-up verdicts of the sample, and write their cells down.
MADE_UP = """
from pathlib import Path
import json, os
import harness
from harness.testing.reports import sample_run
from harness.runner.run import RunResult

def made_up(experiment, options):
    out = Path(f"ran-{os.getpid()}-{len(list(Path().glob('ran-*')))}")
    out.write_text(json.dumps([cell.id for cell in experiment.cells]))
    Path("options.json").write_text(json.dumps([options.cluster, dict(options.cluster_options)]))
    return RunResult(options.out or Path("reports/sample"), sample_run(), (), interrupted=False)

harness.run = made_up
"""


@pytest.fixture(autouse=True)
def shipped(pytester: pytest.Pytester) -> None:
    """Copy the shipped Experiments into the folder of the run."""
    shutil.copytree(ROOT / "experiments", pytester.path / "experiments")


def ran(folder: Path) -> list[list[str]]:
    """Return the cells of each run."""
    return [json.loads(path.read_text()) for path in folder.glob("ran-*")]


@pytest.mark.processes
def test_every_cell_has_its_result(run: Run, pytester: pytest.Pytester) -> None:
    """Expected losses pass, unexpected ones fail, and an inconclusive cell does neither; all come from one run."""
    pytester.makeconftest(MADE_UP)
    pytester.makepyfile("def test_other(): raise SystemExit('only the Experiment is asked for')")
    done = run("--harness-experiment", DEMO, "-v")
    text = done.stdout.str()

    assert done.ret == 1
    assert re.search(r"1 failed, 13 passed, 1 inconclusive", text)
    assert re.search(r"demo.yaml::bare--rolling-update PASSED", text)
    assert re.search(r"demo.yaml::graceful--rolling-update FAILED", text)
    assert re.search(r"demo.yaml::bare--ingress-edit INCONCLUSIVE", text)
    assert "graceful--rolling-update is lossy, expected lossless: 5 of 2,000 lost." in text
    assert "Traceback" not in text
    assert [len(cells) for cells in ran(pytester.path)] == [15]


@pytest.mark.processes
def test_the_failure_has_account_and_cause(run: Run, pytester: pytest.Pytester) -> None:
    """It shows the table and the findings of this cell, and the way to the report, and nothing of other cells."""
    pytester.makeconftest(MADE_UP)
    done = run("--harness-experiment", DEMO, "-k", "graceful and rolling")
    text = done.stdout.str()

    assert "expected lossless" in text
    assert re.search(r"lost.* 5 .*|5 .*lost", text)
    assert "report: reports/sample/index.html" in text
    assert "bare" not in text.partition("FAILURES")[2]
    assert ran(pytester.path) == [["graceful--none", "graceful--rolling-update"]]


@pytest.mark.processes
def test_tests_that_are_named_run_too(run: Run, pytester: pytest.Pytester) -> None:
    """With tests on the command line, the cells come in addition; one cell can be named by its id."""
    pytester.makeconftest(MADE_UP)
    name = pytester.makepyfile("def test_other(): pass").name
    both = run(name, "--harness-experiment", DEMO, "-k", "other or none")
    one = run(f"{DEMO}::bare--none", "--harness-experiment", DEMO)

    both.assert_outcomes(passed=4)
    one.assert_outcomes(passed=1)


@pytest.mark.processes
def test_a_worker_of_xdist_runs_its_cells_alone(run: Run, pytester: pytest.Pytester) -> None:
    """Each cell is a run with its control, so no worker waits for the cells of another one."""
    pytester.makeconftest(MADE_UP)
    done = run("--harness-experiment", DEMO, "-n", "2", "-k", "probe")
    done.assert_outcomes(passed=5)

    assert sorted(ran(pytester.path)) == [
        ["probe--none"],
        ["probe--none", "probe--delete-pod"],
        ["probe--none", "probe--ingress-edit"],
        ["probe--none", "probe--rolling-update"],
        ["probe--none", "probe--selector-patch"],
    ]


@pytest.mark.processes
def test_the_cluster_is_the_one_that_is_asked_for(run: Run, pytester: pytest.Pytester) -> None:
    """Cells run on a cluster of their own or on one that stays up, which only kind has."""
    pytester.makeconftest(MADE_UP)
    chosen = []
    for options in (
        (),
        ("--harness-cluster", "kind"),
        ("--harness-cluster", "kind", "--harness-cluster-name", "lasting"),
    ):
        run(f"{DEMO}::bare--none", "--harness-experiment", DEMO, *options).assert_outcomes(passed=1)
        chosen.append(json.loads(pytester.path.joinpath("options.json").read_text(encoding="utf-8")))
    refused = run("--harness-experiment", DEMO, "--harness-cluster-name", "lasting")

    assert chosen == [["local", {}], ["kind", {}], ["kind", {"reuse": "lasting", "name": "lasting"}]]
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    assert "needs --harness-cluster kind" in refused.stderr.str()


@pytest.mark.processes
def test_a_bug_of_the_harness_is_no_pass(run: Run, pytester: pytest.Pytester) -> None:
    """Every cell of a run with a bug fails, even if its verdict is the expected one."""
    pytester.makeconftest(MADE_UP.replace("(), interrupted", "('Traceback of a trial',), interrupted"))
    done = run("--harness-experiment", DEMO, "-k", "graceful and none")

    assert done.ret == 1
    assert "Traceback of a trial" in done.stdout.str()


@pytest.mark.processes
def test_problems_of_an_experiment_are_all_shown(run: Run, pytester: pytest.Pytester) -> None:
    """An invalid file is an error of the collection, with file and line of each problem."""
    pytester.makefile(".yaml", wrong="name: wrong\nworkload: nowhere\nchanges: [none]\n")
    done = run("--harness-experiment", "wrong.yaml")

    assert done.ret == 2
    assert "wrong.yaml:2" in done.stdout.str()


@pytest.mark.e2e
def test_a_real_experiment(run: Run, pytester: pytest.Pytester) -> None:
    """On the embedded cluster a graceful restart passes, and a bare one fails with its account."""
    patches = [f"experiments/patches/{name}.yaml" for name in ("readiness", "prestop-sleep-6")]
    content = {
        "name": "restarts",
        "workload": "experiments/apps/apple-banana",
        "ingress": "ingress-nginx",
        "traffic": {"rate": "50/s", "paths": ["/apple"], "pool": {"size": 8}, "baseline": "2s", "settle": "1s"},
        "matrix": {"lifecycle": {"bare": {}, "graceful": {"patch": patches}}},
        "changes": ["none", {"restart": {"deployment": "apple"}}],
    }
    pytester.path.joinpath("restarts.yaml").write_text(json.dumps(content), encoding="utf-8")
    done = run("--harness-experiment", "restarts.yaml", "--harness-reports", "kept", "-v")
    text = done.stdout.str()
    (kept,) = pytester.path.joinpath("kept").iterdir()

    assert done.ret == 1
    # A busy machine may make it inconclusive.
    assert re.search("graceful--restart (PASSED|INCONCLUSIVE)", text)
    assert "bare--restart FAILED" in text
    assert re.search(r"bare--restart is lossy, expected lossless: \d+ of [\d,]+ lost", text)
    assert f"report: kept/{kept.name}/index.html" in text
