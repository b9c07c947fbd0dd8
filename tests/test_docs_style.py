"""The documentation keeps its rules: one sentence per line, short cells, plain words, links that lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from documentation import DOCS, ROOT
from markdown_rules import LONGEST_CELL, anchors, broken_links, cells, sentences, unreachable, words

START = DOCS / "README.md"
_IN_FOLDERS = sorted(
    path
    for folder in (".github", "bench", "docs", "experiments", "findings", "harness", "kind-config", "locustfiles")
    for path in (ROOT / folder).rglob("*.md")
)
PAGES = [
    *_IN_FOLDERS,
    *sorted(ROOT.glob("*.md")),
    ROOT / "reports" / "README.md",
    ROOT / "tests" / "golden" / "README.md",
]
#: Pages that other changes of the documentation rewrite; they only keep their links whole.
_REWRITTEN_ELSEWHERE = {
    "docs/contributing/add-a-connection-shape.md",
    "harness/localkube/README.md",
}
#: Files in which a page of the documentation, or a shipped Experiment, may be named.
_TEXTS = {".py", ".md", ".yaml", ".yml", ".toml", ".html", ".j2", ""}
_NAMED = re.compile(r"(?<![\w/.-])(docs/[\w./-]+\.md|experiments/[\w./-]+\.yaml)\b")
#: The Experiment that a reader of the first page saves, and the one of made-up evidence.
_MADE_UP = {"experiments/mine.yaml", "experiments/sample.yaml"}


def name(path: Path) -> str:
    """Return a path relative to the checkout."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("rule", [sentences, cells, words], ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", [p for p in PAGES if name(p) not in _REWRITTEN_ELSEWHERE], ids=name)
def test_page_keeps_the_rule(path: Path, rule: Callable[[str], Iterator[str]]) -> None:
    """Each line is one sentence, each cell fits on a screen, each word is plain."""
    assert list(rule(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_link_leads_somewhere(path: Path) -> None:
    """Each relative link has its file and its heading."""
    assert list(broken_links(path)) == []


def test_every_page_is_reachable_from_the_map() -> None:
    """A page that no other page names would be read by nobody."""
    pages = {path.resolve(): path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md")}

    assert sorted(map(name, unreachable(START, pages))) == []


def test_every_page_is_in_a_folder_of_its_purpose() -> None:
    """Tutorial, how-to, reference and explanation are apart; the map alone stands above them."""
    folders = {"tutorial", "exercises", "how-to", "reference", "explanation", "contributing"}
    odd = {name(path) for path in DOCS.rglob("*.md") if path.parent.name not in folders and path != START}

    assert odd - _REWRITTEN_ELSEWHERE == set()


def test_every_file_that_a_text_names_exists() -> None:
    """Help, errors, docstrings and commands name pages and Experiments that exist."""
    folders = ("harness", "bench", "docs", "locustfiles", "experiments", "kind-config", ".github")
    files = [*PAGES, ROOT / "Makefile", ROOT / "pyproject.toml"]
    files += [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in _TEXTS]
    texts = {path: path.read_text(encoding="utf-8") for path in files if path.is_file()}
    named = {(name(path), found) for path, text in texts.items() for found in _NAMED.findall(text)}

    assert len(named) > 50
    assert sorted(pair for pair in named if pair[1] not in _MADE_UP and not (ROOT / pair[1]).exists()) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("One. Two.", "1: has more than one sentence: One. Two."),
        ("- One `a.b`. `Two`.", "1: has more than one sentence: One X. X."),
        ('> He asks (why?) "So it is." Then he goes.', '1: has more than one sentence: He asks (why?) "So'),
        ("A sentence that\ngoes on.", "1: goes on in the next line: A sentence that"),
        ("1. Do it\n   now.", "1: goes on in the next line: Do it"),
        ("Text.\n\nOne.\n**Two** ends. Three.", "4: has more than one sentence: ends. Three."),
    ],
)
def test_two_sentences_on_a_line_are_found(text: str, problem: str) -> None:
    """In paragraphs, items and quotations; also one sentence on two lines."""
    (found,) = sentences(text)

    assert found.startswith(problem)


@pytest.mark.parametrize(
    "text",
    [
        "One.\nTwo:\nthree!",
        "- One.\n  Two.\n- Three",
        "**A beginning.** A sentence.",
        "The file `a. B` is one, e.g. Traefik 3.7 is another, and RFC 9112, 9.8 too.",
        "```\nOne. Two.\nthree\n```",
        "# A title? Yes. It may.",
    ],
)
def test_one_sentence_per_line_passes(text: str) -> None:
    """Code, titles, abbreviations and a bold beginning are no second sentence."""
    assert list(sentences(text)) == []


def test_a_long_cell_is_found() -> None:
    """One character more than the limit, wherever the cell is."""
    table = "| a | b |\n|---|---|\n| {} | {} |\n"

    assert list(cells(table.format("x" * LONGEST_CELL, "y"))) == []
    assert [each[:4] for each in cells(table.format("x", "y" * (LONGEST_CELL + 1)))] == ["3: h"]


def test_a_banned_word_is_found() -> None:
    """In text, titles and tables, but not in code and not as a part of another word."""
    text = "# Anew\n\nI told it `told`, untold.\nIt waits in vain.\n\n| for good |\n|---|\n| x |\n"

    assert [each.partition(":")[0] for each in words(text)] == ["1", "3", "4", "6"]
    assert list(words("A good, recommended `told`.\n\n```\ntold\n```\n")) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    """A file that is missing, a heading that is missing, here or there."""
    (tmp_path / "b.md").write_text("# One `two`: three\n\n## Same\n\n## Same\n")
    page = tmp_path / "a.md"
    page.write_text(
        "# Top\n[1](b.md#one-two-three) [2](#top) [3](https://x.example/#y) [4](b.md#same-1)\n\n"
        "[5](c.md)\n\n[6](b.md#two)\n\n[7](#one) ![8](d.png)\n"
    )

    assert [each.partition(" ")[2] for each in broken_links(page)] == [
        "leads to no file: c.md",
        "leads to no heading: b.md#two",
        "leads to no heading: #one",
        "leads to no file: d.png",
    ]


def test_an_anchor_is_that_of_the_site() -> None:
    """Marks and signs go, letters of any language and dashes stay."""
    assert anchors("# ClusterRole for `--cluster context`\n\n## Größe (in s)\n") == {
        "clusterrole-for---cluster-context",
        "größe-in-s",
    }


def test_a_page_without_a_way_to_it_is_found(tmp_path: Path) -> None:
    """Links are followed from page to page; a page that only links is not reached."""
    start, middle, end, lost = (tmp_path / each for each in ("README.md", "x/m.md", "x/e.md", "x/l.md"))
    pages = {start: "[m](x/m.md#top)", middle: "[e](e.md)", end: "[s](../README.md)", lost: "[m](m.md)"}

    assert unreachable(start, pages) == {lost}
