"""Tests that images are replaced everywhere the user asked for, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import InvalidInputError
from harness.experiment.load import load_experiment
from harness.model.changes import RollingUpdate
from harness.model.experiment import Experiment
from harness.runner.deploy import images_of
from harness.runner.images import read_images, with_images

ROOT = Path(__file__).parents[2]
ECHO = "hashicorp/http-echo:1.0"


@pytest.fixture
def demo() -> Experiment:
    """Return a shipped Experiment."""
    return load_experiment(ROOT / "experiments" / "demo.yaml", only={})


def test_manifests_have_the_replaced_image(demo: Experiment) -> None:
    """Every container with the image has the new one; the original Experiment is unchanged."""
    changed = with_images(demo, {ECHO: "mirror/echo:1"}, "Never")

    for before, after in zip(demo.cells, changed.cells, strict=True):
        assert images_of(before.configuration.manifests) == (ECHO,)
        assert images_of(after.configuration.manifests) == ("mirror/echo:1",)
        containers = [
            container
            for manifest in after.configuration.manifests
            if manifest["kind"] == "Deployment"
            for container in manifest["spec"]["template"]["spec"]["containers"]
        ]
        assert {container["imagePullPolicy"] for container in containers} == {"Never"}


def test_a_change_to_a_replaced_image_uses_the_replacement(demo: Experiment) -> None:
    """A rolling update to an image that is replaced rolls to its replacement."""
    change = RollingUpdate(name="new", deployment="apple", set={"image": ECHO})
    changed = with_images(replace(demo, cells=(replace(demo.cells[0], change=change),)), {ECHO: "mirror/echo:1"})

    assert changed.cells[0].change == replace(change, set={"image": "mirror/echo:1"})


def test_without_options_nothing_changes(demo: Experiment) -> None:
    """Without the options the Experiment is the same."""
    assert with_images(demo, {}) is demo


def test_options_take_precedence_over_the_file(tmp_path: Path) -> None:
    """Both may be given."""
    (tmp_path / "images.yaml").write_text("a: file/a\nb: file/b\nnode: ''\n")

    assert read_images(["b=word/b"], tmp_path / "images.yaml") == {"a": "file/a", "b": "word/b"}


def test_every_fault_is_listed(tmp_path: Path, demo: Experiment) -> None:
    """Faults are options without name or image, entries that are no text, another file, and an unknown policy."""
    (tmp_path / "images.yaml").write_text("a: [1]\n")
    with pytest.raises(InvalidInputError) as caught:
        read_images(["nothing", "=x"], tmp_path / "images.yaml")

    assert len(caught.value.problems) == 3
    with pytest.raises(InvalidInputError, match="can't be read"):
        read_images([], tmp_path / "none.yaml")
    with pytest.raises(InvalidInputError, match="pull policy"):
        with_images(demo, {}, "Sometimes")
