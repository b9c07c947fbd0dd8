"""The volumes of a pod as folders, as the kubelet keeps them.

The files of a ConfigMap, a Secret or the downward API are links into one folder. An update replaces the link to that
folder, so that a program sees all files of one version or all of another. A file that is mounted alone (``subPath``)
stays as it was when the container started.
"""

from __future__ import annotations

import base64
import itertools
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.localkube.apps.mounts import Mount
from harness.localkube.kubelet.environment import ConfigError, downward_value, expand
from harness.localkube.kubelet.sources import find_source
from harness.localkube.machinery.client import ApiClient
from harness.localkube.machinery.objects import Object

#: The link that an update replaces, and the name of its next value.
_DATA, _NEXT = "..data", "..data_tmp"
_DEFAULT_MODE = 0o644
_KINDS = ("emptyDir", "configMap", "secret", "downwardAPI", "projected")


class MountError(Exception):
    """A volume cannot be mounted yet; the message is that of the kubelet's event."""


@dataclass(frozen=True, slots=True)
class VolumeFile:
    """A file of a volume.

    Attributes:
        content: Its content.
        mode: Its permissions.
    """

    content: bytes
    mode: int


#: The files of a volume by their paths in it.
Payload = Mapping[str, VolumeFile]


class PodVolumes:
    """The volumes of one pod.

    Args:
        client: The API server.
        folder: Folder for the volumes; it is made when needed.
        pod: The pod.
    """

    def __init__(self, client: ApiClient, folder: Path, pod: Object) -> None:
        self._client = client
        self._folder = folder
        self._pod = pod

    @property
    def _specs(self) -> list[Object]:
        return self._pod["spec"].get("volumes") or []

    async def write(self, address: str) -> None:
        """Make all volumes, or bring their files up to date.

        Args:
            address: The address of the pod, for the downward API.

        Raises:
            MountError: An object or a key does not exist. Volumes that were made before stay as they are.
        """
        for volume in self._specs:
            try:
                await self._write(volume, address)
            except (MountError, ConfigError) as error:
                raise MountError(f'MountVolume.SetUp failed for volume "{volume["name"]}" : {error}') from None

    async def _write(self, volume: Object, address: str) -> None:
        kind = next((each for each in _KINDS if each in volume), None)
        if kind is None or "/" in volume["name"]:
            raise MountError("the embedded cluster mounts no volume of this kind or name")
        # The files of a Secret are for this user alone.
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / volume["name"]
        path.mkdir(exist_ok=True)
        if kind == "emptyDir":
            path.chmod(0o777)
        else:
            replace_files(path, await self._payload(volume, address))

    def mounts(self, container: Object, env: Mapping[str, str]) -> list[Mount]:
        """Return the mounts of a container.

        Args:
            container: Its entry in the pod's spec.
            env: Its environment, for ``subPathExpr``.

        Raises:
            ConfigError: It mounts a volume that the pod does not have, or a path outside of it.
        """
        return [self._mount(each, env) for each in container.get("volumeMounts") or ()]

    def _mount(self, mount: Object, env: Mapping[str, str]) -> Mount:
        volume = next((each for each in self._specs if each["name"] == mount["name"]), None)
        if volume is None:
            raise ConfigError(f'volume "{mount["name"]}" not found')
        inside = expand(mount.get("subPathExpr") or "", env) or mount.get("subPath") or ""
        path = self._folder / mount["name"]
        source = (path / inside).resolve()
        if not source.is_relative_to(path.resolve()):
            raise ConfigError(
                f"failed to prepare subPath for volumeMount {mount['name']!r}: {inside} leaves the volume"
            )
        if inside and not source.exists():
            source.mkdir(parents=True)
        read_only = bool(mount.get("readOnly")) or "emptyDir" not in volume
        return Mount(str(source), mount["mountPath"], read_only)

    def remove(self) -> None:
        """Remove all volumes."""
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _payload(self, volume: Object, address: str) -> Payload:
        """Return the files of a volume of one source or of several.

        Raises:
            MountError: An object or a key does not exist.
        """
        projected = volume.get("projected")
        sources = [volume] if projected is None else projected.get("sources") or []
        found: dict[str, VolumeFile] = {}
        for source in sources:
            for field in ("configMap", "secret", "downwardAPI"):
                if field in source:
                    one = source[field] or {}
                    mode = (one if projected is None else projected).get("defaultMode")
                    mode = _DEFAULT_MODE if mode is None else mode
                    found |= await self._of_source(field, one, mode, address)
        return found

    async def _of_source(self, field: str, source: Object, mode: int, address: str) -> Payload:
        items = source.get("items") or ()
        if field == "downwardAPI":
            values = {each["path"]: downward_value(self._pod, each["fieldRef"]["fieldPath"], address) for each in items}
            return {each["path"]: VolumeFile(values[each["path"]], _mode(each, mode)) for each in items}
        kind = "Secret" if field == "secret" else "ConfigMap"
        name = source.get("secretName") or source.get("name")
        optional = bool(source.get("optional"))
        obj = await find_source(self._client, self._pod["metadata"]["namespace"], kind, str(name))
        if obj is None:
            if optional:
                return {}
            raise MountError(f'{kind.lower()} "{name}" not found')
        data = _data(kind, obj)
        items = items or [{"key": key, "path": key} for key in data]
        missing = [each["key"] for each in items if each["key"] not in data]
        if missing and not optional:
            word = "config" if kind == "ConfigMap" else "secret"
            raise MountError(f"references non-existent {word} key: {missing[0]}")
        return {each["path"]: VolumeFile(data[each["key"]], _mode(each, mode)) for each in items if each["key"] in data}


def _data(kind: str, obj: Object) -> dict[str, bytes]:
    """Return the contents of files, by key."""
    encoded, plain = ("binaryData", "data") if kind == "ConfigMap" else ("data", "")
    found = {key: text.encode() for key, text in (obj.get(plain) or {}).items()}
    return found | {key: base64.b64decode(text) for key, text in (obj.get(encoded) or {}).items()}


def _mode(item: Object, default: int) -> int:
    mode = item.get("mode")
    return default if mode is None else int(mode)


def replace_files(folder: Path, payload: Payload) -> bool:
    """Replace the files of a volume in one step; return True if anything has changed.

    Args:
        folder: The folder of the volume.
        payload: Its files.

    Raises:
        MountError: A path leads out of the volume.
    """
    if outside := next((path for path in payload if ".." in Path(path).parts or Path(path).is_absolute()), None):
        raise MountError(f"invalid path {outside!r}")
    data = folder / _DATA
    old = data.readlink().name if data.is_symlink() else ""
    if old and _payload_of(folder / old) == payload:
        return False
    new = next(name for number in itertools.count(1) if not (folder / (name := f"..{number}")).exists())
    (folder / new).mkdir()
    for path, file in payload.items():
        target = folder / new / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
        target.chmod(file.mode)
    (folder / _NEXT).symlink_to(new)
    (folder / _NEXT).replace(data)
    names = {Path(path).parts[0] for path in payload}
    for name in names:
        with suppress(FileExistsError):
            (folder / name).symlink_to(Path(_DATA) / name)
    for entry in folder.iterdir():
        if entry.is_symlink() and entry.name not in {*names, _DATA}:
            entry.unlink()
    if old:
        shutil.rmtree(folder / old)
    return True


def _payload_of(folder: Path) -> Payload:
    """Return the files of a version of a volume."""
    files = [Path(parent) / name for parent, _, names in os.walk(folder) for name in names]
    return {str(each.relative_to(folder)): VolumeFile(each.read_bytes(), each.stat().st_mode & 0o777) for each in files}
