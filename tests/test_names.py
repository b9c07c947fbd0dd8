"""Tests of names and prose: one meaning per class name, and docstrings that a new engineer understands at once."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: Source text by path below the root.
Sources = Mapping[str, str]
SOURCES: Sources = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "harness").rglob("*.py"))
}

#: Class names that still have two meanings. Each is a fault to be fixed; no name may be added.
NOT_YET_UNIQUE: frozenset[str] = frozenset()

#: Modules and packages whose prose is finished.
FINISHED = (
    "harness/__init__.py",
    "harness/__main__.py",
    "harness/analysis/",
    "harness/api.py",
    "harness/changes/",
    "harness/cli/",
    "harness/clusters/",
    "harness/controllers/",
    "harness/errors.py",
    "harness/exercises/",
    "harness/experiment/",
    "harness/findings/",
    "harness/intake/",
    "harness/judging/",
    "harness/kit/",
    "harness/kube/",
    "harness/localkube/",
    "harness/model/",
    "harness/observe/",
    "harness/play/",
    "harness/pytest_plugin/",
    "harness/reference/",
    "harness/report/",
    "harness/runner/",
    "harness/store/",
    "harness/telemetry/",
    "harness/testing/",
    "harness/traffic/",
    "harness/wording.py",
)

#: Words of which a plainer one exists: say, next to, again, failed, forever, fix, anyone.
BANNED = re.compile(r"\b(told|beside|anew|in vain|for good|mend(s|ed|ing)?|whoever|is to be had)\b", re.IGNORECASE)
#: Words in files that must keep them: the reasons of thresholds are part of ``verdict.json``.
STORED_WORDS = {"harness/analysis/thresholds.py": frozenset({"told", "beside"})}
#: Words that no module, class or function is named after.
PRIVATE_NAMES = frozenset(
    {"course", "courier", "crew", "lane", "lanes", "rescue", "scene", "story", "telling", "turns", "venue"}
)

QUESTION = re.compile(r"(What|Whether|Who|Which|Where|How|Why|When)\b")
NOUN = re.compile(r"(The|A|An|Every|All|One|No|This|These)\b")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DOCUMENTED = (*FUNCTIONS, ast.ClassDef, ast.Module)


def finished(sources: Sources) -> Sources:
    """Return the modules whose prose is finished."""
    return {path: text for path, text in sources.items() if path.startswith(FINISHED)}


def repeated_classes(sources: Sources) -> dict[str, list[str]]:
    """Return the places of each class name that is defined more than once, nested and private ones included."""
    places = defaultdict(list)
    for path, text in sources.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(f"{path}:{node.lineno}")
    return {name: found for name, found in places.items() if len(found) > 1}


def docstrings(sources: Sources) -> Iterator[tuple[str, ast.AST, str]]:
    """Yield the place, the node and the text of each docstring."""
    for path, text in sources.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, DOCUMENTED) and (doc := ast.get_docstring(node)):
                yield f"{path}:{getattr(node, 'lineno', 1)}", node, doc


def questions(sources: Sources) -> list[str]:
    """Return the docstrings that begin like a question."""
    return [f"{place} {doc.splitlines()[0]}" for place, _, doc in docstrings(sources) if QUESTION.match(doc)]


def nouns(sources: Sources) -> list[str]:
    """Return the docstrings of functions that begin with an article or the like, in place of a verb."""
    return [
        f"{place} {doc.splitlines()[0]}"
        for place, node, doc in docstrings(sources)
        if isinstance(node, FUNCTIONS) and NOUN.match(doc)
    ]


def banned_words(sources: Sources) -> list[str]:
    """Return the lines with a banned word, apart from stored ones."""
    return [
        f"{path}:{number} {line.strip()}"
        for path, text in sources.items()
        for number, line in enumerate(text.splitlines(), 1)
        for match in BANNED.finditer(line)
        if match[0].lower() not in STORED_WORDS.get(path, ())
    ]


def private_names(sources: Sources) -> list[str]:
    """Return the modules, classes and functions that are named after a word of the project's own."""
    found = []
    for path, text in sources.items():
        names = [(1, Path(path).stem)]
        names += [
            (node.lineno, node.name)
            for node in ast.walk(ast.parse(text))
            if isinstance(node, (*FUNCTIONS, ast.ClassDef))
        ]
        found += [f"{path}:{line} {name}" for line, name in names if PRIVATE_NAMES & set(words_of(name))]
    return found


def words_of(name: str) -> Iterable[str]:
    """Split ``RunSchedule`` or ``run_schedule`` into its words, in lower case."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().split("_")


def test_no_class_name_has_two_meanings() -> None:
    """A name that is defined twice says which one is meant nowhere."""
    repeated = repeated_classes(SOURCES)

    assert {name: places for name, places in repeated.items() if name not in NOT_YET_UNIQUE} == {}


def test_no_docstring_begins_like_a_question() -> None:
    """Docstrings of functions begin with a verb, those of classes with a noun."""
    assert questions(finished(SOURCES)) == []


def test_docstrings_of_functions_begin_with_a_verb() -> None:
    """The verb is in the imperative: "Return", "Wait"."""
    assert nouns(finished(SOURCES)) == []


def test_no_banned_word_occurs() -> None:
    """Names, comments, docstrings and messages use the plainer word."""
    assert banned_words(finished(SOURCES)) == []


def test_names_are_terms_of_the_field() -> None:
    """An engineer who is new here knows them, or finds them in the glossary."""
    assert private_names(finished(SOURCES)) == []


@pytest.mark.parametrize("entry", FINISHED)
def test_every_listed_module_exists(entry: str) -> None:
    """A path that is misspelled would check nothing."""
    assert [path for path in SOURCES if path.startswith(entry)] != []


@pytest.mark.parametrize(
    "other",
    ["class Place: pass", "class Outer:\n    class Place: pass", "def make():\n    class Place: pass"],
)
def test_a_repeated_class_is_found(other: str) -> None:
    """The definition may be nested in a class or a function."""
    sources = {"a.py": "class Place: pass\nclass Other: pass", "b.py": other}

    assert list(repeated_classes(sources)) == ["Place"]
    assert repeated_classes({"a.py": sources["a.py"]}) == {}


def test_a_private_class_is_found_twice() -> None:
    """An underscore does not excuse a second meaning."""
    assert list(repeated_classes({"a.py": "class _Rule: pass", "b.py": "class _Rule: pass"})) == ["_Rule"]


@pytest.mark.parametrize("word", ["What", "Whether", "Who", "Which", "Where", "How", "Why", "When"])
@pytest.mark.parametrize("source", ['"""{}."""', 'class A:\n    """{}."""', 'def f():\n    """{}."""'])
def test_a_question_is_found(word: str, source: str) -> None:
    """It is found in a module, a class and a function."""
    assert len(questions({"a.py": source.format(f"{word} it is")})) == 1
    assert questions({"a.py": source.format(f"{word}ever")}) == []


def test_a_noun_is_found_in_functions_only() -> None:
    """A class is described by a noun."""
    assert len(nouns({"a.py": 'async def f():\n    """The port."""'})) == 1
    assert nouns({"a.py": 'def f():\n    """Return the port."""'}) == []
    assert nouns({"a.py": 'class A:\n    """A port."""'}) == []


@pytest.mark.parametrize("text", ["# told", 'a = "Beside it."', "told = 1", '"""Mended\nanew."""', "# For good."])
def test_a_banned_word_is_found(text: str) -> None:
    """It is found in comments, strings, names and docstrings."""
    assert banned_words({"a.py": text}) != []
    assert banned_words({"a.py": "# untold recommended amended besides"}) == []


def test_stored_words_are_excused_in_their_file_only() -> None:
    """Other banned words of that file are found."""
    (path,) = STORED_WORDS

    assert banned_words({path: "told"}) == []
    assert banned_words({path: "anew"}) != []
    assert banned_words({"harness/analysis/moments.py": "told"}) != []


@pytest.mark.parametrize(
    ("path", "source"),
    [("harness/lanes.py", ""), ("a.py", "class FakeVenue: pass"), ("a.py", "async def run_crew(): pass")],
)
def test_a_private_name_is_found(path: str, source: str) -> None:
    """Each word of a name counts, in modules, classes and functions."""
    assert len(private_names({path: source})) == 1
    assert private_names({"planes.py": "def recourse(): pass"}) == []


def test_unlisted_modules_are_left_out() -> None:
    """Only listed packages are checked."""
    sources = {"harness/runner/run.py": "", "harness/other/run.py": ""}

    assert list(finished(sources)) == ["harness/runner/run.py"]
