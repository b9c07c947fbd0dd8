"""Give a process a view of the machine's files with folders of its own mounted into it, as a container has.

The process gets a mount namespace, and a user namespace if its user may not have the first one alone. Its root is a new
one: everything of the machine is bound into it, and a path that the machine does not have is made where it is needed.
The calls have no wrapper in this version of Python.
"""

from __future__ import annotations

import ctypes
import fcntl
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_NEW_NAMESPACE, _NEW_USER = 0x00020000, 0x10000000
_RDONLY, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 32, 4096, 16384, 1 << 18
_DETACH = 2
#: Flags of a mount that a remount must repeat: those of ``statvfs`` and their numbers for ``mount``.
_LOCKED = ((os.ST_NOSUID, 2), (os.ST_NODEV, 4), (os.ST_NOEXEC, 8), (os.ST_NOATIME, 1024), (os.ST_RELATIME, 1 << 21))
_CHECK_SECONDS = 60
#: A number that is higher than those of all descriptors of the process that makes containers.
_HIGH = 200
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_ROOT = Path("/")

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or folder at a path of a container.

    Attributes:
        source: Path of the file or folder on the machine.
        target: Absolute path in the container.
        read_only: True if the container may not write.
    """

    source: str
    target: str
    read_only: bool


def enter(mounts: Sequence[Mount], root: Path) -> None:
    """Give this process the view; it must have one thread.

    Args:
        mounts: What it sees in addition.
        root: An existing empty folder, for the new root.

    Raises:
        OSError: The kernel does not allow it, or a source does not exist.
    """
    _unshare()
    _mount(None, _ROOT, None, _REC | _PRIVATE)
    _mount("tmpfs", root, "tmpfs", 0)
    # The new root has the symbolic links of the machine, so each mount belongs where these links lead.
    placed = {Path(each.target).resolve(): each for each in mounts}
    outer = {path: each for path, each in placed.items() if not any(other in path.parents for other in placed)}
    _mirror(_ROOT, root, outer, {parent for path in outer for parent in path.parents})
    for path in sorted(placed.keys() - outer.keys()):
        _place(placed[path], _inside(root, path))
    for path, each in placed.items():
        if each.read_only:
            _protect(_inside(root, path))
    os.chdir(root)
    number = _PIVOT_ROOT.get(os.uname().machine)
    if number is None:
        raise OSError(f"pivot_root is unknown on {os.uname().machine}")
    _call("pivot_root", _libc.syscall(number, b".", b"."))
    _call("umount2", _libc.umount2(b".", _DETACH))
    os.chdir("/")


class Entering:
    """A forked child that enters its view while its parent waits.

    Args:
        mounts: What it sees in addition.
        root: An existing empty folder, for the new root.
    """

    def __init__(self, mounts: Sequence[Mount], root: Path) -> None:
        self._mounts = mounts
        self._root = root
        reading, writing = os.pipe()
        self._reading = reading
        # A child that was just forked closes low descriptors. The program that it executes closes this one.
        self._writing = fcntl.fcntl(writing, fcntl.F_DUPFD_CLOEXEC, _HIGH)
        os.close(writing)

    def enter(self) -> None:
        """Enter, in the child; the parent gets the reason if that fails.

        Raises:
            OSError: It fails.
        """
        try:
            enter(self._mounts, self._root)
        except OSError as error:
            os.write(self._writing, str(error).encode())
            raise

    def wait(self) -> str:
        """Wait in the parent until the child executes its program; return why it does not, empty if it does."""
        os.close(self._writing)
        with os.fdopen(self._reading, "rb") as reading:
            return reading.read().decode()


def join(pid: int) -> None:
    """Give this process the view of another process."""
    for name, kind in (("user", _NEW_USER), ("mnt", _NEW_NAMESPACE)):
        theirs, ours = Path(f"/proc/{pid}/ns/{name}"), Path(f"/proc/self/ns/{name}")
        if theirs.readlink() == ours.readlink():
            continue
        descriptor = os.open(theirs, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _call("setns", _libc.setns(descriptor, kind))
        finally:
            os.close(descriptor)


@functools.cache
def why_not() -> str:
    """Return why this machine cannot give a process such a view; empty if it can. It is tried once."""
    argv = [sys.executable, "-P", "-m", __name__]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_CHECK_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if done.returncode == 0 else done.stderr.strip().rpartition("\n")[2] or "it fails without a message"


def _unshare() -> None:
    """Get a mount namespace; with a user namespace unless the user may have one without."""
    if _libc.unshare(_NEW_NAMESPACE) == 0:
        return
    user, group = os.geteuid(), os.getegid()
    _call("unshare", _libc.unshare(_NEW_USER | _NEW_NAMESPACE))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def _inside(root: Path, path: Path) -> Path:
    return root / path.relative_to(_ROOT)


def _mirror(path: Path, root: Path, outer: Mapping[Path, Mount], parents: Collection[Path]) -> None:
    """Fill a folder of the new root with what the machine has there, and with the mounts at and below it.

    Args:
        path: Path of the folder, which the machine may lack.
        root: The new root.
        outer: The mounts that are not inside of others, by path.
        parents: The folders above them.
    """
    for entry in sorted(path.iterdir()) if path.is_dir() else ():
        if entry not in outer and entry not in parents:
            # What vanishes meanwhile, or may not be seen, is not there.
            with suppress(FileNotFoundError, PermissionError):
                _show(entry, _inside(root, entry))
    for each in sorted(one for one in (*outer, *parents) if one != _ROOT and one.parent == path):
        if each in outer:
            _place(outer[each], _inside(root, each))
            continue
        _inside(root, each).mkdir()
        _mirror(each, root, outer, parents)
        if each.is_dir():
            shutil.copymode(each, _inside(root, each))


def _show(path: Path, new: Path) -> None:
    """Make a path of the machine visible in the new root."""
    if path.is_symlink():
        new.symlink_to(path.readlink())
    else:
        _bind(path, new)


def _place(mount: Mount, new: Path) -> None:
    new.parent.mkdir(parents=True, exist_ok=True)
    _bind(Path(mount.source), new)


def _bind(source: Path, new: Path) -> None:
    if source.is_dir():
        new.mkdir(exist_ok=True)
    else:
        new.touch()
    _mount(str(source), new, None, _BIND | _REC)


def _protect(path: Path) -> None:
    """Make a mount read-only; the kernel wants its other restrictions repeated."""
    has = os.statvfs(path).f_flag
    locked = sum(number for flag, number in _LOCKED if has & flag)
    _mount(None, path, None, _REMOUNT | _BIND | _RDONLY | locked)


def _mount(source: str | None, target: Path, kind: str | None, flags: int) -> None:
    words = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    _call(f"mount {target}", _libc.mount(*words, ctypes.c_ulong(flags), None))


def _call(name: str, result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")


def main() -> None:
    """Check that it works: mount a folder at a path that no machine has, read it, and fail to write to it."""
    with tempfile.TemporaryDirectory(prefix="mounts-") as folder:
        pid = os.fork()
        if pid:
            _, status = os.waitpid(pid, 0)
            sys.exit(os.waitstatus_to_exitcode(status))
        code = 1
        try:
            _try(Path(folder))
            code = 0
        except OSError as error:
            sys.stderr.write(f"{error}\n")
        finally:
            os._exit(code)


def _try(folder: Path) -> None:
    (folder / "root").mkdir()
    (folder / "volume").mkdir()
    (folder / "volume" / "file").touch()
    enter([Mount(str(folder / "volume"), "/no-such/volume", read_only=True)], folder / "root")
    file = Path("/no-such/volume/file")
    if not file.is_file():
        raise OSError("a mounted file is not there")
    try:
        file.write_text("x")
    except OSError:
        return
    raise OSError("a mount that is read-only can be written")


if __name__ == "__main__":
    main()
