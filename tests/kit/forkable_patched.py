"""Lets gevent patch the standard library, which only a child may do."""

from __future__ import annotations

import warnings

from gevent import monkey

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    monkey.patch_all()
