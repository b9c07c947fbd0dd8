"""A bundle has all that another machine needs, and nothing of the machine that wrote it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from documentation import ROOT

from harness.errors import EvidenceError, InvalidInputError
from harness.experiment.load import load_experiment
from harness.model.experiment import Experiment, Tls
from harness.report.written_files import VERSION
from harness.runner.confirmation.bundle import read_bundle, write_bundle
from harness.runner.confirmation.confirm import CONFIRMATION, check_folder, confirmed, folder_of, to_confirm
from harness.runner.options import RunOptions
from harness.testing.many_trials import run_of
from harness.testing.reports import sample_run

OPTIONS = RunOptions(
    cluster="kind",
    profile="instant",
    cluster_options={"kube-proxy": "nftables", "kubeconfig": "/home/me/.kube/config", "context": "prod", "reuse": ""},
)


@pytest.fixture
def demo() -> Experiment:
    """Read the demo."""
    return load_experiment(ROOT / "experiments" / "demo.yaml")


def test_a_bundle_is_read_as_written(demo: Experiment, tmp_path: Path) -> None:
    """The Experiment is the same, with files that were written from the bundle."""
    write_bundle(tmp_path / "b.json", demo, OPTIONS, {"harness": "0.1.0"})
    folder = tmp_path / "files"
    folder.mkdir()
    read = read_bundle(tmp_path / "b.json", folder)

    assert replace(read.experiment, files=demo.files) == demo
    assert [Path(name).read_text() for name in read.experiment.files] == [Path(f).read_text() for f in demo.files]
    assert all(Path(name).parent == folder for name in read.experiment.files)
    assert (read.cluster, read.profile, dict(read.cluster_options)) == ("kind", "instant", {"kube-proxy": "nftables"})


def test_a_bundle_has_nothing_of_the_users_machine(demo: Experiment, tmp_path: Path) -> None:
    """Neither a kubeconfig nor the name of a cluster."""
    write_bundle(tmp_path / "b.json", demo, OPTIONS, {})
    text = (tmp_path / "b.json").read_text()

    assert "/home/me" not in text
    assert "prod" not in json.loads(text)["cluster_options"].values()


def test_certificates_go_along(demo: Experiment, tmp_path: Path) -> None:
    """Traffic over TLS needs its authority elsewhere, too."""
    (tmp_path / "ca.pem").write_text("a certificate")
    secure = replace(demo, traffic=replace(demo.traffic, tls=Tls(ca=str(tmp_path / "ca.pem"))))
    write_bundle(tmp_path / "b.json", secure, OPTIONS, {})
    (tmp_path / "ca.pem").unlink()
    folder = tmp_path / "files"
    folder.mkdir()
    tls = read_bundle(tmp_path / "b.json", folder).experiment.traffic.tls

    assert tls is not None
    assert Path(tls.ca).read_text() == "a certificate"


def test_names_of_files_do_not_leave_the_folder(demo: Experiment, tmp_path: Path) -> None:
    """A bundle may come from anybody."""
    write_bundle(tmp_path / "b.json", demo, OPTIONS, {})
    data = json.loads((tmp_path / "b.json").read_text())
    data["files"] = {"../../evil.yaml": "x"}
    data["experiment"]["files"] = ["../../evil.yaml"]
    (tmp_path / "b.json").write_text(json.dumps(data))
    folder = tmp_path / "deep" / "files"
    folder.mkdir(parents=True)
    read = read_bundle(tmp_path / "b.json", folder)

    assert read.experiment.files == (str(folder / "00-evil.yaml"),)
    assert not (tmp_path / "evil.yaml").exists()


def test_a_bundle_that_lacks_a_file_is_refused(demo: Experiment, tmp_path: Path) -> None:
    """The message names the file: the bundle was edited by hand."""
    write_bundle(tmp_path / "b.json", demo, OPTIONS, {})
    data = json.loads((tmp_path / "b.json").read_text())
    del data["files"][demo.files[1]]
    (tmp_path / "b.json").write_text(json.dumps(data))

    with pytest.raises(EvidenceError, match=Path(demo.files[1]).name):
        read_bundle(tmp_path / "b.json", tmp_path)


@pytest.mark.parametrize(
    ("content", "word"),
    [("{", "is no bundle"), ("[]", "version 1, not None"), (f'{{"version": {VERSION + 1}}}', "not 2")],
)
def test_what_is_no_bundle_is_refused(tmp_path: Path, content: str, word: str) -> None:
    """The message says what is wrong."""
    (tmp_path / "b.json").write_text(content)
    with pytest.raises(EvidenceError, match=word):
        read_bundle(tmp_path / "b.json", tmp_path)


def test_only_unexpected_losses_are_confirmed() -> None:
    """Neither an expected loss nor an inconclusive cell."""
    assert to_confirm(sample_run()) == ("graceful--rolling-update",)
    assert to_confirm(run_of({"a": ".", "b": "?", "c": "x"})) == ("c--rolling-update",)


@pytest.mark.parametrize("content", ["{", "[]", '{"version": 2}'])
def test_a_damaged_confirmation_is_an_error(tmp_path: Path, content: str) -> None:
    """A history without its repetitions would be another history."""
    folder_of(tmp_path / "run").mkdir()
    (folder_of(tmp_path / "run") / CONFIRMATION).write_text(content)

    assert confirmed(tmp_path / "other") == {}
    with pytest.raises(EvidenceError):
        confirmed(tmp_path / "run")


def test_a_folder_that_is_taken_is_refused_before_the_run(tmp_path: Path) -> None:
    """After it, the run's own result would be lost behind the error."""
    check_folder(None)
    check_folder(tmp_path / "run")
    folder_of(tmp_path / "run").mkdir()
    check_folder(tmp_path / "run")
    (folder_of(tmp_path / "run") / "index.html").touch()
    with pytest.raises(InvalidInputError, match="run-confirmation exists"):
        check_folder(tmp_path / "run")
