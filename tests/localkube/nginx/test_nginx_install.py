"""The search for nginx, with fakes for the machine's programs, and once with the real ones."""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import MissingToolError
from harness.localkube.nginx import debian, install
from harness.localkube.nginx.check import why_unusable
from harness.localkube.nginx.install import find_or_fetch
from harness.localkube.nginx.record import NginxInstall, in_tree

pytestmark = pytest.mark.processes

WORKS = "#!/bin/sh\n[ \"$1\" = -V ] && echo 'nginx version: nginx/9.9.1 (--modules-path=none)' >&2\nexit 0\n"
NO_LUA = "#!/bin/sh\n[ \"$1\" = -V ] && echo 'nginx version: nginx/1.0' >&2 && exit 0\necho no lua here >&2\nexit 1\n"


def program(path: Path, text: str) -> Path:
    """Write an executable script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Simulate a machine with a shell and Debian's programs, but without nginx, and with an empty cache folder."""
    binaries = tmp_path / "bin"
    for name in ("apt-get", "dpkg", "dpkg-query"):
        program(binaries / name, "#!/bin/sh\nexit 0\n")
    monkeypatch.setenv("PATH", str(binaries))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(install, "_SYSTEM_PLACES", ())
    return tmp_path


def unpacks(text: str = WORKS) -> Callable[..., None]:
    """Return a fake for the unpacking of Debian's packages: nginx is this script."""

    def unpack(tree: Path, scratch: Path, progress: Callable[[str], None]) -> None:
        progress("fetching")
        program(tree / "usr/sbin/nginx", text)

    return unpack


def never(*_: object) -> None:
    """Fail the test if packages are downloaded."""
    pytest.fail("packages were downloaded")


def left_in(machine: Path) -> list[str]:
    """Return the names in the cache folder, without the lock."""
    return sorted(path.name for path in (machine / "cache/harness").iterdir() if path.suffix != ".lock")


def test_a_system_nginx_with_lua_is_used(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working nginx of the machine is used; nothing is downloaded."""
    binary = program(machine / "bin/nginx", WORKS)
    monkeypatch.setattr(debian, "unpack", never)

    found = find_or_fetch()

    assert (found.binary, found.version, found.library_path) == (binary, "9.9.1", "")


def test_a_system_nginx_without_lua_is_skipped(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the machine's nginx cannot load Lua, another one is downloaded."""
    program(machine / "bin/nginx", NO_LUA)
    monkeypatch.setattr(debian, "unpack", unpacks())

    assert find_or_fetch().binary == install.cache_folder() / "usr/sbin/nginx"


def test_a_downloaded_nginx_is_reused(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second call downloads nothing and returns the same record."""
    monkeypatch.setattr(debian, "unpack", unpacks())
    messages: list[str] = []
    first = find_or_fetch(messages.append)
    monkeypatch.setattr(debian, "unpack", never)

    assert find_or_fetch() == first
    assert (first.version, messages) == ("9.9.1", ["fetching"])
    assert left_in(machine) == [install.cache_folder().name]


def test_a_damaged_cache_is_downloaded_again(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without its program is replaced."""
    monkeypatch.setattr(debian, "unpack", unpacks())
    find_or_fetch().binary.unlink()

    assert find_or_fetch().binary.exists()


def test_two_concurrent_calls_download_once(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second caller waits for the first and uses its result."""
    inside, proceed = threading.Event(), threading.Event()
    fetches: list[Path] = []

    def slow(tree: Path, scratch: Path, progress: Callable[[str], None]) -> None:
        fetches.append(tree)
        inside.set()
        assert proceed.wait(60)
        unpacks()(tree, scratch, progress)

    monkeypatch.setattr(debian, "unpack", slow)
    found: list[NginxInstall] = []
    threads = [threading.Thread(target=lambda: found.append(find_or_fetch())) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert inside.wait(60)
    proceed.set()
    for thread in threads:
        thread.join(60)

    assert len(fetches) == 1
    assert found[0] == found[1]


def test_missing_apt_is_an_error_with_a_hint(machine: Path) -> None:
    """On a machine without apt, the error names the packages and the way to stop the service that they start."""
    (machine / "bin/apt-get").unlink()

    with pytest.raises(MissingToolError) as caught:
        find_or_fetch()

    assert "apt-get" in caught.value.message
    assert "sudo apt-get install nginx-light libnginx-mod-http-lua lua-cjson" in caught.value.hint
    assert "systemctl disable --now nginx" in caught.value.hint


def test_a_failed_download_leaves_nothing(machine: Path) -> None:
    """The error contains apt's output for lists and packages, and no incomplete folder is left."""
    program(machine / "bin/apt-get", '#!/bin/sh\necho "no network for $4" >&2\nexit 100\n')
    program(machine / "bin/dpkg-query", "#!/bin/sh\necho 2.36\n")

    with pytest.raises(MissingToolError) as caught:
        find_or_fetch()

    assert "no network for update" in caught.value.detail
    assert "no network for install" in caught.value.detail
    assert left_in(machine) == []


def test_packages_that_do_not_run_are_not_kept(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An nginx that fails its check is an error with its own message, and is not cached."""
    monkeypatch.setattr(debian, "unpack", unpacks(NO_LUA))

    with pytest.raises(MissingToolError) as caught:
        find_or_fetch()

    assert "no lua here" in caught.value.detail
    assert left_in(machine) == []


def test_an_unwritable_cache_is_an_error(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the folder and the variable that selects another."""
    (machine / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(machine / "file"))

    with pytest.raises(MissingToolError, match="XDG_CACHE_HOME"):
        find_or_fetch()


def test_apt_uses_private_folders(machine: Path) -> None:
    """Every call of apt uses its own lists, cache and dpkg status; the downloaded packages are unpacked."""
    calls = machine / "calls"
    program(
        machine / "bin/apt-get",
        f'#!/bin/sh\necho "$@" >> {calls}\n[ "$4" = install ] && : > "${{3%/*}}/cache/archives/nginx.deb"\nexit 0\n',
    )
    program(machine / "bin/dpkg", f'#!/bin/sh\necho "$@" >> {calls}\necho amd64\n')
    program(machine / "bin/dpkg-query", "#!/bin/sh\necho 2.36-9\n")
    tree, scratch = machine / "tree", machine / "scratch"

    debian.unpack(tree, scratch, lambda _: None)

    lines = calls.read_text().splitlines()
    settings = (scratch / "apt.conf").read_text()
    assert [f"-c {scratch}/apt.conf" in line for line in lines if "-q" in line] == [True, True]
    assert f"-x {scratch}/cache/archives/nginx.deb {tree}" in lines
    assert all(f'{scratch}/{name}"' in settings for name in ("lists", "status", "cache", "cache/archives"))
    assert (
        "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: same\nVersion: 2.36-9"
        in (scratch / "status").read_text()
    )


def test_a_tree_is_searched_for_its_folders(tmp_path: Path) -> None:
    """Library and Lua folders are found for any architecture name and release layout."""
    for name in (
        "usr/lib/riscv64-linux-gnu/libz.so.1",
        "lib/riscv64-linux-gnu/libpcre.so.3",
        "usr/lib/riscv64-linux-gnu/lua/5.1/cjson.so",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    found = in_tree(tmp_path, "1.26")

    assert set(found.library_path.split(":")) == {
        f"{tmp_path}/usr/lib/riscv64-linux-gnu",
        f"{tmp_path}/lib/riscv64-linux-gnu",
    }
    assert found.lua_cpaths == (f"{tmp_path}/usr/lib/riscv64-linux-gnu/lua/5.1/?.so",)


def test_a_record_renders_its_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules are loaded in order, own Lua comes first, nginx's paths stay, and its libraries precede others."""
    found = NginxInstall(tmp_path / "nginx", tmp_path / "modules", ("/share/?.lua",), (), "/lib/own", "1")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/elsewhere")

    assert found.load_modules().index("ndk_http") < found.load_modules().index("ngx_http_lua")
    assert found.package_paths(Path("/own")) == 'lua_package_path "/own/?.lua;/share/?.lua;;";\n'
    assert found.environment()["LD_LIBRARY_PATH"] == "/lib/own:/elsewhere"
    assert replace(found, modules_dir=None).load_modules() == ""


@pytest.mark.nginx
def test_the_nginx_of_this_machine_works() -> None:
    """It loads Lua, JSON and the balancer; an nginx without its Lua libraries is reported as unusable."""
    found = find_or_fetch()

    assert why_unusable(found) == ""
    assert why_unusable(replace(found, lua_cpaths=("/none/?.so",), lua_paths=("/none/?.lua",))) != ""


def test_the_cache_names_release_and_architecture(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages of one release are never used on another."""
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": "debian", "VERSION_ID": "13"})
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")

    assert install.cache_folder().name.startswith("nginx-debian-13-aarch64-")
