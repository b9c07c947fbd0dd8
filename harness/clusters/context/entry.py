"""Where traffic enters a cluster that was there before: said by the user, or by the status of the trial's Ingress."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from harness.clusters.base import Entry
from harness.errors import HarnessError, InvalidInputError, Problem
from harness.kit.waiting import wait_until
from harness.kube.api import KubeApi

#: Seconds for the controller to write its address into the Ingress: ingress-nginx does so once a minute.
STATUS_SECONDS = 90.0
_PORTS = {"http": 80, "https": 443}


def parse_entry(url: str) -> Entry:
    """``http://host:port`` as an address to connect to; a path is no part of an entry.

    Raises:
        InvalidInputError: It is no such URL.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        host, port, parts = "", 0, urlsplit("")
    if not host or not port or parts.path.strip("/") or parts.query:
        problem = Problem(f"--entry-url {url!r} is no entry", hint="http://HOST or http://HOST:PORT, without a path")
        raise InvalidInputError([problem])
    return Entry(resolve(host), port)


def resolve(host: str) -> str:
    """The first IP address of a host.

    Raises:
        HarnessError: It has none.
    """
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise HarnessError(f"The entry's host {host} has no address: {error}.") from error


def entry_of_ingress(kube: KubeApi, namespace: str) -> Entry:
    """Return the address that the ingress controller has written into an Ingress: at port 80, and 443 for TLS.

    Raises:
        WaitTimeoutError: It wrote none.
        HarnessError: There is no Ingress.
    """
    if not kube.list("Ingress", namespace):
        raise HarnessError("The workload has no Ingress, so the entry must be given.", hint="--entry-url http://HOST")
    host = wait_until(
        lambda: _address(kube, namespace),
        timeout=STATUS_SECONDS,
        interval=0.5,
        what="the ingress controller to write its address into the Ingress; or give it with --entry-url",
    )
    address = resolve(host)
    return Entry(address, _PORTS["http"], secure=Entry(address, _PORTS["https"]))


def _address(kube: KubeApi, namespace: str) -> str:
    for ingress in kube.list("Ingress", namespace):
        for point in ingress.get("status", {}).get("loadBalancer", {}).get("ingress") or ():
            if point.get("ip") or point.get("hostname"):
                return str(point.get("ip") or point["hostname"])
    return ""
