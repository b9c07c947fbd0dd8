"""The version of the format that an Experiment file is written in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.experiment.experiment_bench import Bench

pytest_plugins = ("experiment_bench",)


def test_a_missing_version_means_version_1(bench: Bench) -> None:
    """A file with the version and one without are the same Experiment."""
    without = bench.load()
    bench.edit("small.yaml", "name: small", "name: small\nversion: 1")

    assert bench.load() == without


@pytest.mark.parametrize("version", ["2", "0", "true", "1.0", '"1"', "null", "[1]"])
def test_another_version_is_the_only_problem(bench: Bench, version: str) -> None:
    """The other fields of a file of another version may mean anything, so they have no problems."""
    bench.edit("small.yaml", "name: small", f"name: small\nversion: {version}\nunknown: field")

    (problem,) = bench.problems()

    assert (problem.file, problem.line) == ("small.yaml", 2)
    assert problem.message.startswith("version: expected 1,")
    assert problem.hint == "write version: 1, or leave it out"
