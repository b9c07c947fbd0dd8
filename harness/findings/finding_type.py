"""Defines the base class of all findings: code, weight, check and sentence."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, ClassVar, Self

from harness.analysis.cells import CellFacts
from harness.analysis.facts import Facts
from harness.model.schedule import Stream
from harness.model.shapes import SHAPES
from harness.model.timeline import Detail
from harness.model.verdict import Finding, Weight

#: Key in a field's metadata: the field is a mapping, and each of its items is a number of its own with this prefix.
PREFIX = "prefix"

_Value = str | int | float | bool

#: The end of a stream's name, by the word of its shape.
_SHAPE_NAMES = {shape.word: facts.stream for shape, facts in SHAPES.items()}


@dataclass(frozen=True, slots=True)
class Sentence:
    """A finding as text for a report.

    Attributes:
        text: The finding and its meaning.
        advice: Advice for the user; empty if nothing needs to be done.
    """

    text: str
    advice: str = ""


class Subject(Enum):
    """The object that a check examines."""

    #: A trial that ran.
    TRIAL = auto()
    #: A trial that the end of the run interrupted or prevented.
    STOPPED_TRIAL = auto()
    #: A trial that failed before its traffic began.
    FAILED_TRIAL = auto()
    #: Traffic that was watched, without a change.
    WATCH = auto()
    #: A cell, before its verdict is known.
    CELL = auto()
    #: A cell whose verdict is known, compared with its expectation.
    JUDGED_CELL = auto()


class Numbered:
    """A dataclass whose fields are stored as flat numbers and read back with their types.

    Fields are ``str``, ``int``, ``float``, ``bool``, or one of these or None. None is not written. A mapping with
    ``PREFIX`` in its metadata is written as one number per item.
    """

    def numbers(self) -> dict[str, str | int | float | bool]:
        """Return the fields in the form of ``verdict.json``."""
        numbers: dict[str, _Value] = {}
        for field in dataclasses.fields(typing.cast("Any", self)):
            value = getattr(self, field.name)
            if PREFIX in field.metadata:
                numbers |= {f"{field.metadata[PREFIX]}{key}": number for key, number in value.items()}
            elif value is not None:
                numbers[field.name] = value
        return numbers

    @classmethod
    def read(cls, numbers: Detail) -> Self:
        """Return the record for stored numbers.

        A number that is missing or of another type becomes 0 or empty, so that reports of old verdicts still work.
        """
        hints = typing.get_type_hints(cls)
        values: dict[str, Any] = {}
        for field in dataclasses.fields(typing.cast("Any", cls)):
            prefix = field.metadata.get(PREFIX)
            if prefix is not None:
                found = {key.removeprefix(prefix): n for key, n in numbers.items() if key.startswith(prefix)}
                values[field.name] = {key: int(_finite(number)) for key, number in found.items()}
            else:
                values[field.name] = _value(hints[field.name], numbers.get(field.name))
        return cls(**values)


class FindingType(Numbered, ABC):
    """A kind of finding; its instances carry the numbers of one occurrence as typed fields.

    A subclass is a frozen dataclass. It names its code and weight as class arguments::

        @dataclass(frozen=True, kw_only=True)
        class Unfinished(TrialFinding, code="unfinished", weight=Weight.EVIDENCE):

    Class arguments:
        code: Code in ``verdict.json``.
        weight: Effect on the verdict.
        subjects: Objects that its check examines.
        warns: True if reports show it even if the verdict is as expected.
    """

    code: ClassVar[str] = ""
    weight: ClassVar[Weight]
    subjects: ClassVar[frozenset[Subject]] = frozenset()
    warns: ClassVar[bool] = False

    def __init_subclass__(
        cls,
        *,
        code: str = "",
        weight: Weight | None = None,
        subjects: Iterable[Subject] | None = None,
        warns: bool = False,
    ) -> None:
        """Take the class arguments.

        Raises:
            TypeError: A code comes without a weight, or a weight without a code.
        """
        super().__init_subclass__()
        if bool(code) != (weight is not None):
            raise TypeError(f"{cls.__name__} needs both a code and a weight.")
        if weight is not None:
            cls.code, cls.weight, cls.warns = code, weight, warns
        if subjects is not None:
            cls.subjects = frozenset(subjects)

    @abstractmethod
    def sentence(self) -> Sentence:
        """Return the finding as text and advice for the report of a run."""

    def watch_sentence(self) -> Sentence:
        """Return the same for a watch, which has no change, control or Experiment."""
        return self.sentence()

    def record(self) -> Finding:
        """Return the finding in the form of ``verdict.json``."""
        return Finding(self.code, self.numbers())

    @classmethod
    def among(cls, findings: Iterable[Finding]) -> Iterator[Self]:
        """Yield the findings of this type, with typed numbers."""
        return (cls.read(finding.numbers) for finding in findings if finding.code == cls.code)


class TrialFinding(FindingType, subjects={Subject.TRIAL}):
    """A finding in the evidence of a trial or of a watch."""

    @classmethod
    @abstractmethod
    def check(cls, facts: Facts) -> Iterator[FindingType]:
        """Yield what is found in a trial's facts."""


class CellFinding(FindingType, subjects={Subject.CELL}):
    """A finding about a cell as a whole."""

    @classmethod
    @abstractmethod
    def check(cls, cell: CellFacts) -> Iterator[FindingType]:
        """Yield what is found in a cell's facts."""


@dataclass(frozen=True, kw_only=True)
class OfStream:
    """The fields of a finding about one stream."""

    method: str
    shape: str
    path: str

    @property
    def stream(self) -> str:
        """Return the stream as text: ``GET /apple on new connections``."""
        return f"{self.method} {self.path} {_SHAPE_NAMES.get(self.shape, self.shape)}"


class StreamName(typing.TypedDict):
    """The fields of ``OfStream``."""

    method: str
    shape: str
    path: str


def name_of(stream: Stream) -> StreamName:
    """Return the fields that name a stream."""
    return {"method": stream.method.name, "shape": stream.shape.word, "path": stream.key}


def _value(kind: Any, raw: _Value | None) -> Any:
    """Return a stored number as the type of its field."""
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        if raw is None:
            return None
        kind = next(each for each in typing.get_args(kind) if each is not type(None))
    if kind is str:
        return "" if raw is None else str(raw)
    if kind is bool:
        return bool(raw)
    return int(_finite(raw)) if kind is int else _finite(raw)


def _finite(raw: _Value | None) -> float:
    """Return a finite number; 0 for anything else."""
    return float(raw) if raw is not None and not isinstance(raw, str) and math.isfinite(raw) else 0.0
