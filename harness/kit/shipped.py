"""Finds shipped files that are not Python: Experiments, kind manifests, locustfiles.

In a checkout they are folders at the top level. In a wheel they are in the package, where the build puts them
(``force-include`` in ``pyproject.toml``).
"""

from __future__ import annotations

from pathlib import Path

from harness.errors import HarnessError

_PACKAGE = Path(__file__).parents[1]
#: Folder in the package; only a wheel has it.
_IN_WHEEL = _PACKAGE / "shipped"
_CHECKOUT = _PACKAGE.parent


def shipped(name: str) -> Path:
    """Return a folder of shipped files.

    Args:
        name: ``experiments``, ``kind-config`` or ``locustfiles``.

    Raises:
        HarnessError: The installation does not have it.
    """
    for folder in (_IN_WHEEL / name, _CHECKOUT / name):
        if folder.is_dir():
            return folder
    raise HarnessError(
        f"This installation has no folder {name}: it is neither in {_IN_WHEEL} nor in {_CHECKOUT}.",
        hint="Install the wheel again: pip install --force-reinstall harness",
    )
