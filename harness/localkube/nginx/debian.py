"""Unpack Debian's nginx into a folder without installing it.

An installation would need root and start a service on port 80. Therefore apt runs with private lists and caches and
with its own record of installed packages. It resolves and downloads with the machine's sources and keyrings, and checks
signatures and hashes. ``dpkg -x`` unpacks the packages. No maintainer script runs.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness.errors import CommandError, HarnessError
from harness.kit.processes import run

PACKAGES = ("nginx", "libnginx-mod-http-lua", "lua-cjson")

_UPDATE_TIMEOUT = 300.0
_DOWNLOAD_TIMEOUT = 600.0
_UNPACK_TIMEOUT = 300.0
_QUERY_TIMEOUT = 60.0

#: Packages that only maintainer scripts use; they are recorded as installed, with a version that satisfies all.
_UNUSED = ("debconf", "iproute2")

#: Read after the machine's own settings, so that it overrides them. ``#clear`` removes hooks that need root.
_APT_CONFIGURATION = """\
Dir::State "{root}";
Dir::State::lists "{root}/lists";
Dir::State::status "{root}/status";
Dir::State::extended_states "{root}/extended_states";
Dir::Cache "{root}/cache";
Dir::Cache::archives "{root}/cache/archives";
Dir::Log "{root}/log";
Debug::NoLocking "true";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Get::Assume-Yes "true";
APT::Keep-Downloaded-Packages "true";
Acquire::Retries "5";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
#clear Acquire::Languages;
Acquire::Languages {{ "none"; }};
#clear Acquire::IndexTargets::deb::DEP-11;
#clear Acquire::IndexTargets::deb::DEP-11-icons;
#clear Acquire::IndexTargets::deb::DEP-11-icons-small;
#clear Acquire::IndexTargets::deb::DEP-11-icons-hidpi;
#clear Acquire::IndexTargets::deb::CNF;
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
"""
_INSTALLED = """\
Package: {name}
Status: install ok installed
Architecture: {architecture}
Multi-Arch: foreign
Version: {version}
Maintainer: none
Description: recorded as installed

"""


def unpack(tree: Path, scratch: Path, progress: Callable[[str], None]) -> None:
    """Download the packages and unpack them.

    Args:
        tree: Empty folder to unpack into.
        scratch: Empty folder for apt's lists and downloads; the caller removes it.
        progress: Called with the name of each step.

    Raises:
        HarnessError: A step failed; the error contains the command and its output.
    """
    settings = _prepare(scratch)
    progress("nginx: reading Debian's package lists")
    update_error = _update(settings)
    progress("nginx: downloading nginx, its Lua module and their libraries")
    try:
        run(["apt-get", "-q", "-c", str(settings), "install", "--download-only", *PACKAGES], timeout=_DOWNLOAD_TIMEOUT)
    except CommandError as error:
        raise CommandError(error.message, detail=update_error + error.detail) from error
    progress("nginx: unpacking")
    for package in sorted((scratch / "cache/archives").glob("*.deb")):
        run(["dpkg", "-x", str(package), str(tree)], timeout=_UNPACK_TIMEOUT)


def _prepare(scratch: Path) -> Path:
    for folder in ("lists/partial", "cache/archives/partial", "log"):
        (scratch / folder).mkdir(parents=True)
    (scratch / "status").write_text(_installed(), encoding="utf-8")
    settings = scratch / "apt.conf"
    settings.write_text(_APT_CONFIGURATION.format(root=scratch), encoding="utf-8")
    return settings


def _installed() -> str:
    """Return a dpkg status with few packages: the machine's own libc, and packages that nginx does not use."""
    architecture = _ask("dpkg", "--print-architecture")
    entries = [_INSTALLED.format(name=name, architecture=architecture, version="9999") for name in _UNUSED]
    libc = _ask("dpkg-query", "-W", "-f", "${Version}\n", "libc6").splitlines()[0]
    # With its real version, so that apt rejects packages built for a newer one.
    same = _INSTALLED.replace("foreign", "same")
    entries.append(same.format(name="libc6", architecture=architecture, version=libc))
    return "".join(entries)


def _ask(*argv: str) -> str:
    return run(argv, timeout=_QUERY_TIMEOUT).stdout.strip()


def _update(settings: Path) -> str:
    """Update the package lists; return the error as text.

    A single broken source need not be the one that contains nginx.
    """
    try:
        run(["apt-get", "-q", "-c", str(settings), "update"], timeout=_UPDATE_TIMEOUT)
    except HarnessError as error:
        return f"{error}\n"
    return ""
