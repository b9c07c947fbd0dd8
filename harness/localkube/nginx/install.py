"""Where the ingress data plane's nginx comes from: the machine if it has one with Lua, else a cache folder of our own.

What was unpacked once is found again in milliseconds. Two processes that look at the same time unpack it once: the
second waits for the first. A folder that is there is complete, since it is renamed into place.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import HarnessError, MissingToolError
from harness.localkube.nginx import debian
from harness.localkube.nginx.check import version_of, why_unusable
from harness.localkube.nginx.record import NginxInstall, in_tree

__all__ = ["NginxInstall", "find_or_fetch"]

Progress = Callable[[str], None]

#: Raised when what is unpacked, or how, changes: older folders are then not used.
_LAYOUT = 1
_NEEDED = ("apt-get", "dpkg", "dpkg-query")
_SYSTEM_PLACES = ("/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/local/openresty/nginx/sbin/nginx")
_HINT = """\
Either make Debian's package servers reachable and try again (nothing is installed, no root is needed), or install it:
  sudo apt-get install nginx-light libnginx-mod-http-lua lua-cjson
That starts a web server on port 80, which the harness does not need; stop it with:
  sudo systemctl disable --now nginx"""


def _silent(_text: str) -> None:
    pass


def find_or_fetch(progress: Progress = _silent) -> NginxInstall:
    """An nginx with a working Lua; fetched and unpacked if the machine has none.

    Args:
        progress: Told of each step that takes time.

    Raises:
        MissingToolError: There is none and none could be had; the hint says what to do.
    """
    found, unusable = _of_the_system()
    if found is not None:
        return found
    folder = cache_folder()
    cached = _read(folder)
    if cached is not None:
        return cached
    with _locked(folder):
        return _read(folder) or _fetch(folder, unusable, progress)


def cache_folder() -> Path:
    """The folder that holds, or will hold, the unpacked packages of this machine's release and architecture."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    parts = (release.get("ID", ""), release.get("VERSION_ID", ""), platform.machine(), str(_LAYOUT))
    return cache / "harness" / ("nginx-" + "-".join(part for part in parts if part))


def _of_the_system() -> tuple[NginxInstall | None, str]:
    """The machine's own nginx if its Lua works, and else why not (empty if there is no nginx)."""
    program = shutil.which("nginx") or next((place for place in _SYSTEM_PLACES if os.access(place, os.X_OK)), None)
    if program is None:
        return None, ""
    binary = Path(program)
    try:
        version, modules = version_of(binary, dict(os.environ))
    except HarnessError as error:
        return None, str(error)
    dynamic = modules if modules and (modules / "ngx_http_lua_module.so").exists() else None
    install = NginxInstall(binary, dynamic, (), (), "", version)
    unusable = why_unusable(install)
    return (None, unusable) if unusable else (install, "")


def _fetch(folder: Path, unusable: str, progress: Progress) -> NginxInstall:
    missing = [tool for tool in _NEEDED if shutil.which(tool) is None]
    if missing:
        raise _not_to_be_had(f"this machine has no {' and no '.join(missing)}", unusable)
    with _scratch(folder) as (tree, work):
        try:
            debian.unpack(tree, work, progress)
            version, _modules = version_of(tree / "usr/sbin/nginx", in_tree(tree, "").environment())
        except HarnessError as error:
            raise _not_to_be_had("fetching Debian's packages failed", str(error)) from error
        broken = why_unusable(in_tree(tree, version))
        if broken:
            raise _not_to_be_had("the one in Debian's packages does not run here", broken)
        (tree / "install.json").write_text(json.dumps({"version": version}), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        tree.rename(folder)
    return in_tree(folder, version)


def _not_to_be_had(why: str, detail: str) -> MissingToolError:
    return MissingToolError(f"There is no nginx with Lua, and {why}.", hint=_HINT, detail=detail)


def _read(folder: Path) -> NginxInstall | None:
    try:
        version = json.loads((folder / "install.json").read_text(encoding="utf-8"))["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    install = in_tree(folder, version)
    return install if os.access(install.binary, os.X_OK) else None


@contextmanager
def _scratch(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Two empty folders beside the final one, gone at the end: what is to be renamed, and what is not needed after."""
    base = Path(tempfile.mkdtemp(prefix=folder.name + ".", dir=folder.parent))
    try:
        for name in ("tree", "work"):
            (base / name).mkdir()
        yield base / "tree", base / "work"
    finally:
        shutil.rmtree(base, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Held by one process at a time; the kernel lets go of it when the process dies."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        handle = (folder.parent / (folder.name + ".lock")).open("a")
    except OSError as error:
        raise _not_to_be_had(
            f"the cache folder {folder.parent} can't be written (XDG_CACHE_HOME names another)", str(error)
        ) from error
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
