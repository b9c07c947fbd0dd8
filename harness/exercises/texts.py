"""The texts of the exercises in each language, from files that a translator edits without touching code.

``data/N.LANGUAGE.yaml`` has the texts of an exercise, and ``data/common.LANGUAGE.yaml`` those of all of them. Words in
braces are replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from harness.exercises.steps import data_file

LANGUAGES = ("en", "zh")
#: Measured values that a lesson may name in braces.
VALUES = ("lost", "sent", "cut", "seconds", "classes", "measured", "answers", "switches", "sessions")


@dataclass(frozen=True, slots=True)
class StepTexts:
    """The texts of one step.

    Attributes:
        title: Its title.
        text: Paragraphs before the command.
        question: The question for the prediction.
        choices: The choices of the prediction.
        lesson: Paragraphs after the measurement, with values in braces.
    """

    title: str
    text: tuple[str, ...]
    question: str
    choices: tuple[str, ...]
    lesson: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PageSection:
    """A section of an exercise's page that belongs to no step.

    Attributes:
        title: Its title.
        text: Its paragraphs.
        command: A command to try; empty for none.
    """

    title: str
    text: tuple[str, ...]
    command: str = ""


@dataclass(frozen=True, slots=True)
class ExerciseTexts:
    """The texts of an exercise in one language.

    Attributes:
        title: Its title.
        introduction: Paragraphs before the first step.
        picture: The caption of its picture.
        steps: Id of a step -> its texts.
        common: Texts of all exercises, by name.
        sections: Further sections of its page.
    """

    title: str
    introduction: tuple[str, ...]
    picture: str
    steps: Mapping[str, StepTexts]
    common: Mapping[str, str]
    sections: tuple[PageSection, ...] = ()

    def say(self, name: str, /, **values: object) -> str:
        """Return one of the common texts with its values."""
        return fill(self.common[name], values)


def fill(text: str, values: Mapping[str, object]) -> str:
    """Return a text with its words in braces replaced."""
    return text.format_map({key: str(value) for key, value in values.items()})


@cache
def load_texts(number: int, language: str) -> ExerciseTexts:
    """Return the texts of an exercise.

    Raises:
        KeyError: A text is missing.
    """
    found = _read(f"{number}.{language}.yaml")
    steps = {
        step: StepTexts(one["title"], tuple(one["text"]), one["question"], tuple(one["choices"]), tuple(one["lesson"]))
        for step, one in found["steps"].items()
    }
    sections = tuple(
        PageSection(one["title"], tuple(one["text"]), one.get("command", "")) for one in found.get("sections", ())
    )
    common = _read(f"common.{language}.yaml")
    return ExerciseTexts(found["title"], tuple(found["introduction"]), found["picture"], steps, common, sections)


def _read(name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml.safe_load(data_file(name).read_text(encoding="utf-8"))
    return found
