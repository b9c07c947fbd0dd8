"""No code of the harness compares, searches or rewrites the text of a problem or an error: codes and types do that."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "harness").rglob("*.py"))
#: Attributes that hold sentences for people.
SENTENCES = {"message", "hint"}
#: Methods of texts that look into them or change them.
METHODS = {"startswith", "endswith", "replace", "find", "index", "count", "split", "partition", "rpartition"}
METHODS |= {"removeprefix", "removesuffix", "translate"}
#: Functions of ``re`` that look into a text or change it.
PATTERNS = {"search", "match", "fullmatch", "findall", "finditer", "sub", "split"}


def comparisons(source: str) -> list[int]:
    """Return the lines on which the text of a problem or of a caught error is compared, searched or rewritten."""
    tree = ast.parse(source)
    errors = {node.name for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.name}
    return sorted(
        {
            node.lineno
            for node in ast.walk(tree)
            if isinstance(node, ast.expr)
            for text in _examined(node)
            if _is_sentence(text, errors)
        }
    )


def _examined(node: ast.expr) -> Iterator[ast.expr]:
    """Yield the texts that an expression looks into or changes."""
    if isinstance(node, ast.Compare):
        yield from (node.left, *node.comparators)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in METHODS:
            yield node.func.value
        if node.func.attr in PATTERNS:
            yield from node.args


def _is_sentence(node: ast.expr, errors: set[str]) -> bool:
    """Return whether an expression is the text of a problem or of a caught error, or a part or a case of it."""
    match node:
        case ast.Attribute(attr=name):
            return name in SENTENCES
        case ast.Call(func=ast.Name(id="str" | "repr"), args=[ast.Name(id=name)]):
            return name in errors
        case ast.Call(func=ast.Attribute(value=value, attr="lower" | "casefold" | "strip" | "upper")):
            return _is_sentence(value, errors)
        case ast.Subscript(value=ast.Attribute(value=ast.Name(id=name), attr="args")):
            return name in errors
    return False


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_message_is_compared(path: Path) -> None:
    """Each sentence can be improved without a change of behaviour."""
    assert comparisons(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        'found = "required" in problem.message',
        'found = problem.message == "gone"',
        'found = problem.message.lower().startswith("no ")',
        'text = problem.message.replace("workload", "namespace")',
        'found = re.search("no .*", problem.hint)',
        'found = "refused" in str(error)',
        'found = error.args[0] == "refused"',
    ],
)
def test_a_comparison_is_found(line: str) -> None:
    """Each form of it, so that the test above can fail."""
    assert comparisons(f"try:\n    work()\nexcept OSError as error:\n    {line}\n") == [4]


@pytest.mark.parametrize("line", ["text = f'{problem.message}.'", "found = problem.code is Code.GONE", "str(error)"])
def test_a_message_may_be_shown(line: str) -> None:
    """Only looking into it is refused."""
    assert comparisons(f"try:\n    work()\nexcept OSError as error:\n    {line}\n") == []
