"""Pass the settings of a cluster to its process in one JSON file, so that a person can read and rerun it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from harness.localkube.addresses import AddressBlock
from harness.localkube.commands import LocalCommand
from harness.localkube.nginx.record import NginxInstall

#: Port where traffic enters, unless another process listens on it at all addresses.
ENTRY_PORT = 8080

#: Port where traffic with TLS enters, under the same condition.
TLS_PORT = 8443

#: Port of the ingress controller's Service. Nothing listens on it at the address that stands for a Service without
#: endpoints.
SERVICE_PORT = 80
#: The same for traffic with TLS.
SERVICE_TLS_PORT = 443

#: kube-proxy's log of the rules it programmed, with times; in the folder of logs.
PROXY_LOG = "kube-proxy.jsonl"

#: The file in a cluster's folder while its applications start; only the option of the same name makes it. As long as it
#: exists, syncs of the ingress controller take no token: a controller that has run for long has a full bucket at the
#: first change.
STARTING = "starting"

#: The fork server's own output, which is not that of its containers; in the folder of logs.
CONTAINERS_LOG = "containers.log"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """The settings of one local cluster, for all its components.

    Attributes:
        name: The cluster's name.
        directory: Existing folder for state, logs and sockets; no other cluster uses it.
        block: Its loopback addresses.
        profile: Name of the delay profile (``kind``, ``instant``).
        seed: Seed of every random choice.
        ingress: The ingress controller to run, a key of ``harness.localkube.system.programs``. Any other word means
            none.
        nginx: The nginx to use; None if the controller needs none.
        entry_port: Port of the data plane at ``block.ingress_address``.
        tls_port: Its port for TLS.
        options: More options by name, as given by the user.
        commands: Local commands that run in place of images, by id (``harness.localkube.commands``).
    """

    name: str
    directory: Path
    block: AddressBlock
    profile: str
    seed: int
    ingress: str
    nginx: NginxInstall | None
    entry_port: int = ENTRY_PORT
    tls_port: int = TLS_PORT
    options: Mapping[str, str] = field(default_factory=dict)
    commands: Mapping[str, LocalCommand] = field(default_factory=dict)

    @property
    def node_name(self) -> str:
        """Return the cluster's name as a valid name and label of its Node: ``after+default--scale`` has a ``+``."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower())[:63].strip("-") or "node"

    @property
    def logs(self) -> Path:
        """Return the folder of all logs."""
        return self.directory / "logs"

    @property
    def services(self) -> Path:
        """Return the folder in which kube-proxy keeps a file of backends for each Service."""
        return self.directory / "services"

    @property
    def starting_file(self) -> Path:
        """Return the file that exists while the applications start; see ``STARTING``."""
        return self.directory / STARTING

    @property
    def ready_file(self) -> Path:
        """Return the file that the process writes once its API answers: ``{"url": ..., "pid": ...}``."""
        return self.directory / "ready.json"

    def write(self, path: Path) -> None:
        """Write the settings as JSON."""
        data = {each.name: getattr(self, each.name) for each in fields(self)}
        data["directory"] = str(self.directory)
        data["block"] = self.block.number
        data["options"] = dict(self.options)
        data["commands"] = {name: asdict(command) for name, command in self.commands.items()}
        data["nginx"] = None if self.nginx is None else _plain(self.nginx)
        path.write_text(json.dumps(data, indent=2, sort_keys=True) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> NodeSettings:
        """Read a file that ``write`` wrote."""
        data = json.loads(path.read_text(encoding="utf-8"))
        data["directory"] = Path(data["directory"])
        data["block"] = AddressBlock(data["block"])
        data["nginx"] = None if data["nginx"] is None else _install(data["nginx"])
        data["commands"] = {
            name: LocalCommand(each["folder"], tuple(each["argv"])) for name, each in data["commands"].items()
        }
        return cls(**data)


def _plain(install: NginxInstall) -> dict[str, Any]:
    """Convert the record to JSON types, with paths as text."""
    modules = install.modules_dir
    return asdict(install) | {"binary": str(install.binary), "modules_dir": None if modules is None else str(modules)}


def _install(data: Mapping[str, Any]) -> NginxInstall:
    """Restore a record from the output of ``_plain``."""
    return NginxInstall(
        binary=Path(data["binary"]),
        modules_dir=None if data["modules_dir"] is None else Path(data["modules_dir"]),
        lua_paths=tuple(data["lua_paths"]),
        lua_cpaths=tuple(data["lua_cpaths"]),
        library_path=data["library_path"],
        version=data["version"],
    )
