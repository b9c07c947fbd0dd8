"""``certificate-rotation`` in a file: its record, and the rotations that could not be seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import InvalidInputError
from harness.experiment.load import load_experiment
from harness.model.changes import CertificateRotation
from harness.runner.in_place.targets import parse_change, parse_object

APPS = Path(__file__).parents[2] / "experiments" / "apps" / "apple-banana"
HOST = "shop.example"
ROTATION = {"secret": "shop-tls", "host": HOST}


def secret(name: str) -> dict[str, Any]:
    """Return a Secret for TLS."""
    data = {"tls.crt": "bm9uZQ==", "tls.key": "bm9uZQ=="}
    return {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "kubernetes.io/tls", "data": data,
    }  # fmt: skip


def load(folder: Path, rotation: dict[str, Any], tls: Any = None, **fields: Any) -> CertificateRotation:
    """Return the change of an Experiment whose Ingress serves a certificate."""
    service = {"name": "apple-service", "port": {"number": 5678}}
    rule = {"host": HOST, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": service}}]}}
    ingress = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "shop"},
        "spec": {"ingressClassName": "nginx", "tls": fields.pop("entries", [TLS]), "rules": [rule]},
    }
    workload = folder / "shop.yaml"
    objects = [secret("shop-tls"), secret("shop-next"), ingress]
    workload.write_text("\n---\n".join(json.dumps(each) for each in objects), encoding="utf-8")
    content = {
        "name": "certificates",
        "workload": [str(APPS / "apps.yaml"), str(workload)],
        "traffic": {
            "rate": "100/s", "host": HOST, "paths": ["/"], "pool": {"size": 8}, **({"tls": tls} if tls else {}),
        },
        "changes": [{"certificate-rotation": rotation}],
        **fields,
    }  # fmt: skip
    path = folder / "experiment.yaml"
    path.write_text(json.dumps(content), encoding="utf-8")
    (found,) = (cell.change for cell in load_experiment(path).cells if not cell.change.facts.is_control)
    assert isinstance(found, CertificateRotation)
    return found


TLS: dict[str, Any] = {"hosts": [HOST], "secretName": "shop-tls"}
UNCHECKED = {"verify": False}


@pytest.mark.parametrize("entries", [[TLS], [{"secretName": "shop-tls"}]], ids=["hosts", "hosts-of-rules"])
def test_a_rotation_has_its_secret_and_host(tmp_path: Path, entries: list[Any]) -> None:
    """The host is one of the entry, or of the rules if the entry has none."""
    found = load(tmp_path, ROTATION, UNCHECKED, entries=entries)

    assert (found.secret, found.host, found.source) == ("shop-tls", HOST, "")
    assert found.target_name == "shop-tls"


def test_traffic_that_checks_certificates_needs_one_of_its_authority(tmp_path: Path) -> None:
    """A copied certificate may be issued by it."""
    assert load(tmp_path, {**ROTATION, "from": "shop-next"}, {"verify": True}).source == "shop-next"


@pytest.mark.parametrize(
    ("rotation", "tls", "fields", "expected"),
    [
        ({**ROTATION, "secret": "nobody"}, UNCHECKED, {}, "no Secret 'nobody'"),
        ({**ROTATION, "from": "nobody"}, UNCHECKED, {}, "no Secret 'nobody'"),
        ({**ROTATION, "from": "shop-tls"}, UNCHECKED, {}, "shop-tls has this certificate already"),
        ({**ROTATION, "secret": "shop-next"}, UNCHECKED, {}, "no Ingress has tls with secretName: shop-next"),
        ({**ROTATION, "host": "www.example"}, UNCHECKED, {}, "no Ingress serves the certificate of shop-tls for host"),
        (ROTATION, None, {}, "traffic has no tls"),
        (ROTATION, {"verify": True}, {}, "trusts none that the harness makes"),
        (ROTATION, UNCHECKED, {"ingress": "none", "entry": {"service": "apple-service"}}, "traffic goes past it"),
    ],
    ids=["secret", "from", "same", "unused", "host", "plain", "checked", "no-ingress"],
)
def test_a_rotation_that_could_not_be_seen_is_refused(
    tmp_path: Path, rotation: dict[str, Any], tls: Any, fields: dict[str, Any], expected: str
) -> None:
    """Each reason is found before the run."""
    with pytest.raises(InvalidInputError, match=expected):
        load(tmp_path, rotation, tls, **fields)


def test_it_is_refused_in_place() -> None:
    """The clients of a running application trust the certificate that is there."""
    with pytest.raises(InvalidInputError, match="'certificate-rotation' is not a change of a Deployment"):
        parse_change("certificate-rotation", parse_object("deployment/apple"))
