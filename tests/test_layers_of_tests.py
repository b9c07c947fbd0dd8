"""The layers of tests keep apart: what starts a process says so."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.processes

_TESTS = """
    import subprocess, sys, pytest

    @pytest.fixture
    def child():
        subprocess.run([sys.executable, "-c", ""], check=True)

    def test_quiet(): pass
    def test_undeclared(): subprocess.run([sys.executable, "-c", ""], check=True)
    def test_undeclared_by_fixture(child): pass

    @pytest.mark.processes
    def test_declared(child): pass
"""


def test_process_without_its_marker_fails(pytester: pytest.Pytester) -> None:
    """A test that starts a process, by itself or by a fixture, needs a marker; others stay as they are."""
    pytester.makeini("[pytest]\nmarkers = processes: starts child processes\n")
    pytester.makeconftest((Path(__file__).parent / "conftest.py").read_text())
    pytester.makepyfile(_TESTS)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")

    result.assert_outcomes(passed=4, errors=2)
    result.stdout.fnmatch_lines(["*ERROR*test_undeclared *", "*ERROR*test_undeclared_by_fixture*"])
