"""The prefix of ingress-nginx's annotations."""

from __future__ import annotations

from harness.localkube.system.programs import INGRESS_NGINX

PREFIX = INGRESS_NGINX.annotations
