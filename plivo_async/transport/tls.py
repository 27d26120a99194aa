"""SSL contexts. Making one takes tens of milliseconds, so they are made late and shared."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
from pathlib import Path

from plivo_async._httpx import httpx
from plivo_async.errors import ConfigurationError
from plivo_async.text import short_repr

Verify = bool | str | Path | ssl.SSLContext


def check_verify(verify: object) -> Verify:
    """Validate `verify` (bool, CA file path or SSLContext). The file is not read here.

    Raises:
        ConfigurationError: It is none of these.
    """
    if isinstance(verify, bool | ssl.SSLContext) or (isinstance(verify, str | Path) and str(verify)):
        return verify
    raise ConfigurationError(
        f"verify must be a bool, the path of a CA file, or an ssl.SSLContext, not {short_repr(verify)}"
    )


def ssl_context(verify: Verify) -> ssl.SSLContext:
    """Return the SSL context for a value of `verify`.

    Args:
        verify: True for the CAs of httpx (certifi, or SSL_CERT_FILE and SSL_CERT_DIR), a path for those in
            that file, False for no check at all. An SSLContext is returned as it is.

    Raises:
        ConfigurationError: The CAs cannot be read.
    """
    if isinstance(verify, ssl.SSLContext):
        return verify
    if isinstance(verify, bool):
        trusted = os.environ.get("SSL_CERT_FILE", ""), os.environ.get("SSL_CERT_DIR", "")
        return _default_context(verify, trusted)
    try:
        context = ssl.create_default_context(cafile=os.fspath(verify))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"verify: the CA file {os.fspath(verify)!r} cannot be read: {error}"
        ) from error
    return _for_http11(context)


@lru_cache(maxsize=4)
def _default_context(verify: bool, _trusted: tuple[str, str]) -> ssl.SSLContext:
    # `_trusted` is part of the cache key only: httpx reads the two variables itself.
    try:
        return _for_http11(httpx.create_ssl_context(verify=verify))
    except OSError as error:
        raise ConfigurationError(f"SSL_CERT_FILE or SSL_CERT_DIR cannot be used: {error}") from error


def _for_http11(context: ssl.SSLContext) -> ssl.SSLContext:
    context.set_alpn_protocols(["http/1.1"])
    return context
