"""Questions about a URL that need no connection: does it name a host, is that host this machine."""

from __future__ import annotations

import ipaddress
import re

from plivo_async._httpx import httpx

DEFAULT_PORTS = {"http": 80, "https": 443}

_HOST_NAME = re.compile(r"(?=.{1,253}\Z)([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}")


def parse_url(text: str) -> tuple[httpx.URL | None, str]:
    """The URL, or None and what is wrong with it."""
    # Handed back, because what is raised here would keep a half-built URL as its context, which has no repr.
    try:
        return httpx.URL(text), ""
    except httpx.InvalidURL as error:
        return None, str(error)


def can_be_reached(url: httpx.URL) -> bool:
    """Whether a URL names a host and a port that a connection can be tried to."""
    try:
        host = url.host and url.raw_host.decode("ascii")
    except UnicodeError:
        # An "xn--" name that stands for nothing: httpx decodes it only when asked for the host.
        return False
    named = _HOST_NAME.fullmatch(host) is not None or _address(host) is not None
    return named and (url.port is None or 0 < url.port < 65536)


def is_loopback(url: httpx.URL) -> bool:
    """Whether the host of a URL is this machine, whatever a resolver says."""
    host = url.raw_host.decode("ascii")
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
