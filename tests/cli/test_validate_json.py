"""``harness validate --json`` prints one document, for valid files and for files with problems."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from harness.cli.main import main
from harness.experiment.validation_report import ValidationReport
from harness.problem_codes import ProblemCode

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "experiments" / "demo.yaml"


def validate(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *arguments: object
) -> tuple[Any, dict[str, Any]]:
    """Run the command; return its exit code and the document, which its schema accepts."""
    monkeypatch.setattr(sys, "argv", ["harness", "validate", "--json", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        main()
    printed = capfd.readouterr()
    document: dict[str, Any] = json.loads(printed.out)
    Draft202012Validator(ValidationReport.model_json_schema()).validate(document)
    assert printed.err == ""
    assert document.keys() == ValidationReport.model_fields.keys()
    return left.value.code, document


def test_a_valid_file_lists_its_cells(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Each has its expected verdict."""
    code, document = validate(monkeypatch, capfd, DEMO)

    assert (code, document["valid"], document["problems"]) == (0, True, [])
    assert (document["version"], document["experiment"], document["trials"]) == (1, str(DEMO), 1)
    assert {"configuration": "bare", "change": "rolling-update", "expected": "lossy"} in document["cells"]


def test_a_file_with_problems_lists_each(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Each has its code, file, line, message and hint, in the order of lines."""
    path = tmp_path / "mine.yaml"
    path.write_text(DEMO.read_text().replace("name: demo", "nam: demo").replace("apps/", f"{DEMO.parent}/apps/"))

    code, document = validate(monkeypatch, capfd, path)

    assert (code, document["valid"], document["cells"], document["trials"]) == (2, False, [], 0)
    lines = path.read_text().splitlines()
    unknown = next(problem for problem in document["problems"] if problem["code"] == ProblemCode.UNKNOWN_FIELD)
    assert (unknown["file"], lines[unknown["line"] - 1]) == (str(path), "nam: demo")
    assert unknown["hint"] == "did you mean 'name'?"
    assert "required" in {problem["code"] for problem in document["problems"]}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--only", "change=restrat"), ProblemCode.UNKNOWN_NAME),
        (("--only", "restart"), ProblemCode.OPTION),
        (("--cluster", "knd"), ProblemCode.OPTION),
        (("--assume-inert", "spec.nothing"), ProblemCode.UNKNOWN_NAME),
    ],
)
def test_a_problem_of_an_option_has_no_line(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: tuple[str, str],
    code: ProblemCode,
) -> None:
    """It is in the document too, with an empty file name."""
    exit_code, document = validate(monkeypatch, capfd, DEMO, *arguments)

    assert exit_code == 2
    assert [(problem["code"], problem["file"], problem["line"]) for problem in document["problems"]] == [(code, "", 0)]


def test_a_missing_file_is_a_problem(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """The document lists it, and there is no traceback."""
    code, document = validate(monkeypatch, capfd, "nowhere.yaml")

    assert (code, document["experiment"]) == (2, "nowhere.yaml")
    assert [problem["code"] for problem in document["problems"]] == [ProblemCode.NO_SUCH_FILE]


def test_lost_output_is_a_failure(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """A program that gets half a document does not get exit code 0."""
    monkeypatch.setattr("harness.kit.streams._closed", {1})
    monkeypatch.setattr(sys, "argv", ["harness", "validate", "--json", str(DEMO)])
    with pytest.raises(SystemExit) as left:
        main()

    assert left.value.code == 4
    assert "Standard output is closed" in capfd.readouterr().err
