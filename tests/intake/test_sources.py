"""Every form in which people have manifests is read."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from harness.errors import InvalidInputError, MissingToolError
from harness.intake.sources import read_source

SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "shop"},
    "spec": {"ports": [{"port": 80}]},
}
CONFIG: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop"}}


def test_a_file_with_several_documents_is_plain(chart: Path) -> None:
    """An Experiment can name it as it is."""
    source = read_source(str(chart))

    assert source.plain
    assert source.name == "chart-full"
    assert [each["kind"] for each in source.objects][:2] == ["ServiceAccount", "PodDisruptionBudget"]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"apiVersion": "v1", "kind": "List", "items": [SERVICE, CONFIG]}),
        json.dumps([SERVICE, CONFIG], indent="\t"),
        "apiVersion: v1\nkind: List\nitems:\n- " + json.dumps(SERVICE) + "\n- " + json.dumps(CONFIG) + "\n",
    ],
)
def test_lists_and_json_are_taken_apart(tmp_path: Path, text: str) -> None:
    """JSON may be indented with tabs, which YAML forbids."""
    file = tmp_path / "all.json"
    file.write_text(text)

    source = read_source(str(file))

    assert source.objects == [SERVICE, CONFIG]
    assert source.plain


def test_items_of_a_typed_list_get_their_kind(tmp_path: Path) -> None:
    """``kubectl get services -o json`` through some clients says the kind once, for all."""
    file = tmp_path / "services.yaml"
    items = [{"metadata": {"name": "shop"}}]
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "ServiceList", "items": items}))

    assert read_source(str(file)).objects == [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop"}}]


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    """Other files are ignored."""
    (tmp_path / "b.yaml").write_text(json.dumps(CONFIG))
    (tmp_path / "a.yml").write_text(json.dumps(SERVICE))
    (tmp_path / "README.md").write_text("# Shop")

    assert read_source(str(tmp_path)).objects == [SERVICE, CONFIG]


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """For pipes."""
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(SERVICE)))

    source = read_source("-")

    assert (source.objects, source.plain) == ([SERVICE], False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "YAML"),
        ("name: shop\n", "expected an object with apiVersion and kind"),
        ("# nothing\n", "no object"),
        ("- 1\n", "expected an object"),
    ],
)
def test_a_file_that_holds_no_object_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    """The message names the file."""
    file = tmp_path / "bad.yaml"
    file.write_text(text)

    with pytest.raises(InvalidInputError) as caught:
        read_source(str(file))

    assert message in str(caught.value.detail)
    assert "bad.yaml" in str(caught.value.detail)


@pytest.mark.processes
@pytest.mark.parametrize(
    ("marker", "program", "argument"),
    [("Chart.yaml", "helm", "template"), ("kustomization.yaml", "kubectl", "kustomize")],
)
def test_charts_and_overlays_are_rendered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, marker: str, program: str, argument: str
) -> None:
    """By the program that people use for them; without it the message has the command."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / marker).write_text("name: shop\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match=f"{program} is not installed") as caught:
        read_source(str(folder))
    assert f"{program} {argument}" in caught.value.hint
    fake = tmp_path / program
    fake.write_text(f"#!/bin/sh\n[ \"$1\" = {argument} ] && echo '{json.dumps(SERVICE)}'\n")
    fake.chmod(0o755)

    source = read_source(str(folder))

    assert source.objects == [SERVICE]
    assert source.rendered_by.startswith(f"{program} {argument}")


@pytest.mark.processes
def test_a_renderer_that_fails_gives_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They name the chart's mistake."""
    (tmp_path / "Chart.yaml").write_text("name: shop\n")
    fake = tmp_path / "helm"
    fake.write_text("#!/bin/sh\necho 'values.image is required' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")

    with pytest.raises(InvalidInputError) as caught:
        read_source(str(tmp_path))

    assert "values.image is required" in str(caught.value.detail)
