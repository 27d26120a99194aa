"""The URL of the API: https, or http on loopback only."""

from __future__ import annotations

import os
import re

from plivo_async._httpx import httpx
from plivo_async.errors import ConfigurationError
from plivo_async.text import short_repr
from plivo_async.urls import can_be_reached, is_loopback, parse_url

DEFAULT_BASE_URL = "https://api.plivo.com"
BASE_URL_VARIABLE = "PLIVO_ASYNC_BASE_URL"

_BASE_URL = re.compile(r"[!-~]{1,2048}")


def find_base_url(value: str | None) -> httpx.URL:
    """Return the root that every path is appended to: as given, else from the environment, else Plivo's.

    An empty PLIVO_ASYNC_BASE_URL counts as none.

    Raises:
        ConfigurationError: Neither https nor http on loopback, or with user name, query, fragment or space.
    """
    if value is None:
        found = os.environ.get(BASE_URL_VARIABLE)
        return check_base_url(found, BASE_URL_VARIABLE) if found else check_base_url(DEFAULT_BASE_URL)
    return check_base_url(value)


def check_base_url(value: object, name: str = "base_url") -> httpx.URL:
    """Return a checked base URL.

    Args:
        value: The URL.
        name: The argument or variable that it is from, for the error.

    Raises:
        ConfigurationError: Neither https nor http on loopback, or with user name, query, fragment or space.
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
    if not can_be_reached(url) or not (url.scheme == "https" or (url.scheme == "http" and is_loopback(url))):
        raise ConfigurationError(f"{rule}, not {short_repr(value)}")
    if any(segment in (".", "..") for segment in url.path.split("/")):
        raise ConfigurationError(f"{rule}, with a path free of '.' and '..'")
    if url.path.rstrip("/").endswith("/v1"):
        raise ConfigurationError(f"{rule}, without the version: leave out /v1")
    return url
