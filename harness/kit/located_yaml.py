"""Reads YAML with the line of every node, so that an error can say ``file:line``.

It is stricter than YAML. A repeated key is an error, because the parser would silently keep the last. Keys must be text
(``on:`` is not). Values have the types of JSON; a date stays text.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.errors import Problem
from harness.problem_codes import ProblemCode

#: Path of a node in a document: keys and list indices from its root.
Place = tuple[str | int, ...]

#: A character after a backslash.
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)

#: Maximum number of nodes: more than any real file has. Aliases of aliases ("billion laughs") would have far more.
MAX_NODES = 100_000


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """A YAML document.

    Attributes:
        value: Maps with text keys, lists, texts, numbers, booleans and None.
        file: Name of the file, as the user gave it.
        line: Line where the document begins, from 1.
        lines: Path -> line from 1, for every key and list item.
    """

    value: Any
    file: str
    line: int
    lines: Mapping[Place, int]

    def line_of(self, place: Place) -> int:
        """Return the line of a node, or of the nearest node around it."""
        for end in range(len(place), 0, -1):
            if place[:end] in self.lines:
                return self.lines[place[:end]]
        return self.line


def read_documents(path: Path) -> tuple[list[YamlDocument], list[Problem]]:
    """Read a YAML or JSON file.

    Returns:
        Its documents without empty ones, and all problems of the file. A document with a problem is as complete as
        could be read.
    """
    file = str(path)
    try:
        text = decoded(path.read_bytes())
    except OSError as error:
        return [], [Problem(f"can't read the file: {error.strerror or error}", file, code=_unreadable(error))]
    except UnicodeDecodeError:
        return [], [Problem("expected text in UTF-8", file, code=ProblemCode.UNREADABLE_FILE)]
    return parse_documents(text, file)


def decoded(content: bytes) -> str:
    """Return the text of a file: UTF-8, or UTF-16 if it begins with its mark, as files of PowerShell do.

    Raises:
        UnicodeDecodeError: It is neither.
    """
    return content.decode("utf-16" if content[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE} else "utf-8-sig")


def parse_documents(text: str, file: str) -> tuple[list[YamlDocument], list[Problem]]:
    """Parse text as ``read_documents`` does a file."""
    text = _as_yaml(text)
    documents: list[YamlDocument] = []
    problems: list[Problem] = []
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"not YAML: the character #x{error.character:02x} is not allowed"
        return [], [Problem(message, file, line, code=ProblemCode.NOT_YAML)]
    try:
        while loader.check_node():
            reader = _Reader(loader, file, problems)
            node = loader.get_node()
            value = None if node is None else reader.build(node, ())
            if node is not None and value is not None:
                documents.append(YamlDocument(value, file, node.start_mark.line + 1, reader.lines))
    except yaml.MarkedYAMLError as error:
        problems.append(_malformed(error, file))
    except RecursionError:
        problems.append(Problem("nested too deeply", file, code=ProblemCode.NOT_YAML))
    finally:
        loader.dispose()
    return documents, problems


def _as_yaml(text: str) -> str:
    """Return JSON in the form that YAML 1.1 accepts, line by line the same; other text as it is.

    YAML allows neither tabs between tokens nor a slash that is escaped. JSON allows no tab inside of a string.
    """
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return _ESCAPE.sub(lambda match: "/" if match[1] == "/" else match[0], text.replace("\t", " "))


class _Loader(yaml.SafeLoader):
    """The safe loader without dates: Kubernetes has none, so a date would be unexpected."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Reader:
    """A converter of one document's nodes into values, which records their lines."""

    def __init__(self, loader: _Loader, file: str, problems: list[Problem]) -> None:
        self._loader = loader
        self._file = file
        self._problems = problems
        self._open: set[int] = set()
        self._count = 0
        self.lines: dict[Place, int] = {}

    def build(self, node: yaml.Node, place: Place) -> Any:
        self._count += 1
        if id(node) in self._open or self._count > MAX_NODES:
            if self._count <= MAX_NODES + 1:
                self._problem(node, "an alias that contains itself, or too many aliases")
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, place)
            if isinstance(node, yaml.SequenceNode):
                return [self._at(item, (*place, index)) for index, item in enumerate(node.value)]
            return self._scalar(node)
        finally:
            self._open.discard(id(node))

    def _at(self, node: yaml.Node, place: Place) -> Any:
        self.lines.setdefault(place, node.start_mark.line + 1)
        return self.build(node, place)

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, int] = {}
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged.update(self._merged(value_node, place))
                continue
            key = self._key(key_node)
            if key is None:
                continue
            if key in own:
                self._problem(
                    key_node,
                    f"the key {key!r} is repeated; it is already on line {own[key]}",
                    code=ProblemCode.REPEATED,
                )
                continue
            own[key] = key_node.start_mark.line + 1
            self.lines[*place, key] = own[key]
            found[key] = self.build(value_node, (*place, key))
        return {**merged, **found}

    def _merged(self, node: yaml.Node, place: Place) -> dict[str, Any]:
        """Return the value of ``<<``: a map, or several maps of which the first has precedence."""
        value = self.build(node, place)
        parts = value if isinstance(value, list) else [value]
        if not all(isinstance(part, dict) for part in parts):
            self._problem(node, "expected a map or a list of maps after <<")
            return {}
        result: dict[str, Any] = {}
        for part in reversed(parts):
            result.update(part)
        return result

    def _key(self, node: yaml.Node) -> str | None:
        value = self._scalar(node) if isinstance(node, yaml.ScalarNode) else None
        if isinstance(value, str):
            return value
        text = node.value if isinstance(node, yaml.ScalarNode) else "a list or map"
        self._problem(node, f"a key must be text; {text!s} is not", hint=f'quote it: "{text}"')
        return None

    def _scalar(self, node: yaml.Node) -> Any:
        try:
            return self._loader.construct_object(node, deep=True)
        except (yaml.YAMLError, ValueError) as error:
            reason = getattr(error, "problem", None) or str(error)
            self._problem(node, f"can't be read: {reason}")
            return None

    def _problem(
        self, node: yaml.Node, message: str, hint: str = "", *, code: ProblemCode = ProblemCode.NOT_YAML
    ) -> None:
        self._problems.append(Problem(message, self._file, node.start_mark.line + 1, hint, code=code))


def _unreadable(error: OSError) -> ProblemCode:
    missing = isinstance(error, FileNotFoundError)
    return ProblemCode.NO_SUCH_FILE if missing else ProblemCode.UNREADABLE_FILE


def _malformed(error: yaml.MarkedYAMLError, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    context = f" {error.context}," if error.context else ""
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    message, hint = f"not YAML:{context} {error.problem}", _remedy(error, line)
    return Problem(message, file, line, hint, column, ProblemCode.NOT_YAML)


def _remedy(error: yaml.MarkedYAMLError, line: int) -> str:
    """Return advice for common mistakes. The parser's message only says where it failed."""
    problem, context = error.problem or "", error.context or ""
    indentation = f"check the indentation of lines {line - 1} and {line}" if line > 1 else ""
    if "\\t" in problem:
        return "indent with spaces, not tabs"
    if "flow" in context and "<stream end>" in problem:
        return "a [ or { is not closed"
    if "flow" in context and ("'{'" in problem or "<scalar>" in problem):
        return "quote texts that have { } in them"
    if "mapping values" in problem:
        return " and ".join(part for part in (indentation, "quote texts that have a colon in them") if part)
    return indentation if "block" in context or "simple key" in context else ""
