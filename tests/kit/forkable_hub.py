"""Starts gevent's hub, which a fork would share."""

from __future__ import annotations

import gevent

gevent.get_hub()
