"""The Experiments that ship with the harness."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from harness.experiment.load import load_experiment
from harness.model.changes import RollingUpdate
from harness.model.experiment import ExpectedVerdict

FOLDER = Path(__file__).parents[2] / "experiments"
SHIPPED = sorted(FOLDER.glob("*.yaml"))


def expectations(name: str) -> dict[str, ExpectedVerdict]:
    """Return the expected verdict of each cell."""
    return {cell.id: cell.expectation.verdict for cell in load_experiment(FOLDER / name).cells}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_experiment_loads(path: Path) -> None:
    """Each is valid, has the name of its file and a control per configuration, and gives reasons for losses."""
    experiment = load_experiment(path)

    assert experiment.name == path.stem
    assert experiment.description
    controlled = {cell.configuration.name for cell in experiment.cells if cell.change.kind == "none"}
    assert controlled == {cell.configuration.name for cell in experiment.cells}
    assert [
        cell.id for cell in experiment.cells if cell.expectation.verdict != "lossless" and not cell.expectation.reason
    ] == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_experiment_names_its_version(path: Path) -> None:
    """A copy has the version of the format."""
    assert next(iter(yaml.safe_load(path.read_text()))) == "version"


def test_every_patch_is_used() -> None:
    """Each patch file is read by an Experiment."""
    used = {name for path in SHIPPED for name in load_experiment(path).files}

    assert [str(patch) for patch in sorted((FOLDER / "patches").iterdir()) if str(patch) not in used] == []


def test_the_demo_has_its_documented_cells() -> None:
    """Three configurations by five changes, with a real cluster's verdicts."""
    found = expectations("demo.yaml")
    lossy = {name for name, verdict in found.items() if verdict is ExpectedVerdict.LOSSY}

    assert len(found) == 15
    assert lossy == {
        "bare--rolling-update",
        "probe--rolling-update",
        "bare--delete-pod",
        "probe--delete-pod",
        "graceful--delete-pod",
    }
    assert {name for name, verdict in found.items() if verdict is ExpectedVerdict.ANY} == {
        f"{row}--ingress-edit" for row in ("bare", "probe", "graceful")
    }


def test_exercise_1_has_its_true_numbers() -> None:
    """15 s, 3 s, 1 s, a header, 10 s, 60 s, 120 s, no pod unavailable, one replica."""
    complete = load_experiment(FOLDER / "exercise-1.yaml").cells[0].configuration
    spec = next(m for m in complete.manifests if m["kind"] == "Deployment" and m["metadata"]["name"] == "apple")["spec"]
    pod = spec["template"]["spec"]
    container = pod["containers"][0]
    probe = container["readinessProbe"]

    assert complete.name == "complete"
    assert (probe["initialDelaySeconds"], probe["periodSeconds"], probe["timeoutSeconds"]) == (15, 3, 1)
    assert len(probe["httpGet"]["httpHeaders"]) == 1
    assert container["lifecycle"] == {"preStop": {"sleep": {"seconds": 10}}}
    assert (pod["terminationGracePeriodSeconds"], spec["progressDeadlineSeconds"]) == (60, 120)
    assert (spec["strategy"]["rollingUpdate"]["maxUnavailable"], spec["replicas"]) == (0, 1)


def test_exercise_2_differs_in_the_client_alone() -> None:
    """The careful and the naive Experiment have the same traffic and changes."""
    careful, naive = (
        yaml.safe_load((FOLDER / name).read_text()) for name in ("exercise-2.yaml", "exercise-2-naive.yaml")
    )
    looks = (careful["traffic"]["pool"].pop("look"), naive["traffic"]["pool"].pop("look"))

    assert looks == (True, False)
    assert (careful["traffic"], careful["changes"]) == (naive["traffic"], naive["changes"])


@pytest.mark.parametrize("path", sorted(FOLDER.glob("sabotage-*.yaml")), ids=lambda path: path.stem)
def test_sabotage_changes_at_least_three_times(path: Path) -> None:
    """A single change may lose nothing by chance, so each is repeated; lossy cells have class and window."""
    for cell in load_experiment(path).cells:
        assert cell.change.kind == "none" or cell.change.times >= 3
        if cell.expectation.verdict is ExpectedVerdict.LOSSY:
            assert cell.expectation.classes
            assert cell.expectation.window > 0


def test_sabotage_has_both_sides() -> None:
    """There are settings that must lose and settings that must not."""
    verdicts = [
        cell.expectation.verdict
        for path in FOLDER.glob("sabotage-*.yaml")
        for cell in load_experiment(path).cells
        if cell.change.kind != "none"
    ]

    assert (verdicts.count(ExpectedVerdict.LOSSY), verdicts.count(ExpectedVerdict.LOSSLESS)) == (16, 10)


def test_the_new_version_has_an_answer_of_its_own() -> None:
    """The answers that a numbered update brings are right on the paths that lead to it."""
    cell = next(c for c in load_experiment(FOLDER / "demo.yaml").cells if isinstance(c.change, RollingUpdate))

    assert cell.change.answers == {"/apple": ("apple-v2-1", "apple-v2-2")}
