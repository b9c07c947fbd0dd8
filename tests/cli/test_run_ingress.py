"""``--ingress`` runs an Experiment behind another controller."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.experiment_options import controller
from harness.errors import InvalidInputError
from harness.experiment.load import load_experiment

FILE = Path(__file__).parents[2] / "experiments" / "exercise-3-blue-green.yaml"


def test_the_option_replaces_the_files_controller() -> None:
    """The Experiment names it, and the Ingresses have its class."""
    loaded = load_experiment(FILE, ingress="traefik")
    ingresses = [m for m in loaded.cells[0].configuration.manifests if m["kind"] == "Ingress"]

    assert loaded.ingress == "traefik"
    assert [m["spec"]["ingressClassName"] for m in ingresses] == ["traefik"]
    assert load_experiment(FILE).ingress == "ingress-nginx"


def test_an_unknown_controller_is_refused() -> None:
    """The message lists all controllers, and suggests the nearest."""
    with pytest.raises(InvalidInputError) as caught:
        controller("trafik")
    assert "expected one of ingress-nginx, traefik" in str(caught.value)
    assert "'traefik'" in caught.value.problems[0].hint
