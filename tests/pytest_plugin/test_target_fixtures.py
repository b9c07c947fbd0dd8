"""The fixtures for a cluster and a target: an application behind a real ingress, and a change of it under traffic."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.e2e
Run = Callable[..., pytest.RunResult]
ROOT = Path(__file__).parents[2]


def how_to() -> str:
    """Return the test of the how-to page that deploys an application."""
    page = (ROOT / "docs/how-to/use-with-pytest.md").read_text(encoding="utf-8")
    blocks: list[str] = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    (block,) = (each for each in blocks if "harness_target" in each)
    return block


def test_the_example_of_the_page(run: Run, pytester: pytest.Pytester) -> None:
    """The test of the page fails without the patches, with the account of the losses, and leaves no cluster."""
    shutil.copytree(ROOT / "experiments/apps/apple-banana", pytester.path / "deploy")
    pytester.path.joinpath("test_restart.py").write_text(how_to(), encoding="utf-8")
    bare = run("-v")

    assert bare.ret == 1
    assert re.search(r"of [\d,]+ requests were lost", bare.stdout.str())
    assert re.search(r"Losing|lost", bare.stdout.str())
    assert not list(pytester.path.glob("**/cluster/config.json"))


def test_the_ingress_is_a_fixture(run: Run, pytester: pytest.Pytester) -> None:
    """A fixture of the user's chooses another controller, and an unchanged application loses nothing."""
    pytester.makepyfile(
        f"""
        import pytest
        from busy import unless_busy

        @pytest.fixture
        def harness_ingress():
            return "traefik"

        def test_quiet(harness_target, lossless):
            target = harness_target({str(ROOT / "experiments/apps/apple-banana")!r}, "/apple")
            with unless_busy(), lossless(target.url, baseline=0.5, settle=0.1):
                assert "kubeconfig" in target.kubeconfig.name
        """
    )
    done = run("-v")

    done.assert_outcomes(passed=1)
