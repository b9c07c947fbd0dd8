"""One change is made to a running application, on a persistent local cluster."""

from __future__ import annotations

import itertools
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from command_line import PATIENCE, CommandLine
from recording_proxy import Recorded, Write, recording
from running_apps import apple_and_banana
from starved import code_of, is_starved

from harness.kit.waiting import wait_until
from harness.kube.client import Kube
from harness.model.timeline import EventKind
from harness.runner.deploy import deploy
from harness.store.timeline import read_timeline

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

NAME = "shop"
NAMESPACE = "web"
SERVICE = "service/apple-service"
SWITCH = "selector-patch: {selector: {version: banana-v1}, answer: banana-v1}"
#: A timeout that an application in order never meets, so that a busy machine withholds no change.
PACE = ("--control", "2s", "--baseline", "2s", "--settle", "1s", "--timeout", "20s", "--rate", "20")


@dataclass(frozen=True)
class Shop:
    """The application that runs already: apple with a probe and a preStop, banana without.

    Attributes:
        kubeconfig: By which tests reach its cluster.
        door: The kubeconfig that runs are given.
        recorded: What is written by that.
        url: Where traffic enters.
    """

    kubeconfig: Path
    door: Path
    recorded: Recorded
    url: str

    def words(self, what: str, change: str, out: Path, *more: str) -> tuple[str | Path, ...]:
        """Return the arguments of a run in place."""
        where = ("--kubeconfig", self.door, "--context", f"harness-{NAME}", "-n", NAMESPACE)
        path = "/banana" if "banana" in what else "/apple"
        return ("run", "--in-place", what, "--change", change, *where, "--url", self.url + path, *PACE, "--out", out,
                "--json", *more)  # fmt: skip

    def read(self, kind: str, name: str) -> dict[str, Any]:
        """Return an object."""
        with Kube(self.kubeconfig) as kube:
            return dict(kube.get(kind, name, NAMESPACE))

    def version(self) -> str:
        """Return the version that the public Service selects."""
        return str(self.read("Service", "apple-service")["spec"]["selector"]["version"])

    def restore(self) -> None:
        """Restore the application, and wait until nginx has it too, as far as a row of new connections shows."""
        self.patch_service({"metadata": {"labels": {"team": None}}, "spec": {"selector": {"version": "apple-v1"}}})
        row = 0

        def answers() -> bool:
            nonlocal row
            row = row + 1 if self._answer() == "apple-v1" else 0
            return row >= 20

        wait_until(answers, timeout=PATIENCE, what="apple to answer again", interval=0.05)

    def _answer(self) -> str:
        with suppress(urllib.error.URLError), urllib.request.urlopen(f"{self.url}/apple", timeout=PATIENCE) as answer:
            return str(answer.read().decode()).strip()
        return ""

    def patch_service(self, body: dict[str, Any]) -> None:
        """Change the Service as somebody else would."""
        with Kube(self.kubeconfig) as kube:
            kube.patch("Service", "apple-service", NAMESPACE, body)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Run the application during the tests of this file."""
    folder = tmp_path_factory.mktemp("shop")
    command, env = CommandLine(folder), {"XDG_STATE_HOME": str(folder / "state")}
    up = command.run("cluster", "up", "--name", NAME, env=env)
    assert up.code == 0, up.result
    kubeconfig = Path(command.run("cluster", "kubeconfig", "--name", NAME, env=env).out.strip())
    with Kube(kubeconfig) as kube:
        deploy(kube, list(apple_and_banana("readiness.yaml", "prestop-sleep-6.yaml")), NAMESPACE, shared=True)
    url = next(word for word in up.out.split() if word.startswith("http://")).rstrip("/")
    with recording(kubeconfig, folder) as (door, recorded):
        made = Shop(kubeconfig, door, recorded, url)
        made.restore()
        yield made
    assert recorded.made == set()
    assert recorded.outside(NAMESPACE) == []
    assert command.run("cluster", "down", "--name", NAME, env=env).code == 0
    command.wait_for_none()


def hold(harness: CommandLine, shop: Shop, out: Path) -> subprocess.Popen[str]:
    """Start a run that has switched the Service and would keep it so for an hour."""
    process = harness.start(*shop.words(SERVICE, SWITCH, out, "--hold", "60m", "--yes"))

    def switched() -> bool:
        if process.poll() is not None:
            pytest.fail(f"it has ended: {harness.finish(process)}")
        return any(event.what == "observed" for event in events(out, EventKind.CHANGE))

    wait_until(switched, timeout=PATIENCE, what="the switch to be seen", interval=0.1)
    return process


def events(out: Path, kind: EventKind) -> list[Any]:
    """Return the current timeline of the change's trial."""
    path = out / "trials" / "apple-service--selector-patch" / "1" / "timeline.jsonl"
    return [event for event in read_timeline(path) if event.kind is kind] if path.exists() else []


def test_a_restart_of_a_graceful_application_loses_nothing(harness: CommandLine, shop: Shop, tmp_path: Path) -> None:
    """Its pods were replaced, every request was answered, and only the Deployment was written."""
    shop.recorded.clear()
    finished = harness.run(*shop.words("deployment/apple", "restart", tmp_path / "run", "--yes"))
    cells = finished.json["cells"]
    template = shop.read("Deployment", "apple")["spec"]["template"]

    assert [cell["change"] for cell in cells] == ["none", "restart"]
    assert all(cell["verdict"] == "lossless" or is_starved(cell, cells) for cell in cells), finished.result
    assert finished.code == code_of(cells), finished.result
    assert template["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"]
    inside = [write for write in shop.recorded.writes if write.namespace]
    assert inside == [Write("PATCH", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/apple")]


def test_a_loss_is_reported(harness: CommandLine, shop: Shop, tmp_path: Path) -> None:
    """The only pod of an application is deleted, and the exit code shows the loss."""
    finished = harness.run(*shop.words("deployment/banana", "delete-pod", tmp_path / "run", "--yes"))
    deleted = finished.json["cells"][1]

    assert (finished.code, deleted["verdict"]) == (1, "lossy"), finished.result
    assert deleted["lost"] > 0


def test_nothing_is_done_without_confirmation(harness: CommandLine, shop: Shop, tmp_path: Path) -> None:
    """Without a terminal, the error names the cluster and ``--yes``, and the object is unchanged."""
    before = shop.read("Deployment", "apple")["metadata"]["generation"]
    finished = harness.run(*shop.words("deployment/apple", "restart", tmp_path / "run"))

    assert finished.code == 2, finished.result
    assert "--yes" in finished.err
    assert "restart of Deployment/apple in namespace web" in finished.err
    assert shop.read("Deployment", "apple")["metadata"]["generation"] == before
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("theirs", "code"), [("", 0), ("nobody", 3)])
def test_a_killed_run_is_undone(harness: CommandLine, shop: Shop, tmp_path: Path, theirs: str, code: int) -> None:
    """Fields with the run's value are restored. Fields that others changed since stay."""
    out = tmp_path / "run"
    process = hold(harness, shop, out)
    process.kill()
    harness.finish(process)
    assert shop.version() == "banana-v1"
    if theirs:
        shop.patch_service({"spec": {"selector": {"version": theirs}}})
    try:
        undone = harness.run("undo", out)
        again = harness.run("undo", out)
        assert (undone.code, again.code, shop.version()) == (code, code, theirs or "apple-v1"), undone.out + undone.err
        assert "nothing to do" in again.out
    finally:
        shop.restore()


def test_ctrl_c_undoes_the_change(harness: CommandLine, shop: Shop, tmp_path: Path) -> None:
    """It is undone at once, whatever the hold is, and nothing is left for ``harness undo``."""
    process = hold(harness, shop, tmp_path / "run")
    process.send_signal(signal.SIGINT)
    finished = harness.finish(process)

    assert finished.code == 130, finished.result
    assert shop.version() == "apple-v1"
    assert "STILL CHANGED" not in finished.err
    assert harness.run("undo", tmp_path / "run").code == 0


def test_changes_by_others_are_found(harness: CommandLine, shop: Shop, tmp_path: Path) -> None:
    """Others label the object repeatedly: nothing is lost, but the verdict is inconclusive and names them."""
    # Each part takes so long that a label is changed in it, however slow the machine is.
    times = ("--control", "6s", "--baseline", "4s", "--hold", "3s")
    process = harness.start(*shop.words(SERVICE, SWITCH, tmp_path / "run", *times, "--yes"))
    names = (f"blue-{number}" for number in itertools.count())

    try:
        with Kube(shop.kubeconfig) as kube:

            def labelled() -> bool:
                labels = {"metadata": {"labels": {"team": next(names)}}}
                kube.patch("Service", "apple-service", NAMESPACE, labels)
                return process.poll() is not None

            wait_until(labelled, timeout=PATIENCE, what="the run to end", interval=0.3)
        finished = harness.finish(process)
    finally:
        shop.restore()

    assert finished.code == 3, finished.result
    assert ["interference" in cell["findings"] for cell in finished.json["cells"]] == [True, True]
    assert [cell["verdict"] for cell in finished.json["cells"]] == ["inconclusive"] * 2
    assert "changed Service/apple-service: metadata.labels.team" in finished.err
    assert shop.version() == "apple-v1"
