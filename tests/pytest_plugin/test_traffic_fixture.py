"""The fixture ``lossless``: a lost request fails the test, and an inconclusive one has a result of its own."""

from __future__ import annotations

import ast
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from harness.store.rundir import RunDirectory

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.e2e

Run = Callable[..., pytest.RunResult]
TIMES = "rate=50, baseline=0.3, settle=0.2"


def write(pytester: pytest.Pytester, server: str) -> None:
    """Write a test that must pass, one that must fail, and one that is inconclusive."""
    pytester.makepyfile(
        test_mine=dedent(
            f"""
            from busy import unless_busy

            def test_good(lossless):
                with unless_busy(), lossless("{server}/good", {TIMES}) as traffic:
                    traffic.wait_for(10)
                assert traffic.result.verdict.identity.ok >= 10

            def test_bad(lossless):
                with lossless("{server}/bad", {TIMES}) as traffic:
                    traffic.wait_for(10)

            def test_nowhere(lossless):
                with lossless("http://nowhere.invalid/"):
                    raise SystemExit("the block must not run")
            """
        )
    )


def test_three_results(run: Run, pytester: pytest.Pytester, server: str) -> None:
    """The account is in the failure, the reason in the summary, and JUnit counts no pass but the one."""
    write(pytester, server)
    done = run("--harness-reports", "kept", "--junitxml", "junit.xml")
    text = done.stdout.str()
    case = {each.get("name"): each for each in ET.parse(pytester.path / "junit.xml").getroot().iter("testcase")}

    assert done.ret == 1
    assert re.search(r"test_mine.py \.FI", text)
    assert re.search(r"1 failed, 1 passed, 1 inconclusive", text)
    assert re.search(r"of \d+ requests were lost", text)
    assert re.search(r"\d+ planned", text)
    assert "INCONCLUSIVE: neither lossless nor lossy" in text
    assert "cannot resolve nowhere.invalid" in text
    assert "the block must not run" not in text
    assert [len(case[name]) for name in ("test_good", "test_bad", "test_nowhere")] == [0, 1, 1]
    kept = sorted(path.name.rpartition("-")[0] for path in (pytester.path / "kept").iterdir())
    assert kept == ["test_bad", "test_good", "test_nowhere"]


def test_the_same_with_xdist(run: Run, pytester: pytest.Pytester, server: str) -> None:
    """The controller gets the result of its own kind from the worker."""
    write(pytester, server)
    done = run("-n", "2")
    text = done.stdout.str()

    assert done.ret == 1
    assert re.search(r"1 failed, 1 passed, 1 inconclusive", text)
    assert "INCONCLUSIVE: neither lossless nor lossy" in text


def test_evidence_is_in_the_temporary_folder_by_default(run: Run, pytester: pytest.Pytester, server: str) -> None:
    """Nothing is written next to the tests, and the sealed evidence of a test is where pytest keeps its files."""
    pytester.makepyfile(
        f"""
        from busy import unless_busy

        def test_good(lossless, tmp_path):
            with unless_busy(), lossless("{server}/good", {TIMES}) as traffic:
                pass
            assert traffic.directory == tmp_path / "traffic-1"
        """
    )
    done = run("--basetemp", "temporary")
    done.assert_outcomes(passed=1)
    RunDirectory.open(pytester.path / "temporary/test_good0/traffic-1").verify("reports")

    assert not (pytester.path / "reports").exists()


def test_users_without_the_plugin_pay_nothing(run: Run, pytester: pytest.Pytester) -> None:
    """A run that uses neither option nor fixture imports the plugin and no other module of the harness."""
    pytester.makepyfile(
        """
        import sys

        def test_plain():
            heavy = {"gevent", "locust", "numpy", "kubernetes", "pydantic", "rich", "yaml", "jinja2", "asyncio"}
            ours = sorted(name for name in sys.modules if name.partition(".")[0] == "harness")
            print("LOADED", [ours, sorted(heavy & set(sys.modules))])
        """
    )
    done = run("-s", "-p", "no:xdist")
    (loaded,) = (line.partition("LOADED ")[2] for line in done.outlines if "LOADED" in line)

    done.assert_outcomes(passed=1)
    assert ast.literal_eval(loaded) == [["harness", "harness.pytest_plugin"], []]


def test_entry_point_names_the_plugin() -> None:
    """``pip install`` makes pytest find it."""
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")

    assert '[project.entry-points.pytest11]\nharness = "harness.pytest_plugin"\n' in text
