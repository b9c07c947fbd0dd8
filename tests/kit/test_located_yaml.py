"""YAML is read with the line of every node, and problems have their lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.kit.located_yaml import parse_documents, read_documents


def refused(text: str) -> list[int]:
    """Return the lines of the problems of a text."""
    return [problem.line for problem in parse_documents(text, "x.yaml")[1]]


def test_every_key_and_item_has_its_line() -> None:
    """A path gives its line. An unknown path gives that of the nearest node around it."""
    (document,), problems = parse_documents("a:\n  b:\n    - 1\n    - c: 2\n", "x.yaml")

    assert problems == []
    assert document.value == {"a": {"b": [1, {"c": 2}]}}
    assert [document.line_of(p) for p in (("a",), ("a", "b"), ("a", "b", 1, "c"), ("a", "b", 7), ("z",))] == [
        1,
        2,
        4,
        2,
        1,
    ]


def test_documents_know_where_they_begin() -> None:
    """Several documents are read from one file, without empty ones."""
    documents, _ = parse_documents("a: 1\n---\n---\nb: 2\n", "x.yaml")

    assert [(d.value, d.line) for d in documents] == [({"a": 1}, 1), ({"b": 2}, 4)]


def test_dates_stay_text() -> None:
    """A date is text, as in JSON."""
    assert parse_documents("day: 2024-01-31\n", "x.yaml")[0][0].value == {"day": "2024-01-31"}


def test_merge_keys_are_merged() -> None:
    """Own keys have precedence over those merged by ``<<``."""
    text = "base: &base {a: 1, b: 2}\nuse:\n  <<: *base\n  b: 3\n"

    assert parse_documents(text, "x.yaml")[0][0].value["use"] == {"a": 1, "b": 3}


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a: 1\nb: 2\na: 3\n", [3]),
        ("a:\n  on: 1\n", [2]),
        ("a: 1\n 2: x\n", [2]),
        ("a:\n\t- b\n", [2]),
        ("a: [1, 2\n", [2]),
        ("a: !python/object:os.system x\n", [1]),
        ("a: &x [*x]\n", [1]),
        ("a: {<<: 3}\n", [1]),
        ("[" * 3000, [0]),
        ("a: 1\nb: \x00\n", [2]),
    ],
)
def test_invalid_yaml_is_refused(text: str, lines: list[int]) -> None:
    """Repeated keys, non-text keys, broken YAML, foreign tags and endless aliases have their line."""
    assert refused(text) == lines


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("a: {b: x-{time}, c: 3}\n", "f:1:10", "quote texts that have { } in them"),
        ("a:\n  - [{time}-x]\n", "f:2:12", "quote texts that have { } in them"),
        ("a: 1\nb:\n  c: 2\n   d: 3\n", "f:4:5", "check the indentation of lines 3 and 4"),
        ("a:\n    b: 1\n  c: 2\n", "f:3:3", "check the indentation of lines 2 and 3"),
        ("a: b: c\n", "f:1:5", "quote texts that have a colon in them"),
        ("a: [1,\n\n", "f:3:1", "a [ or { is not closed"),
    ],
)
def test_broken_yaml_says_where_and_what_to_do(text: str, place: str, hint: str) -> None:
    """The problem has line, column and advice."""
    (problem,) = parse_documents(text, "f")[1]

    assert str(problem).startswith(f"{place}: not YAML: ")
    assert hint in problem.hint


def test_a_bomb_of_aliases_is_refused() -> None:
    """Aliases of aliases are limited by the number of nodes."""
    levels = "".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]\n" for i in range(1, 9))

    assert len(refused("l0: &l0 [x]\n" + levels)) == 1


def test_files_that_cant_be_read(tmp_path: Path) -> None:
    """A missing file, a folder and binary data are problems, not exceptions."""
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")

    for path in (tmp_path / "missing.yaml", tmp_path, binary):
        documents, problems = read_documents(path)
        assert (documents, [p.file for p in problems]) == ([], [str(path)])
