"""Tests of the trials of an Experiment: their number, order and parallelism."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.experiment.load import load_experiment
from harness.model.changes import NoChange, RollingUpdate
from harness.model.experiment import Cell, Configuration, Experiment, Route, TrafficPlan
from harness.runner.deploy import images_of
from harness.runner.options import TRIALS_PER_CORE, RunOptions, cores
from harness.runner.trial import longest_grace
from harness.runner.trial_order import estimated_seconds, plan_jobs
from harness.store.rundir import RunDirectory


def deployment(pod: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """Return a Deployment with this pod spec."""
    return {"kind": "Deployment", "spec": {**spec, "template": {"spec": pod}}}


SLOW = deployment(
    {
        "terminationGracePeriodSeconds": 60,
        "containers": [
            {
                "image": "a:1",
                "lifecycle": {"preStop": {"sleep": {"seconds": 10}}},
                "readinessProbe": {"initialDelaySeconds": 15},
            }
        ],
    },
    progressDeadlineSeconds=120,
)
QUICK = deployment({"containers": [{"image": "a:1"}, {"image": "b:1"}], "initContainers": [{"image": "c:1"}]})
UPDATE = RollingUpdate(name="update", deployment="apple", times=3)


def experiment(*cells: Cell, trials: int = 1) -> Experiment:
    """Return an Experiment of these cells."""
    traffic = TrafficPlan(rate=10, routes=(Route("/"),))
    return Experiment("e", "e.yaml", (), "ingress-nginx", traffic, cells, trials)


def test_every_trial_of_every_cell_has_a_job_and_a_folder(tmp_path: Path) -> None:
    """Two cells of two trials give four numbered jobs, each with its folder."""
    cells = [Cell(Configuration((("a", name),), (QUICK,)), NoChange(name="none")) for name in ("x", "y")]
    jobs = plan_jobs(experiment(*cells, trials=2), RunDirectory.create(tmp_path / "run", "e"))

    assert sorted(job.name for job in jobs) == ["x--none #1", "x--none #2", "y--none #1", "y--none #2"]
    assert all(job.directory.traffic.is_dir() for job in jobs)


def test_the_longest_trial_begins_first(tmp_path: Path) -> None:
    """Grace periods, probe delays and repetitions decide. A long trial left for last would run alone."""
    quick = Cell(Configuration((("a", "quick"),), (QUICK,)), UPDATE)
    slow = Cell(Configuration((("a", "slow"),), (SLOW,)), UPDATE)
    jobs = plan_jobs(experiment(quick, slow), RunDirectory.create(tmp_path / "run", "e"))

    assert [job.name for job in jobs] == ["slow--update", "quick--update"]
    assert estimated_seconds(slow) == 3 * (2 + 10 + 15)


def test_the_holds_of_a_release_count(tmp_path: Path) -> None:
    """A canary with three steps of 5 s begins before its control of 3 s."""
    file = Path(__file__).parents[2] / "experiments" / "exercise-3-canary.yaml"
    jobs = plan_jobs(load_experiment(file), RunDirectory.create(tmp_path / "run", "e"))
    estimated = {job.cell.change.name: estimated_seconds(job.cell) for job in jobs}

    assert jobs[0].cell.change.name == "canary"
    assert estimated["canary"] > 15
    assert estimated["canary"] > estimated["none"]


def test_a_change_may_take_the_time_that_its_manifests_allow(tmp_path: Path) -> None:
    """Grace period, initial delay and progress deadline of the slowest Deployment add up."""
    (job,) = plan_jobs(
        experiment(Cell(Configuration((), (QUICK, SLOW)), UPDATE)), RunDirectory.create(tmp_path / "run", "e")
    )

    assert longest_grace(job) == 60 + 15 + 120


def test_parallelism_follows_the_machine_unless_it_is_given() -> None:
    """The default is a few per core, and never more than there are trials. ``--parallel`` is used as given."""
    assert RunOptions().parallel_trials(100) == TRIALS_PER_CORE * cores()
    assert RunOptions().parallel_trials(1) == 1
    assert RunOptions(parallel=2).parallel_trials(100) == 2


def test_images_are_those_of_all_containers_each_once() -> None:
    """Init containers come first, as they run first."""
    assert images_of((QUICK, SLOW)) == ("c:1", "a:1", "b:1")


def test_images_of_a_bare_pod() -> None:
    """A pod without a Deployment needs its image on the node as well; a patch without one needs nothing."""
    pod = {"kind": "Pod", "spec": {"containers": [{"name": "a", "image": "a:1"}]}}

    assert images_of((pod, {"kind": "ConfigMap", "data": {}})) == ("a:1",)
