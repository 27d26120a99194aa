"""Checks of a URL that need no connection: whether it names a host, and whether that is this machine."""

from __future__ import annotations

import ipaddress
import re

from plivo_async._httpx import httpx

DEFAULT_PORTS = {"http": 80, "https": 443}

_HOST_NAME = re.compile(r"(?=.{1,253}\Z)([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}")


def parse_url(text: str) -> tuple[httpx.URL | None, str]:
    """Return a URL and an empty text, or None and the problem.

    The problem is returned because an exception raised here would have a half-built URL in its traceback,
    and that has no repr.
    """
    try:
        return httpx.URL(text), ""
    except httpx.InvalidURL as error:
        return None, str(error)


def can_be_reached(url: httpx.URL) -> bool:
    """Return whether a URL names a host and a port to connect to."""
    try:
        host = url.host and url.raw_host.decode("ascii")
    except UnicodeError:
        # An "xn--" name that cannot be decoded: httpx tries only when the host is read.
        return False
    named = _HOST_NAME.fullmatch(host) is not None or _address(host) is not None
    return named and (url.port is None or 0 < url.port < 65536)


def is_loopback(url: httpx.URL) -> bool:
    """Return whether the host of a URL is this machine, without asking a resolver."""
    host = url.raw_host.decode("ascii")
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
