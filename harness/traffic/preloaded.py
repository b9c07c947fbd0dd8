"""Imports and caches of the fork server of traffic processes: made once, shared by every child."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from typing import Any

# Imported here for the children only.
import locust.main
import numpy.ma

import harness.traffic.distributed.roles
import harness.traffic.locust_session

__all__ = ["harness", "installed_plugins_known", "locust", "numpy"]

_plugins = metadata.entry_points()

# Locust looks up its caller when it stops. The first lookup reads the file of every module, so it is done here.
inspect.getframeinfo(inspect.stack()[0][0])


@contextmanager
def installed_plugins_known() -> Iterator[None]:
    """In the block, answer queries for installed plugins from memory.

    gevent queries its plugins 25 times while it patches, and each query would read every installed package.
    """
    original = metadata.entry_points

    def known(**asked: str) -> Any:
        return _plugins.select(**asked)

    vars(metadata)["entry_points"] = known
    try:
        yield
    finally:
        vars(metadata)["entry_points"] = original
