"""The action and the example workflows: valid by the services' schemas, and their shell steps do as they say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from documentation import ROOT
from golden import unpack
from jsonschema import Draft7Validator

ACTION = ROOT / "action.yml"
GITHUB = ROOT / "experiments" / "nightly" / "github.yml"
GITLAB = ROOT / "experiments" / "nightly" / "gitlab.yml"
#: A harness whose runs are over at once: ``run`` copies a run directory, everything else is the real command.
STUB = """#!/usr/bin/env bash
if [ "$1" = run ]; then
  echo "$@" > "$STUB_WORDS"
  while [ "$1" != --out ]; do shift; done
  if [ -n "$STUB_RUN" ]; then cp -r "$STUB_RUN" "$2"; fi
  exit "$STUB_CODE"
fi
exec {python} -m harness "$@"
"""


def content(path: Path) -> Any:
    """Return a YAML file as the services read it, with ``on`` as a text."""
    text = path.read_text(encoding="utf-8")
    return json.loads(json.dumps(yaml.load(text, Loader=yaml.BaseLoader)))


def validator(name: str) -> Draft7Validator:
    """Return the validator of a schema that the services' editors use."""
    return Draft7Validator(get_builtin_schema(name))


FILES = [(ACTION, "vendor.github-actions"), (GITHUB, "vendor.github-workflows"), (GITLAB, "vendor.gitlab-ci")]


@pytest.mark.parametrize(("path", "schema"), FILES, ids=lambda value: getattr(value, "name", value))
def test_a_file_is_valid(path: Path, schema: str) -> None:
    """By the schema of its service."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    data = {("on" if key is True else key): value for key, value in data.items()}

    assert [error.message for error in validator(schema).iter_errors(data)] == []


@pytest.mark.parametrize(
    ("schema", "wrong"),
    [
        ("vendor.github-actions", {"name": "x", "description": "x", "runs": {"using": "composite"}}),
        ("vendor.github-workflows", {"on": "push", "jobs": {"a": {"runs-on": "x", "steps": [{"run": 1}]}}}),
        ("vendor.gitlab-ci", {"job": {"script": ["x"], "allow_failure": "sometimes"}}),
    ],
)
def test_a_wrong_file_is_not(schema: str, wrong: Mapping[str, Any]) -> None:
    """A schema that accepts all would check nothing."""
    assert list(validator(schema).iter_errors(wrong)) != []


def steps(path: Path) -> dict[str, dict[str, Any]]:
    """Return the shell steps of the action, by their names."""
    return {step["name"]: step for step in content(path)["runs"]["steps"] if "run" in step}


def scripts() -> Iterator[Any]:
    """Yield every shell script of all files, as parameters of a test."""
    for name, step in steps(ACTION).items():
        yield pytest.param(step["run"], id=f"action: {name}")
    for job in content(GITHUB)["jobs"].values():
        for step in job["steps"]:
            if "run" in step:
                yield pytest.param(step["run"], id=f"github: {step['name']}")
    job = content(GITLAB)["lossless"]
    for number, script in enumerate((*job["before_script"], *job["script"])):
        yield pytest.param(script, id=f"gitlab: {number}")


@pytest.mark.processes
@pytest.mark.parametrize("script", list(scripts()))
def test_a_script_is_bash_without_expressions(script: str) -> None:
    """An expression within a script would be pasted into it before bash reads it."""
    assert "${{" not in script
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


class Runner:
    """A CI machine on which a run is over at once.

    Args:
        folder: Its working directory.
        run: The run directory that a run gives; None if it gives none.
        code: Exit code of a run.
    """

    def __init__(self, folder: Path, run: Path | None, code: int) -> None:
        self.folder = folder
        programs = folder / "bin"
        programs.mkdir(parents=True)
        (programs / "harness").write_text(STUB.format(python=sys.executable))
        (programs / "harness").chmod(0o755)
        self.env = {
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "STUB_RUN": str(run or ""),
            "STUB_CODE": str(code),
            "STUB_WORDS": str(folder / "words"),
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
            "GITHUB_SHA": "c0ffee",
        }

    def bash(self, script: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a script as the services do: the first failed command ends it."""
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        return subprocess.run(
            command, cwd=self.folder, env={**self.env, **env}, capture_output=True, text=True, check=False, timeout=100
        )

    def action(self, **inputs: str) -> tuple[int, str]:
        """Run the shell steps of the action but the installation. Return the exit code of the last, and all output."""
        given = {
            "EXPERIMENT": "shop.yaml", "CLUSTER": "local", "OPTIONS": "", "CONFIRM": "10", "RETRY": "2",
            "OUT": "harness-reports/run", "HISTORY": "", "NAME": "", "INCONCLUSIVE": "warn", **inputs,
        }  # fmt: skip
        output = ""
        for name, step in steps(ACTION).items():
            if name == "Install" or (name == "Add to the history" and not given["HISTORY"]):
                continue
            if name == "Verdict":
                given["CODE"] = (self.folder / "output").read_text().strip().partition("=")[2]
            done = self.bash(step["run"], **{key: given[key] for key in step["env"]})
            output += done.stdout + done.stderr
            if done.returncode:
                assert name == "Verdict", done.stderr
                return done.returncode, output
        return 0, output


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A run with lossy, lossless and inconclusive cells."""
    return unpack("lifecycle", tmp_path / "golden").runs()[0]


@pytest.mark.processes
@pytest.mark.parametrize(("code", "result"), [(0, 0), (1, 1), (3, 0), (4, 4)])
def test_a_busy_runner_never_turns_a_build_red(stored: Path, tmp_path: Path, code: int, result: int) -> None:
    """A loss does, and so does a harness that failed; inconclusive is a warning."""
    found, output = Runner(tmp_path / "job", stored, code).action()

    assert found == result
    assert ("::warning title=harness::Inconclusive" in output) is (code == 3)


@pytest.mark.processes
def test_inconclusive_fails_on_request(stored: Path, tmp_path: Path) -> None:
    """``inconclusive: fail`` is for those who want proof each night."""
    assert Runner(tmp_path / "job", stored, 3).action(INCONCLUSIVE="fail")[0] == 3


@pytest.mark.processes
def test_the_action_summarises_annotates_and_remembers(stored: Path, tmp_path: Path) -> None:
    """The step summary has the matrix and the history, and each cell that is not as expected its annotation."""
    runner = Runner(tmp_path / "job", stored, 1)
    _, output = runner.action(HISTORY="history", NAME="shop, v1.34", OPTIONS="--ingress\ntraefik\n\n--node-image\na b")

    summary = (runner.folder / "summary.md").read_text()
    assert summary.startswith((stored / "summary.md").read_text())
    assert "All runs" in summary
    assert "graceful × selector-patch × shop, v1.34" in summary  # noqa: RUF001 - typography
    assert "c0ffee" in (runner.folder / "history" / "history.jsonl").read_text()
    assert "::warning file=" in output
    assert (runner.folder / "words").read_text().strip().endswith("--ingress traefik --node-image a b")


@pytest.mark.processes
def test_a_run_that_could_not_begin_fails_with_its_code(tmp_path: Path) -> None:
    """Without a run directory there is nothing to summarise."""
    assert Runner(tmp_path / "job", None, 2).action()[0] == 2


@pytest.mark.processes
@pytest.mark.parametrize("code", [0, 1, 3])
def test_the_gitlab_job_ends_with_the_code_of_the_run(stored: Path, tmp_path: Path, code: int) -> None:
    """3 is allowed to fail. The Code Quality report and the history are there before."""
    job = content(GITLAB)["lossless"]
    runner = Runner(tmp_path / "job", stored, code)
    point = {name: values[0] for name, values in job["parallel"]["matrix"][0].items()}
    done = runner.bash("\n".join(job["script"]), **job["variables"], **point)

    assert done.returncode == code, done.stderr
    assert job["allow_failure"] == {"exit_codes": ["3"]}
    rows = json.loads((runner.folder / "gl-code-quality-report.json").read_text())
    assert rows
    assert {"description", "check_name", "fingerprint", "severity", "location"} <= rows[0].keys()
    assert (runner.folder / "history" / "index.html").is_file()


def history_step(name: str) -> str:
    """Return the script of a step of the job that keeps the history."""
    (step,) = [each for each in content(GITHUB)["jobs"]["history"]["steps"] if each.get("name") == name]
    return str(step["run"])


@pytest.mark.processes
def test_the_history_job_adds_every_artifact(stored: Path, tmp_path: Path) -> None:
    """Each is a name of its own in the history. A run that failed before its verdict does not stop the others."""
    runner = Runner(tmp_path / "job", None, 0)
    (runner.folder / "runs" / "harness-v1.32.0-failed" / "run").mkdir(parents=True)
    for name in ("harness-v1.33.4-iptables-traefik", "harness-v1.34.0-iptables-traefik"):
        shutil.copytree(stored, runner.folder / "runs" / name / "run")
    done = runner.bash(history_step("Add the runs"))

    assert done.returncode == 0, done.stderr
    assert "All runs" in (runner.folder / "summary.md").read_text()
    shown = runner.bash("harness history show --history history --json").stdout
    assert {cell["experiment"] for cell in json.loads(shown)["cells"]} == {
        "harness-v1.33.4-iptables-traefik",
        "harness-v1.34.0-iptables-traefik",
    }


@pytest.mark.processes
def test_a_night_without_any_verdict_adds_nothing(tmp_path: Path) -> None:
    """The jobs of the runs are red already."""
    runner = Runner(tmp_path / "job", None, 0)

    assert runner.bash(history_step("Add the runs")).returncode == 0
    assert runner.bash(history_step("Push the history")).returncode == 0


@pytest.mark.processes
def test_the_history_is_pushed_once(stored: Path, tmp_path: Path) -> None:
    """A commit with the history is at the origin; a second push of the same history makes no commit."""
    runner = Runner(tmp_path / "job", None, 0)
    clone = f"git init --quiet --bare {tmp_path}/origin.git && git clone --quiet {tmp_path}/origin.git history"
    add = f"harness history add {stored} --history history --commit c0ffee"
    scripts = [clone, add, *2 * [f"cd history\n{history_step('Push the history')}"]]
    for script in scripts:
        done = runner.bash(script)
        assert done.returncode == 0, done.stderr

    log = runner.bash(f"git -C {tmp_path}/origin.git log --format=%s --name-only harness-history").stdout.split("\n")
    assert log[0] == "Add the runs of c0ffee"
    assert [*filter(None, log[1:])] == ["history.jsonl", "index.html", "summary.md"]
