"""Checks of option values: each says what to pass instead."""

from __future__ import annotations

import ipaddress
import re
import sys
from typing import TypeVar

import httpx

from plivo_async.errors import ConfigurationError

T = TypeVar("T")

_HOST_NAME = re.compile(r"(?=.{1,253}\Z)([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}")
_SHOWN_CHARACTERS = 80


def finite_number(name: str, value: object, *, least: float) -> float:
    """The value as a float.

    Raises: ConfigurationError for a bool, NaN, an infinity, or anything below `least`.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigurationError(f"{name} must be a number, not {brief(value)}")
    # Not math.isfinite, which fails for an int that no float can hold.
    if not least <= value <= sys.float_info.max:
        raise ConfigurationError(f"{name} must be finite and at least {least:g}, not {brief(value)}")
    return float(value)


def positive_number(name: str, value: object) -> float:
    """The value as a float; raises ConfigurationError for zero, and for what `finite_number` refuses."""
    number = finite_number(name, value, least=0.0)
    if number == 0:
        raise ConfigurationError(f"{name} must be above zero")
    return number


def whole_number(name: str, value: object, *, least: int) -> int:
    """The value; raises ConfigurationError for a bool, for what is no int, or for anything below `least`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigurationError(f"{name} must be a whole number, not {brief(value)}")
    if value < least:
        raise ConfigurationError(f"{name} must be at least {least}, not {brief(value)}")
    return value


def instance_of(name: str, value: object, kind: type[T]) -> T:
    """The value; raises ConfigurationError where it is of another type."""
    if not isinstance(value, kind):
        raise ConfigurationError(f"{name} must be of type {kind.__name__}, not {brief(value)}")
    return value


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


def brief(value: object) -> str:
    """The repr of a value, bounded."""
    try:
        text = repr(value)
    except ValueError:
        # An int of more than 4,300 digits has none.
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
