"""Describe an installed nginx with Lua: everything that a configuration file and a child process need."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

#: In load order: the Lua module needs the development kit.
_MODULES = ("ndk_http_module.so", "ngx_http_lua_module.so")


@dataclass(frozen=True, slots=True)
class NginxInstall:
    """An installed nginx with a working Lua.

    Attributes:
        binary: Path of the program.
        modules_dir: Folder of its dynamic modules; None if Lua is compiled in.
        lua_paths: Patterns of ``lua_package_path`` in addition to nginx's own (``/folder/?.lua``).
        lua_cpaths: Patterns of ``lua_package_cpath`` in addition to nginx's own (``/folder/?.so``).
        library_path: ``LD_LIBRARY_PATH`` that it needs; empty for the machine's own nginx.
        version: Its version, such as ``1.22.1``.
    """

    binary: Path
    modules_dir: Path | None
    lua_paths: tuple[str, ...]
    lua_cpaths: tuple[str, ...]
    library_path: str
    version: str

    def environment(self) -> dict[str, str]:
        """Return the complete environment to start it with: that of this process, and the library path."""
        if not self.library_path:
            return dict(os.environ)
        inherited = os.environ.get("LD_LIBRARY_PATH", "")
        return os.environ | {"LD_LIBRARY_PATH": ":".join(part for part in (self.library_path, inherited) if part)}

    def load_modules(self) -> str:
        """Return the ``load_module`` lines of a configuration; empty if Lua is compiled in."""
        if self.modules_dir is None:
            return ""
        return "".join(f'load_module "{self.modules_dir / name}";\n' for name in _MODULES)

    def package_paths(self, *own: Path) -> str:
        """Return the ``lua_package_path`` and ``lua_package_cpath`` lines of the ``http`` block.

        Args:
            own: Folders with the configuration's own Lua files, searched first.
        """
        paths = (*(f"{folder}/?.lua" for folder in own), *self.lua_paths)
        lines = [f'lua_package_path "{";".join((*paths, ""))};";\n']
        if self.lua_cpaths:
            lines.append(f'lua_package_cpath "{";".join((*self.lua_cpaths, ""))};";\n')
        return "".join(lines)


def in_tree(root: Path, version: str) -> NginxInstall:
    """Return the record of Debian packages that were unpacked into a folder."""
    libraries = sorted({str(path.parent) for top in ("usr/lib", "lib") for path in (root / top).glob("*/lib*.so.*")})
    share = root / "usr/share/lua/5.1"
    return NginxInstall(
        binary=root / "usr/sbin/nginx",
        modules_dir=root / "usr/lib/nginx/modules",
        lua_paths=(f"{share}/?.lua", f"{share}/?/init.lua"),
        lua_cpaths=tuple(f"{path.parent}/?.so" for path in sorted((root / "usr/lib").glob("*/lua/5.1/cjson.so"))),
        library_path=":".join(libraries),
        version=version,
    )
