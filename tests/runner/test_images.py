"""Images are replaced where the user said so, everywhere and nowhere else."""

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
    """A shipped Experiment."""
    return load_experiment(ROOT / "experiments" / "demo.yaml", only={})


def test_manifests_name_the_other_image(demo: Experiment) -> None:
    """Every container that named the image names the other; what was loaded is left as it is."""
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


def test_change_to_an_image_names_the_other_too(demo: Experiment) -> None:
    """A rolling update to an image that was replaced rolls to its replacement."""
    change = RollingUpdate(name="new", deployment="apple", set={"image": ECHO})
    changed = with_images(replace(demo, cells=(replace(demo.cells[0], change=change),)), {ECHO: "mirror/echo:1"})

    assert changed.cells[0].change == replace(change, set={"image": "mirror/echo:1"})


def test_nothing_asked_nothing_changed(demo: Experiment) -> None:
    """Without the options the Experiment is the same."""
    assert with_images(demo, {}) is demo


def test_words_count_more_than_the_file(tmp_path: Path) -> None:
    """Both may be given."""
    (tmp_path / "images.yaml").write_text("a: file/a\nb: file/b\nnode: ''\n")

    assert read_images(["b=word/b"], tmp_path / "images.yaml") == {"a": "file/a", "b": "word/b"}


def test_all_that_is_wrong_is_listed(tmp_path: Path, demo: Experiment) -> None:
    """Words without a name or an image, entries that are no text, a file that is none, a policy that nobody knows."""
    (tmp_path / "images.yaml").write_text("a: [1]\n")
    with pytest.raises(InvalidInputError) as caught:
        read_images(["nothing", "=x"], tmp_path / "images.yaml")

    assert len(caught.value.problems) == 3
    with pytest.raises(InvalidInputError, match="can't be read"):
        read_images([], tmp_path / "none.yaml")
    with pytest.raises(InvalidInputError, match="pull policy"):
        with_images(demo, {}, "Sometimes")
