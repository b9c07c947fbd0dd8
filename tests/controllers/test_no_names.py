"""No code outside the packages of controllers decides by a controller's name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.model.controllers import CONTROLLERS, NO_CONTROLLER

ROOT = Path(__file__).parents[2]
#: The modules that are about one controller, and the two tables.
ALLOWED = (
    "harness/controllers/",
    "harness/model/controllers.py",
    "harness/localkube/system/programs.py",
)
NAMES = frozenset(CONTROLLERS) - {NO_CONTROLLER.word}


def names_in(node: ast.AST | None) -> Iterator[ast.Constant]:
    """Yield the names of controllers in a literal, also inside a tuple, a list or a set."""
    if isinstance(node, ast.Constant) and node.value in NAMES:
        yield node
    elif isinstance(node, ast.Tuple | ast.List | ast.Set):
        for element in node.elts:
            yield from names_in(element)
    elif isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Name | ast.Attribute):
        for argument in node.args:  # frozenset({"traefik"}), word.startswith("traefik"), dict.fromkeys(("traefik",))
            yield from names_in(argument)


def decisions(source: str) -> list[str]:
    """Return lines where a name is compared, a key, a subscript, or a pattern of a match."""
    found = []
    for node in ast.walk(ast.parse(source)):
        parts: list[ast.AST | None] = []
        if isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
        elif isinstance(node, ast.Dict):
            parts = [*node.keys]
        elif isinstance(node, ast.Subscript):
            parts = [node.slice]
        elif isinstance(node, ast.MatchValue):
            parts = [node.value]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            parts = [*node.args] if node.func.attr in {"startswith", "endswith", "get", "fromkeys"} else []
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            parts = [*node.args] if node.func.id in {"frozenset", "set"} else []
        found += [f"{name.lineno}: {name.value!r}" for part in parts for name in names_in(part)]
    return found


def test_no_other_module_decides_by_a_name() -> None:
    """Differences between controllers are facts in a table or parts of a package."""
    modules = {str(path.relative_to(ROOT)): path for path in (ROOT / "harness").rglob("*.py")}
    found = {
        name: decided
        for name, path in modules.items()
        if not name.startswith(ALLOWED) and (decided := decisions(path.read_text(encoding="utf-8")))
    }

    assert found == {}
    assert all(any(name.startswith(allowed) for name in modules) for allowed in ALLOWED)


@pytest.mark.parametrize(
    "code",
    [
        'if word == "traefik": pass',
        'if "ingress-nginx" != word: pass',
        'if word in {"traefik", "traefik-nginx"}: pass',
        'if word in frozenset({"traefik"}): pass',
        'TABLE = {"ingress-nginx": 1}',
        'TABLE["traefik"]',
        'TABLE.get("traefik")',
        'dict.fromkeys(("ingress-nginx", "traefik-nginx"), 1)',
        'word.startswith("traefik")',
        'match word:\n    case "traefik":\n        pass',
        'match word:\n    case "ingress-nginx" | "none":\n        pass',
        'x = 1 if word == "traefik" else 2',
    ],
)
def test_a_decision_by_a_name_is_found(code: str) -> None:
    """Every form of such decisions in Python is found."""
    assert decisions(code) != []


@pytest.mark.parametrize("code", ['word = "traefik"', 'f("traefik")', '"""About traefik."""', 'x == "none"'])
def test_a_name_alone_is_no_decision(code: str) -> None:
    """Defaults, texts, and the name for no controller are allowed."""
    assert decisions(code) == []
