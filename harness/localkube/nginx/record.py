"""What is known of an nginx with Lua: all that a configuration file and a child process need to use it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

#: Loaded in this order: the Lua module needs the development kit.
_MODULES = ("ndk_http_module.so", "ngx_http_lua_module.so")


@dataclass(frozen=True, slots=True)
class NginxInstall:
    """An nginx whose Lua works.

    Attributes:
        binary: The program.
        modules_dir: Folder of its dynamic modules; None where Lua is compiled in.
        lua_paths: Patterns of ``lua_package_path`` beside nginx's own (``/folder/?.lua``).
        lua_cpaths: Patterns of ``lua_package_cpath`` beside nginx's own (``/folder/?.so``).
        library_path: ``LD_LIBRARY_PATH`` that it needs; empty for one of the machine's own.
        version: Its version, such as ``1.22.1``.
    """

    binary: Path
    modules_dir: Path | None
    lua_paths: tuple[str, ...]
    lua_cpaths: tuple[str, ...]
    library_path: str
    version: str

    def environment(self) -> dict[str, str]:
        """The whole environment to start it with: this process's own, and the libraries' path."""
        if not self.library_path:
            return dict(os.environ)
        inherited = os.environ.get("LD_LIBRARY_PATH", "")
        return os.environ | {"LD_LIBRARY_PATH": ":".join(part for part in (self.library_path, inherited) if part)}

    def load_modules(self) -> str:
        """``load_module`` lines for the head of a configuration; empty where Lua is compiled in."""
        if self.modules_dir is None:
            return ""
        return "".join(f'load_module "{self.modules_dir / name}";\n' for name in _MODULES)

    def package_paths(self, *own: Path) -> str:
        """``lua_package_path`` and ``lua_package_cpath`` lines for the ``http`` block.

        Args:
            own: Folders with Lua files of the configuration's own, searched first.
        """
        paths = (*(f"{folder}/?.lua" for folder in own), *self.lua_paths)
        lines = [f'lua_package_path "{";".join((*paths, ""))};";\n']
        if self.lua_cpaths:
            lines.append(f'lua_package_cpath "{";".join((*self.lua_cpaths, ""))};";\n')
        return "".join(lines)


def in_tree(root: Path, version: str) -> NginxInstall:
    """The record of Debian packages that were unpacked into a folder of their own."""
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
