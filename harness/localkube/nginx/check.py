"""Whether an nginx really has a working Lua: seen by starting it on a configuration that uses all we need of it.

``nginx -t`` would not do: it runs no Lua. So Lua itself ends nginx, before it serves anything.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from harness.errors import CommandError, HarnessError
from harness.kit.processes import run
from harness.localkube.nginx.record import NginxInstall

_TIMEOUT = 10.0
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
    """An nginx's version and the folder of its dynamic modules (None if it was built without one).

    Raises:
        HarnessError: It can't be run, or says no version.
    """
    said = run([str(binary), "-V"], timeout=_TIMEOUT, env=environment).stderr
    version = re.search(r"nginx version: \S+?/([\d.]+)", said)
    if version is None:
        raise CommandError(f"{binary} -V says no version.", detail=said)
    folder = re.search(r"--modules-path=(\S+)", said)
    return version[1], Path(folder[1]) if folder else None


def why_unusable(install: NginxInstall) -> str:
    """Why this nginx can't be used, in its own words; empty if it can."""
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
