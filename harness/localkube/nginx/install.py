"""Find the ingress data plane's nginx: the machine's own if it has Lua, else one in our cache folder.

An unpacked nginx is found again in milliseconds. If two processes need it at the same time, the second waits until the
first has unpacked it. An existing folder is complete, because it is renamed into place.
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

#: Increment this number when the unpacked files change, so that older folders are not used.
_LAYOUT = 1
_NEEDED = ("apt-get", "dpkg", "dpkg-query")
_SYSTEM_PLACES = ("/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/local/openresty/nginx/sbin/nginx")
_HINT = """\
Either make Debian's package servers reachable and try again (it installs nothing and needs no root), or install it:
  sudo apt-get install nginx-light libnginx-mod-http-lua lua-cjson
The installation starts a web server on port 80 that the harness does not need; stop it with:
  sudo systemctl disable --now nginx"""


def _silent(_text: str) -> None:
    pass


def find_or_fetch(progress: Progress = _silent) -> NginxInstall:
    """Return an nginx with a working Lua; download and unpack it if the machine has none.

    Args:
        progress: Called with the name of each step that takes time.

    Raises:
        MissingToolError: There is none and none could be downloaded; the hint lists the remedies.
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
    """Return the folder for the unpacked packages of this machine's release and architecture."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    parts = (release.get("ID", ""), release.get("VERSION_ID", ""), platform.machine(), str(_LAYOUT))
    return cache / "harness" / ("nginx-" + "-".join(part for part in parts if part))


def _of_the_system() -> tuple[NginxInstall | None, str]:
    """Return the machine's own nginx if its Lua works, else the reason (empty if there is no nginx)."""
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
        raise _missing(f"this machine has no {' and no '.join(missing)}", unusable)
    with _scratch(folder) as (tree, work):
        try:
            debian.unpack(tree, work, progress)
            version, _modules = version_of(tree / "usr/sbin/nginx", in_tree(tree, "").environment())
        except HarnessError as error:
            raise _missing("the download of Debian's packages failed", str(error)) from error
        broken = why_unusable(in_tree(tree, version))
        if broken:
            raise _missing("the nginx in Debian's packages does not run here", broken)
        (tree / "install.json").write_text(json.dumps({"version": version}), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        tree.rename(folder)
    return in_tree(folder, version)


def _missing(why: str, detail: str) -> MissingToolError:
    return MissingToolError(f"nginx with Lua is missing, and {why}.", hint=_HINT, detail=detail)


def _read(folder: Path) -> NginxInstall | None:
    try:
        version = json.loads((folder / "install.json").read_text(encoding="utf-8"))["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    install = in_tree(folder, version)
    return install if os.access(install.binary, os.X_OK) else None


@contextmanager
def _scratch(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Yield two empty folders next to the final one: one to rename into place, one for temporary files.

    Both are removed at the end.
    """
    base = Path(tempfile.mkdtemp(prefix=folder.name + ".", dir=folder.parent))
    try:
        for name in ("tree", "work"):
            (base / name).mkdir()
        yield base / "tree", base / "work"
    finally:
        shutil.rmtree(base, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a lock that only one process has at a time; the kernel releases it when the process dies."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        handle = (folder.parent / (folder.name + ".lock")).open("a")
    except OSError as error:
        raise _missing(
            f"the cache folder {folder.parent} cannot be written (set XDG_CACHE_HOME to use another)", str(error)
        ) from error
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
