"""The size budget of the design, measured; it fails when the code outgrows it."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "harness").rglob("*.py"))


def function_lengths(path: Path) -> list[tuple[int, str]]:
    """(lines without the docstring, place) of every function in a file."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            doc = node.body[0] if ast.get_docstring(node) else None
            doc_lines = (doc.end_lineno or 0) - doc.lineno + 1 if doc else 0
            lines = (node.end_lineno or 0) - node.lineno + 1 - doc_lines
            found.append((lines, f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"))
    return found


def test_files_are_small() -> None:
    """The median file has at most 150 lines; one idea with many members may have more."""
    assert statistics.median(len(path.read_text().splitlines()) for path in SOURCES) <= 150


def test_functions_are_small() -> None:
    """The median function has at most 10 lines, nine in ten at most 30, none more than 60."""
    lengths = sorted(item for path in SOURCES for item in function_lengths(path))

    assert [place for n, place in lengths if n > 60] == []
    assert lengths[len(lengths) // 2][0] <= 10
    assert lengths[len(lengths) * 9 // 10][0] <= 30


def test_every_module_says_why_it_exists() -> None:
    """Every module has a docstring."""
    assert [str(p) for p in SOURCES if not ast.get_docstring(ast.parse(p.read_text()))] == []


def test_no_file_names_a_registry_or_this_machine() -> None:
    """No committed file of ours holds a package registry's address or an absolute path of a machine."""
    words = ["pypi" + ".org", "files.python" + "hosted", "deb.debian" + ".org", "/root" + "/", "/work" + "/"]
    files = [
        p
        for top in ("harness", "tests", "docs", "experiments", "bench", "findings", "locustfiles", "kind-config", ".ci")
        for p in (ROOT / top).rglob("*")
        if p.is_file() and p.suffix not in {".pyc", ".png"}
    ]
    files += [ROOT / name for name in ("Makefile", "README.md", "pyproject.toml", "constraints.txt", "CHANGELOG.md")]
    found = [(str(p), w) for p in files if p.exists() for w in words if w in p.read_text(errors="replace")]

    assert found == []
