"""Rules for the Markdown of the documentation, and a checker for each of them.

A problem is a text ``LINE: what is wrong``; a page without problems gives none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

#: The longest cell of a table that fits on a screen, in characters.
LONGEST_CELL = 200
#: Words that a reader of plain English stumbles over.
BANNED = ("told", "anew", "in vain", "for good", "mend", "mended", "whoever", "beside", "is to be had")

_BANNED = re.compile(rf"\b(?:{'|'.join(BANNED)})\b", re.IGNORECASE)
_CODE = "X"
_CLOSERS = r"[\"')\]]*"
#: The end of a sentence, and the beginning of another one on the same line.
_SECOND_SENTENCE = re.compile(rf"(?<!e\.g)(?<!i\.e)(?<!etc)[.!?]{_CLOSERS}\s+[\"'(\[]*[A-Z]")
_SENTENCE_END = re.compile(rf"[.!?:;…。！？：；]{_CLOSERS}$")  # noqa: RUF001 - the marks of Chinese


@cache
def _tokens(text: str) -> tuple[Token, ...]:
    return tuple(MarkdownIt("commonmark").enable("table").parse(text))


def _inline(text: str) -> Iterator[tuple[Token, Token]]:
    """Yield each token with text and the token before it, which says what it is part of."""
    tokens = _tokens(text)
    for before, token in pairwise(tokens):
        if token.type == "inline":
            yield before, token


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 0


def _plain(token: Token) -> Iterator[str]:
    """Yield the lines of a text, with a letter in place of code, without marks, and without a bold beginning."""
    line, depth = "", 0
    for child in token.children or ():
        if child.type in {"softbreak", "hardbreak"}:
            yield line.strip()
            line = ""
        elif child.type == "strong_open":
            depth += 0 if line.strip() else 1
        elif child.type == "strong_close":
            depth = max(depth - 1, 0)
        elif not depth:
            line += _CODE if child.type == "code_inline" else child.content
    yield line.strip()


def sentences(text: str) -> Iterator[str]:
    """Find lines with more than one sentence, and sentences that go on in the next line."""
    for before, token in _inline(text):
        if before.type != "paragraph_open":
            continue
        lines = list(_plain(token))
        for number, line in enumerate(lines, start=_line(token)):
            if _SECOND_SENTENCE.search(line):
                yield f"{number}: has more than one sentence: {line}"
        for number, line in enumerate(lines[:-1], start=_line(token)):
            if line and not _SENTENCE_END.search(line):
                yield f"{number}: goes on in the next line: {line}"


def cells(text: str) -> Iterator[str]:
    """Find cells of tables that are too long."""
    for before, token in _inline(text):
        if before.type in {"td_open", "th_open"} and len(token.content) > LONGEST_CELL:
            yield f"{_line(token)}: has a cell of {len(token.content)} characters: {token.content[:60]}"


def words(text: str) -> Iterator[str]:
    """Find banned words outside of code."""
    for _, token in _inline(text):
        for number, line in enumerate(_visible(token), start=_line(token)):
            for word in _BANNED.findall(line):
                yield f"{number}: has the word {word!r}: {line}"


def _visible(token: Token) -> list[str]:
    parts = (
        "\n" if child.type in {"softbreak", "hardbreak"} else _CODE if child.type == "code_inline" else child.content
        for child in token.children or ()
    )
    return "".join(parts).split("\n")


def links(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the target of every link and picture."""
    for _, token in _inline(text):
        for child in token.children or ():
            target = child.attrGet("href") or child.attrGet("src")
            if target:
                yield _line(token), str(target)


def anchors(text: str) -> frozenset[str]:
    """Return the anchors of the headings, as GitHub makes them."""
    found: dict[str, int] = {}
    names = set()
    for before, token in _inline(text):
        if before.type == "heading_open":
            shown = "".join(child.content for child in token.children or ())
            slug = "".join(
                "-" if char == " " else char
                for char in shown.lower()
                if char in " -_" or unicodedata.category(char)[0] in "LN"
            )
            again = found.get(slug, 0)
            found[slug] = again + 1
            names.add(f"{slug}-{again}" if again else slug)
    return frozenset(names)


def broken_links(path: Path) -> Iterator[str]:
    """Find relative links of a page that lead to no file, or to no heading."""
    for number, target in links(path.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if not file.exists():
            yield f"{number}: leads to no file: {target}"
        elif anchor and anchor not in anchors(file.read_text(encoding="utf-8")):
            yield f"{number}: leads to no heading: {target}"


def unreachable(start: Path, pages: Mapping[Path, str]) -> frozenset[Path]:
    """Return the pages to which no chain of links leads from a start page.

    Args:
        start: The page that a reader opens first.
        pages: Text of each page by its resolved path, the start included.
    """
    reached: set[Path] = set()
    queue = [start]
    while queue:
        page = queue.pop()
        if page in reached or page not in pages:
            continue
        reached.add(page)
        queue += [(page.parent / target.partition("#")[0]).resolve() for _, target in links(pages[page])]
    return frozenset(pages) - reached
