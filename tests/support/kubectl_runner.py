"""Run the rows of ``kubectl_rows`` with the real kubectl on any cluster."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kubectl_rows import APPLE, INGRESS, SHELL, WAIT, Row

from harness.kit.waiting import wait_until

#: Seconds for one command.
PATIENCE = 120
_FORWARDED = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")


@dataclass(frozen=True)
class Outcome:
    """The output of a command and its exit code."""

    code: int
    text: str


@dataclass(frozen=True)
class Place:
    """A cluster, and the images that it can run.

    Attributes:
        kubectl: The program.
        kubeconfig: The cluster's.
        node: The name of a node.
        image: An image of http-echo without a shell.
        image2: Another one.
        shell: An image with a shell.
        command: The command with which it runs on, as JSON; null for that of the image.
    """

    kubectl: str
    kubeconfig: Path
    node: str
    image: str = "hashicorp/http-echo:1.0"
    image2: str = "hashicorp/http-echo:0.2.3"
    shell: str = "xds2000/nginx-hostname:latest"
    command: str = "null"


@dataclass
class Runner:
    """Runs rows, each in a namespace of its own, or in a shared one if it only reads.

    Args:
        place: The cluster.
        folder: A folder for kubectl's own files.
    """

    place: Place
    folder: Path
    _shared: dict[bool, str] = field(default_factory=dict)
    _number: int = 0

    def run(self, row: Row) -> Outcome:
        """Prepare a namespace, run the commands before the row, the row, and those after it."""
        namespace = self._namespace(row)
        (self.folder / "sent").write_text("sent\n")
        try:
            for command in row.first:
                self._succeed(self._words(command, namespace), namespace)
            words = self._words(row.command, namespace)
            return self._served(words, namespace) if row.serves else self._call(words, namespace, row.stdin, row.env)
        finally:
            for command in row.after:
                self._succeed(self._words(command, namespace), namespace)
            if not row.reads:
                self._call(["delete", "namespace", namespace, "--wait=false"], "default")

    def close(self) -> None:
        """Delete the namespaces that rows share, and wait: their Ingress would get the requests of later tests."""
        while self._shared:
            self._succeed(["delete", "namespace", self._shared.popitem()[1]], "default")

    def _namespace(self, row: Row) -> str:
        if row.reads and row.shell in self._shared:
            return self._shared[row.shell]
        self._number += 1
        name = f"row-{os.getpid()}-{self._number}"
        place = self.place
        space = f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n"
        objects = f"{space}---{APPLE}" + (f"---{INGRESS}" if row.reads else "")
        if row.shell:
            objects += "---" + SHELL.replace("SHELL", place.shell).replace("COMMAND", place.command)
        self._succeed(["apply", "-f", "-"], name, objects.replace("IMAGE", place.image))
        self._succeed(["wait", "--for=condition=Available", "deployment/apple", WAIT], name)
        if row.shell:
            self._succeed(["wait", "--for=condition=Ready", "pod/shell", WAIT], name)
        if row.reads:
            self._shared[row.shell] = name
        return name

    def _words(self, command: str, namespace: str) -> list[str]:
        place = self.place
        values = {"node": place.node, "image": place.image, "image2": place.image2, "shell": place.shell}
        return [word.format(**values, namespace=namespace, folder=self.folder) for word in shlex.split(command)]

    def _succeed(self, words: list[str], namespace: str, stdin: str = "") -> None:
        outcome = self._call(words, namespace, stdin)
        assert outcome.code == 0, f"kubectl {shlex.join(words)}: {outcome.text}"

    def _call(self, words: list[str], namespace: str, stdin: str = "", env: Mapping[str, str] | None = None) -> Outcome:
        stdin = stdin.replace("IMAGE", self.place.image)
        done = subprocess.run(
            self._argv(words, namespace), input=stdin, env=self._environment(env or {}), cwd=self.folder,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        return Outcome(done.returncode, done.stdout)

    def _served(self, words: list[str], namespace: str) -> Outcome:
        """Return what the forwarded port answers, and end kubectl."""
        with subprocess.Popen(
            self._argv(words, namespace), env=self._environment({}), cwd=self.folder,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        ) as running:  # fmt: skip
            assert running.stdout is not None
            try:
                found = _FORWARDED.match(first := running.stdout.readline())
                assert found is not None, first
                with urllib.request.urlopen(f"http://127.0.0.1:{found[1]}/", timeout=30) as answer:
                    return Outcome(0, answer.read().decode())
            finally:
                running.terminate()

    def _argv(self, words: list[str], namespace: str) -> list[str]:
        # Options of kubectl come first: what follows "--" belongs to another program.
        return [self.place.kubectl, f"--namespace={namespace}", *words]

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        home = {"HOME": str(self.folder), "KUBECONFIG": str(self.place.kubeconfig), "PATH": os.environ["PATH"]}
        return {**home, "KUBECTL_ENABLE_CMD_SHADOW": "false", **more}


def first_node(kubectl: str, kubeconfig: Path) -> str:
    """Return the name of a node that runs pods, once there is one."""
    argv = [kubectl, "--kubeconfig", str(kubeconfig), "get", "nodes", "-o", "json"]

    def found() -> str:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE, check=True)
        nodes = json.loads(done.stdout)["items"]
        free = [each for each in nodes if not each["spec"].get("taints")]
        return str(free[0]["metadata"]["name"]) if free else ""

    return wait_until(found, timeout=PATIENCE, what="a node")
