"""Every text exists in every language, with the same words in braces; every page is current."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from harness.exercises.pages import page_name, page_text, picture_name, write_pages
from harness.exercises.progress import StepResult
from harness.exercises.steps import NUMBERS, ExerciseStep, StepCheck, data_file, files_of, load_exercise, objects_of
from harness.exercises.texts import LANGUAGES, VALUES, load_texts
from harness.exercises.walk import lesson_of
from harness.experiment.load import load_experiment
from harness.kit.shipped import shipped

DOCS = Path(__file__).parents[2] / "docs" / "exercises"
SOURCE = Path(__file__).parents[2] / "harness" / "exercises"
BRACES = re.compile(r"{(\w+)}")
STEPS = [(number, step.id) for number in NUMBERS for step in load_exercise(number).steps]


def raw(name: str) -> dict[str, str]:
    """Return a file of texts as it is."""
    found: dict[str, str] = yaml.safe_load(data_file(name).read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("number", NUMBERS)
def test_every_step_has_its_texts(number: int, language: str) -> None:
    """No text is missing, none is left over, and each choice has its own."""
    exercise, texts = load_exercise(number), load_texts(number, language)

    assert list(texts.steps) == [step.id for step in exercise.steps]
    for step in exercise.steps:
        own = texts.steps[step.id]
        assert len(own.choices) == len(step.choices)
        assert all([own.title, own.question, *own.text, *own.lesson, *own.choices])


@pytest.mark.parametrize(("number", "step"), STEPS)
def test_languages_show_the_same_values(number: int, step: str) -> None:
    """A translation neither drops a measured value nor names one that is not measured."""
    used = [{*BRACES.findall(" ".join(load_texts(number, one).steps[step].lesson))} for one in LANGUAGES]

    assert used.count(used[0]) == len(used)
    assert used[0] <= set(VALUES)
    for language in LANGUAGES:
        result = StepResult(1, "lossy", lost=7, sent=90, cut=5, seconds=1.5, measured=6.0)
        assert not BRACES.findall(" ".join(lesson_of(load_texts(number, language).steps[step], result)))


def test_common_texts() -> None:
    """Each language has all of them with the same words in braces, and each one that the code names exists."""
    first, *others = (raw(f"common.{language}.yaml") for language in LANGUAGES)
    named = {
        name
        for path in SOURCE.glob("*.py")
        for name in re.findall(r'"((?:wrong|hint|result|page|ask|measured)_\w+)"', path.read_text(encoding="utf-8"))
    }

    assert len(named) > 20
    assert named <= set(first)
    for other in others:
        assert set(other) == set(first)
        assert {name: {*BRACES.findall(text)} for name, text in other.items()} == {
            name: {*BRACES.findall(text)} for name, text in first.items()
        }


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("number", NUMBERS)
def test_every_page_is_current(number: int, language: str) -> None:
    """After a change of a text, ``python -m harness.exercises.pages`` must have run."""
    assert (DOCS / page_name(number, language)).read_text(encoding="utf-8") == page_text(number, language)


@pytest.mark.parametrize("number", NUMBERS)
def test_sections_are_in_every_language(number: int) -> None:
    """Each has as many paragraphs, and the same commands, which name shipped Experiments."""
    shapes = [
        [(len(each.text), each.command) for each in load_texts(number, language).sections] for language in LANGUAGES
    ]

    assert shapes.count(shapes[0]) == len(shapes)
    for name in re.findall(r"experiments/(\S+)", " ".join(command for _, command in shapes[0])):
        assert (shipped("experiments") / name).exists()


@pytest.mark.parametrize("number", NUMBERS)
def test_every_page_has_its_picture(number: int) -> None:
    """It shows a cell of a shipped Experiment, needs nothing from elsewhere, and is small."""
    shown = load_exercise(number).picture
    only = {"configuration": (shown.configuration,), "change": (shown.change,)}
    experiment = load_experiment(shipped("experiments") / shown.experiment, only=only)
    text = (DOCS / picture_name(number)).read_text(encoding="utf-8")

    assert shown.change in {cell.change.name for cell in experiment.cells}
    assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
    assert not re.search(r"var\(|href=|<script|url\(", text)
    assert len(text) < 200_000
    assert all(f"]({picture_name(number)})" in page_text(number, language) for language in LANGUAGES)


def test_pages_are_written(tmp_path: Path) -> None:
    """Every page, and nothing else."""
    write_pages(tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == {"1.md", "1.zh.md", "2.md", "2.zh.md", "3.md", "3.zh.md"}


@pytest.mark.parametrize("number", NUMBERS)
def test_every_file_is_used(number: int) -> None:
    """A step begins with files that exist, and its command names files that exist."""
    exercise, files = load_exercise(number), files_of(number)
    named = {name for step in exercise.steps for name in re.findall(r"[\w-]+\.yaml", step.command)}
    begun = {f"{name}.yaml" for step in exercise.steps for name in step.start} | {f"{n}.yaml" for n in exercise.start}

    assert named | begun == set(files)
    assert all(objects_of(number, step.start) for step in exercise.steps if step.start)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_step_removes_nothing_that_it_begins_with(number: int) -> None:
    """Objects are applied first and removed then, so a step that names one twice would begin without it."""
    for step in load_exercise(number).steps:
        begun = {f"{one['kind']}/{one['metadata']['name']}" for one in objects_of(number, step.start)}
        assert not begun & set(step.remove), step.id


@pytest.mark.parametrize(
    "check",
    [{}, {"edge": "x", "output": "y"}, {"edge": "("}, {"level": {"object": "Pod/a", "colour": 1}}],
    ids=["none", "two", "no expression", "unknown field"],
)
def test_a_fault_in_a_check_is_found(check: dict[str, object]) -> None:
    """A step that can never be done, or always is, is refused when it is read."""
    with pytest.raises((ValueError, re.error)):
        StepCheck.model_validate(check)


@pytest.mark.parametrize(("choices", "right"), [(["lossy"], 1), (["lossy"] * 5, 1), (["lossy", "lossless"], 3)])
def test_a_fault_in_the_choices_is_found(choices: list[str], right: int) -> None:
    """Two to four choices, and one of them is right."""
    with pytest.raises(ValueError, match="two to four choices"):
        ExerciseStep.model_validate(
            {"id": "x", "choices": choices, "right": right, "command": "x", "check": {"edge": "x"}}
        )
