"""The URL of the API: https, or http on loopback. Elsewhere http needs the permission of the user."""

from __future__ import annotations

import os
import re

from plivo_async._httpx import httpx
from plivo_async.errors import ConfigurationError
from plivo_async.text import short_repr
from plivo_async.urls import can_be_reached, is_loopback, parse_url
from plivo_async.validation import instance_of

DEFAULT_BASE_URL = "https://api.plivo.com"
BASE_URL_VARIABLE = "PLIVO_ASYNC_BASE_URL"
ALLOW_HTTP_VARIABLE = "PLIVO_ASYNC_ALLOW_HTTP"

_BASE_URL = re.compile(r"[!-~]{1,2048}")


_SWITCHES = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("", "0", "false", "no", "off"), False),
}


def find_allow_http(value: bool | None) -> bool:
    """Return whether http may be used beyond loopback: as given, else from the environment, else not.

    Raises:
        ConfigurationError: Not a bool, or a variable that is neither on nor off.
    """
    if value is not None:
        return instance_of("allow_http", value, bool)
    found = _SWITCHES.get(os.environ.get(ALLOW_HTTP_VARIABLE, "").strip().lower())
    if found is None:
        raise ConfigurationError(f"{ALLOW_HTTP_VARIABLE} must be 1 or 0")
    return found


def find_base_url(value: str | None, *, allow_http: bool = False) -> httpx.URL:
    """Return the root that every path is appended to: as given, else from the environment, else Plivo's.

    An empty PLIVO_ASYNC_BASE_URL counts as none.

    Raises:
        ConfigurationError: Neither https nor http where it is allowed, or with user name, query, fragment or
            space.
    """
    if value is None:
        found = os.environ.get(BASE_URL_VARIABLE)
        if found:
            return check_base_url(found, BASE_URL_VARIABLE, allow_http=allow_http)
        return check_base_url(DEFAULT_BASE_URL)
    return check_base_url(value, allow_http=allow_http)


def check_base_url(value: object, name: str = "base_url", *, allow_http: bool = False) -> httpx.URL:
    """Return a checked base URL.

    Args:
        value: The URL.
        name: The argument or variable that it is from, for the error.
        allow_http: Whether http is allowed beyond loopback, where it sends the credentials unencrypted.

    Raises:
        ConfigurationError: Neither https nor http where it is allowed, or with user name, query, fragment or
            space.
    """
    rule = f"{name} must be an https:// URL (http:// on loopback only)"
    if not isinstance(value, str) or not _BASE_URL.fullmatch(value):
        raise ConfigurationError(f"{rule}, printable ASCII")
    # Checked before a message quotes it: it may contain a password.
    if any(mark in value for mark in "@?#"):
        raise ConfigurationError(f"{rule}, without user name, query or fragment")
    url, problem = parse_url(value)
    if url is None:
        raise ConfigurationError(f"{rule}: {short_repr(problem)}")
    if not can_be_reached(url) or url.scheme not in ("http", "https"):
        raise ConfigurationError(f"{rule}, not {short_repr(value)}")
    if url.scheme == "http" and not is_loopback(url) and not allow_http:
        raise ConfigurationError(
            f"{rule}, not {short_repr(value)}; for a fake on another host pass allow_http=True or set "
            f"{ALLOW_HTTP_VARIABLE}=1, which sends the credentials unencrypted"
        )
    if any(segment in (".", "..") for segment in url.path.split("/")):
        raise ConfigurationError(f"{rule}, with a path free of '.' and '..'")
    if url.path.rstrip("/").endswith("/v1"):
        raise ConfigurationError(f"{rule}, without the version: leave out /v1")
    return url


def check_http_proxy(base_url: httpx.URL, proxy_url: httpx.URL, *, allow_http: bool) -> None:
    """Check that a proxy may receive the requests to a base URL.

    A proxy forwards plain http, and so it reads the credentials.

    Raises:
        ConfigurationError: The base URL is http, and the proxy is beyond loopback without permission.
    """
    if base_url.scheme == "http" and not is_loopback(proxy_url) and not allow_http:
        raise ConfigurationError(
            "proxy must be on loopback for an http:// base_url, because it would receive the credentials "
            f"unencrypted; pass allow_http=True or set {ALLOW_HTTP_VARIABLE}=1 to permit that"
        )
