"""The manifests that run the harness inside a cluster ask for what the changes need, and for nothing else."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from documentation import ROOT, documented_role

from harness.testing.role_bound_api import Grant, grants_of

FOLDER = ROOT / "kind-config" / "harness"


def objects(name: str) -> list[dict[str, Any]]:
    """Return the objects of a file."""
    return list(yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8")))


def only(kind: str, name: str = "job.yaml") -> dict[str, Any]:
    """Return the one object of a kind."""
    (found,) = [each for each in objects(name) if each["kind"] == kind]
    return found


def test_rights_are_the_documented_ones() -> None:
    """The documented ClusterRole follows from the facts of the changes."""
    assert grants_of(only("ClusterRole")) == documented_role("ClusterRole")


def test_results_need_one_right_in_one_namespace() -> None:
    """Creating a ConfigMap, which can overwrite nothing."""
    assert grants_of(only("Role")) == {Grant("", "configmaps", "create")}


@pytest.mark.parametrize("name", ["job.yaml", "workers.yaml"])
def test_pods_are_restricted(name: str) -> None:
    """They pass the Pod Security Standard ``restricted``, and never run twice for a better verdict."""
    job = only("Job", name)
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert job["spec"]["backoffLimit"] == 0
    assert pod["restartPolicy"] == "Never"
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_workers_have_no_rights() -> None:
    """Not even a token."""
    pod = only("Job", "workers.yaml")["spec"]["template"]["spec"]

    assert pod["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in pod


def test_workers_find_the_run() -> None:
    """The Service of the run has the name and the port that the workers join."""
    service = only("Service")
    port = service["spec"]["ports"][0]["port"]
    (script,) = only("Job", "workers.yaml")["spec"]["template"]["spec"]["containers"][0]["args"]

    assert f"harness worker --join {service['metadata']['name']}.{service['metadata']['namespace']}:{port} " in script
    assert f":{port}" in only("Job")["spec"]["template"]["spec"]["containers"][0]["args"][0]


def test_the_image_runs_as_no_root_and_keeps_no_index() -> None:
    """An argument of the last stage would stay in the image's history."""
    text = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    last = text[text.rindex("\nFROM ") :]

    assert re.search(r"^USER 65532:65532$", last, re.MULTILINE)
    assert "ARG" not in last
    assert "PIP_INDEX_URL" not in last


def test_the_context_of_the_image_has_what_the_image_copies() -> None:
    """The list of ignored files lets in each source of a COPY, itself or with its folder."""
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = re.findall(r"^COPY ([^-].*) \S+$", (FOLDER / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)

    for source in map(Path, " ".join(copied).split()):
        assert {f"!{each}" for each in (source, *source.parents)} & {*ignored}
        assert (ROOT / source).exists()


@pytest.mark.processes
@pytest.mark.parametrize("name", ["slim-base.sh", "slim-packages.sh"])
def test_scripts_of_the_image_stop_at_an_error(name: str) -> None:
    """The image is built by each of them, a failed command fails the build, and a shell can read it."""
    script = (FOLDER / name).read_text(encoding="utf-8")
    checked = subprocess.run(["sh", "-n", FOLDER / name], capture_output=True, text=True, check=False)

    assert name in (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^set -eu$", script, re.MULTILINE)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_image_keeps_the_programs_of_the_job() -> None:
    """No package that has a program or a library of the Job's script is taken out of the base image."""
    script = (FOLDER / "slim-base.sh").read_text(encoding="utf-8")
    listed = re.search(r'^gone="(.*?)"', script, re.MULTILINE | re.DOTALL)
    assert listed is not None
    gone = {*listed[1].split()}

    # hostname: hostname -i. libc-bin: getent. openssl: the place of the certificates. libgmp10: expr of coreutils.
    needed = (
        "base-files bash ca-certificates coreutils dash grep hostname libc-bin libc6 libgmp10 libssl3 openssl sed tar"
    )
    assert gone.isdisjoint(needed.split())
    assert "perl-base" in gone
