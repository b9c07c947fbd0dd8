"""A workload with TLS, through the real command line: traffic over HTTPS through changes on the embedded cluster."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trustme
from command_line import ROOT, CommandLine, Finished
from starved import are_sound, measured, trial_of, wrong_rows

from harness.model.attempt import Outcome
from harness.store.ledger import read_ledger

pytestmark = [pytest.mark.e2e, pytest.mark.nginx, pytest.mark.timeout(1200)]

HOST = "shop.example"
GRACEFUL = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "apple"},
    "spec": {
        "template": {
            "spec": {"containers": [{"name": "apple", "lifecycle": {"preStop": {"sleep": {"seconds": 6}}}}]},
        }
    },
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Write the shipped apps with ``tls`` for their host and the Secret; ``ca.pem`` is the authority's certificate."""
    authority = trustme.CA()
    made = authority.issue_cert(HOST)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    folder = tmp_path / "apps"
    folder.mkdir()
    for source in (ROOT / "experiments" / "apps" / "apple-banana").iterdir():
        text = source.read_text(encoding="utf-8").replace("    - http:\n", f"    - host: {HOST}\n      http:\n")
        tls = f"spec:\n  tls: [{{hosts: [{HOST}], secretName: shop-tls}}]\n  ingressClassName"
        (folder / source.name).write_text(text.replace("spec:\n  ingressClassName", tls), encoding="utf-8")
    assert "secretName" in (folder / "ingress.yaml").read_text(encoding="utf-8")
    for name, each in (("shop-tls", made), ("shop-next", authority.issue_cert(HOST))):
        (folder / f"{name}.json").write_text(json.dumps(secret(name, each)), encoding="utf-8")
    return folder


def secret(name: str, made: trustme.LeafCert) -> dict[str, Any]:
    """Return the Secret of a certificate."""
    data = {"tls.crt": made.cert_chain_pems[0].bytes(), "tls.key": made.private_key_pem.bytes()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "type": "kubernetes.io/tls",
        "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
    }


def traffic(tmp_path: Path) -> dict[str, Any]:
    """Return traffic over HTTPS that checks the certificate."""
    return {
        "rate": "50/s",
        "host": HOST,
        "paths": ["/apple"],
        "connections": ["new", "reused"],
        "pool": {"size": 8},
        "tls": {"ca": str(tmp_path / "ca.pem")},
        "baseline": "2s",
        "settle": "1s",
        "timeout": "3s",
    }


def test_a_rolling_update_under_https(
    harness: CommandLine, experiment: Callable[..., Path], shop: Path, tmp_path: Path
) -> None:
    """With a preStop sleep nothing is lost over checked TLS connections; without it requests are lost."""
    path = experiment(
        workload=str(shop),
        traffic=traffic(tmp_path),
        matrix={"lifecycle": {"bare": {}, "graceful": {"patch": [GRACEFUL]}}},
        # Three times, since one restart may lose nothing: nginx may happen to sync when the old pod ends.
        changes=["none", {"restart": {"deployment": "apple", "times": 3}}],
        expect=[{"lifecycle": "bare", "change": "restart", "verdict": "lossy"}],
    )
    out = tmp_path / "run"
    wrong = wrong_rows(harness, path, out)
    rows = read_ledger(trial_of(out, "graceful--restart") / "traffic" / "ledger-0.npy")

    assert wrong == []
    assert set(rows["outcome"]) <= {Outcome.OK, Outcome.MISSED}
    assert np.count_nonzero(rows["outcome"] == Outcome.OK) > 100


def test_a_certificate_is_rotated_while_a_deployment_is_restarted(
    harness: CommandLine, experiment: Callable[..., Path], shop: Path, tmp_path: Path
) -> None:
    """The old pod of the restart serves for 6 s more, and in that time new connections get the new certificate."""
    rotation = {"secret": "shop-tls", "host": HOST, "from": "shop-next", "while": "restart"}
    path = experiment(
        workload=str(shop),
        traffic=traffic(tmp_path),
        matrix={"lifecycle": {"graceful": {"patch": [GRACEFUL]}}},
        changes=[{"restart": {"deployment": "apple"}}, {"certificate-rotation": rotation}],
        exclude=[{"change": "restart"}],
    )

    def run(number: int) -> Finished:
        return harness.run("run", path, "--out", tmp_path / f"run-{number}", "--json")

    finished = measured(run, are_sound)
    cells, name = finished.json["cells"], "certificate-rotation-while-restart"

    assert [cell["change"] for cell in cells] == ["none", name]
    assert are_sound(cells), finished.result
    assert made(Path(finished.json["directory"]), name) == [
        "restart applied",
        "restart in-progress",
        f"{name} applied",
        f"{name} certificate-served",
    ]


def made(directory: Path, name: str) -> list[str]:
    """Return the events of both changes that say when they were made, in the order of their times."""
    (path,) = directory.glob(f"trials/*{name}/1/timeline.jsonl")
    events: list[Any] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    words = {"applied", "in-progress", "certificate-served"}
    kept = [e for e in events if e["kind"] == "change" and e["what"] in words]
    return [f"{e['subject']} {e['what']}" for e in sorted(kept, key=lambda e: e["at"])]


def test_http_to_a_host_with_tls_is_explained(
    harness: CommandLine, experiment: Callable[..., Path], shop: Path, tmp_path: Path
) -> None:
    """Every answer would be a redirect; the run does not count them as losses, and names the setting."""
    plain = {key: value for key, value in traffic(tmp_path).items() if key != "tls"}
    done = harness.run("run", experiment(workload=str(shop), traffic=plain), "--out", tmp_path / "run", "--json")

    assert done.code not in {0, 1}
    assert "gave 308, a redirect to HTTPS: add tls: {verify: false} to traffic" in done.err + json.dumps(done.json)
