"""Manifests are read from files and folders, and every problem has its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import InvalidInputError
from harness.kube.manifests import load_manifests

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: %s}
spec:
  ports: [{port: 80}]
"""


def test_a_folder_gives_its_files_in_order(tmp_path: Path) -> None:
    """Every YAML file of a folder is read, sorted by name, with the objects' lines. Other files are ignored."""
    (tmp_path / "b.yaml").write_text(SERVICE % "two")
    (tmp_path / "a.yml").write_text(SERVICE % "zero" + "---\n" + SERVICE % "one")
    (tmp_path / "notes.txt").write_text("nothing")

    found = load_manifests(tmp_path)

    assert [(m.key[1], Path(m.file).name, m.line_of(("spec", "ports"))) for m in found] == [
        ("zero", "a.yml", 5),
        ("one", "a.yml", 11),
        ("two", "b.yaml", 5),
    ]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (SERVICE % "a" + "  selectr: {a: b}\n", [6]),
        (SERVICE % "a" + "  clusterIP: 5\n  typ: x\n", [6, 7]),
        (SERVICE % "a" + "---\n" + SERVICE % "a", [7]),
        ("apiVersion: v1\nkind: Service\nmetadata: {}\nspec: {}\n", [3]),
        ("- a\n", [1]),
        ("# nothing\n", [0]),
        ("a: [\n", [2]),
    ],
)
def test_problems_have_their_lines(tmp_path: Path, text: str, lines: list[int]) -> None:
    """Unknown fields, wrong types, duplicates, missing names and non-objects have file and line."""
    path = tmp_path / "m.yaml"
    path.write_text(text)

    with pytest.raises(InvalidInputError) as caught:
        load_manifests(path)

    assert [(p.file, p.line) for p in caught.value.problems] == [(str(path), line) for line in lines]


def test_nothing_to_read(tmp_path: Path) -> None:
    """A folder without manifests and a missing file are problems."""
    for path in (tmp_path, tmp_path / "missing.yaml"):
        with pytest.raises(InvalidInputError) as caught:
            load_manifests(path)
        assert len(caught.value.problems) == 1
