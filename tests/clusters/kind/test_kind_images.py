"""Images are built or pulled once, before a cluster is created."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.clusters.kind.images import BUILT_FROM, OWN, _build_context, get_images
from harness.clusters.kind.settings import KindSettings, config_folder
from harness.errors import HarnessError

pytestmark = pytest.mark.processes

FakeTools = Any
OURS = "harness/slow-echo:1"


def get(tmp_path: Path, *workload: str) -> list[str]:
    """Get the images of a cluster without ingress. Return the progress."""
    said: list[str] = []
    get_images(KindSettings("demo", ingress="none", workload=workload), tmp_path, said.append)
    return said


def test_existing_images_are_used(tools: FakeTools, tmp_path: Path) -> None:
    """Nothing is pulled or built."""
    assert get(tmp_path, "hashicorp/http-echo:1.0") == []
    assert tools.calls("docker pull") == tools.calls("docker build") == []


def test_our_own_image_is_built(tools: FakeTools, tmp_path: Path) -> None:
    """It is in no registry. Its Dockerfile is in the folder of the manifests."""
    tools.file("build.works")
    said = get(tmp_path, OURS)
    (call,) = tools.calls("docker build")

    assert said == [f"building {OURS}"]
    assert call.split()[2:-1] == ["--tag", OURS, "--file", str(config_folder() / OWN[OURS])]
    assert tools.calls("docker pull") == []


def test_our_own_image_that_cannot_be_built(tools: FakeTools, tmp_path: Path) -> None:
    """The error has docker's message, the file, and the option to replace the image."""
    with pytest.raises(HarnessError) as caught:
        get(tmp_path, OURS)

    assert "slow-echo/Dockerfile" in caught.value.message
    assert "no such base" in caught.value.detail
    assert f"--image {OURS}=OTHER" in caught.value.hint


def test_each_of_our_own_has_its_file() -> None:
    """Each Dockerfile exists, and the build context has exactly the files that it copies."""
    for file in OWN.values():
        lines = (config_folder() / file).read_text().splitlines()
        copied = {line.split()[1].rstrip("/") for line in lines if line.startswith("COPY ")}
        with _build_context() as context:
            assert copied == {f"harness/{name}" for name in BUILT_FROM}
            assert all((context / name).exists() for name in copied)
            assert [path.name for path in context.iterdir()] == ["harness"]
