"""Finds where traffic enters an existing cluster: from the user, or from the status of the trial's Ingress."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from harness.clusters.base import Entry
from harness.errors import HarnessError, InvalidInputError, Problem
from harness.kit.waiting import wait_until
from harness.kit.web_address import PORTS, has_login, web_address
from harness.kube.api import KubeApi

#: Seconds for the controller to write its address into the Ingress. ingress-nginx does this once a minute.
STATUS_SECONDS = 90.0


def parse_entry(url: str) -> Entry:
    """Return the entry of ``http://host:port``. A path is not allowed.

    Raises:
        InvalidInputError: The URL has another form.
    """
    expected = "expected http://HOST or http://HOST:PORT, without a path"
    try:
        if has_login(url):
            raise InvalidInputError([Problem(f"--entry-url has a user name and a password: {expected}")])
        parts, address = urlsplit(url), web_address(url)
    except ValueError as error:
        raise InvalidInputError([Problem(f"--entry-url {url!r}: {error}; {expected}")]) from None
    if parts.path.strip("/") or parts.query:
        raise InvalidInputError([Problem(f"--entry-url {url!r}: {expected}")])
    return Entry(resolve(address.host), address.port)


def resolve(host: str) -> str:
    """Return the first IP address of a host.

    Raises:
        HarnessError: The host can't be resolved.
    """
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise HarnessError(f"Cannot resolve the host of the entry, {host}: {error}.") from error


def entry_of_ingress(kube: KubeApi, namespace: str) -> Entry:
    """Return the address that the ingress controller wrote into an Ingress. The ports are 80, and 443 for TLS.

    Raises:
        WaitTimeoutError: The controller wrote no address in time.
        HarnessError: The namespace has no Ingress.
    """
    if not kube.list("Ingress", namespace):
        message = "The workload has no Ingress, so the address where traffic enters is unknown."
        raise HarnessError(message, hint="Give it with --entry-url http://HOST.")
    host = wait_until(
        lambda: _address(kube, namespace),
        timeout=STATUS_SECONDS,
        interval=0.5,
        what="the ingress controller to write its address into the Ingress; or give it with --entry-url",
    )
    address = resolve(host)
    return Entry(address, PORTS["http"], secure=Entry(address, PORTS["https"]))


def _address(kube: KubeApi, namespace: str) -> str:
    for ingress in kube.list("Ingress", namespace):
        for point in ingress.get("status", {}).get("loadBalancer", {}).get("ingress") or ():
            if point.get("ip") or point.get("hostname"):
                return str(point.get("ip") or point["hostname"])
    return ""
