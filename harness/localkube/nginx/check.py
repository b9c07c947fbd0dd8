"""Check that an nginx has a working Lua, with a configuration that loads all the modules that we need.

``nginx -t`` runs no Lua, so the check starts nginx, and its Lua code exits before nginx serves anything.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from harness.errors import CommandError, HarnessError
from harness.kit.processes import run
from harness.localkube.nginx.record import NginxInstall

#: Timeout in seconds of a program that needs 0.1 s on a quiet machine.
_TIMEOUT = 60.0
_CONFIGURATION = """\
{load_modules}daemon off;
pid {directory}/pid;
error_log stderr;
events {{}}
http {{
access_log off;
client_body_temp_path {directory}/body;
proxy_temp_path {directory}/proxy;
fastcgi_temp_path {directory}/fastcgi;
uwsgi_temp_path {directory}/uwsgi;
scgi_temp_path {directory}/scgi;
{package_paths}init_by_lua_block {{
    require("cjson.safe")
    require("ngx.balancer")
    require("resty.core")
    os.exit(0)
}}
}}
"""


def version_of(binary: Path, environment: dict[str, str]) -> tuple[str, Path | None]:
    """Return an nginx's version and the folder of its dynamic modules (None if it has no such folder).

    Raises:
        HarnessError: nginx cannot be run, or prints no version.
    """
    output = run([str(binary), "-V"], timeout=_TIMEOUT, env=environment).stderr
    version = re.search(r"nginx version: \S+?/([\d.]+)", output)
    if version is None:
        raise CommandError(f"{binary} -V prints no version.", detail=output)
    folder = re.search(r"--modules-path=(\S+)", output)
    return version[1], Path(folder[1]) if folder else None


def why_unusable(install: NginxInstall) -> str:
    """Return nginx's error message if it cannot be used; empty if it can."""
    with tempfile.TemporaryDirectory(prefix="harness-nginx-") as name:
        directory = Path(name)
        configuration = directory / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                directory=directory, load_modules=install.load_modules(), package_paths=install.package_paths()
            ),
            encoding="utf-8",
        )
        argv = [str(install.binary), "-p", name, "-c", str(configuration), "-e", "stderr"]
        try:
            run(argv, timeout=_TIMEOUT, env=install.environment())
        except HarnessError as error:
            return str(error)
    return ""
