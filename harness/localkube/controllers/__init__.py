"""The controllers: each watches the API and writes to it until what is there is what was asked for."""

from __future__ import annotations

from harness.localkube.controllers.manager import run_controllers

__all__ = ["run_controllers"]
