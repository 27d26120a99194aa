"""RequestBuilder: the request of a call, built from arguments that a user may have given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from plivo_async._httpx import httpx
from plivo_async.account_url import AccountURL
from plivo_async.errors import ConfigurationError
from plivo_async.options import Options
from plivo_async.text import printable, short_repr

_PATH = re.compile(r"(?!\.\.?(?:/|\Z))[A-Za-z0-9._~-]+(?:/(?!\.\.?(?:/|\Z))[A-Za-z0-9._~-]+)*/?")
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_BODILESS_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_NO_BODY = httpx.ByteStream(b"")


def check_target(method: object, path: object) -> None:
    """Check a method, and a path relative to the account.

    Raises:
        ConfigurationError: One of them cannot be sent.
    """
    if not isinstance(method, str) or method not in _METHODS:
        raise ConfigurationError(
            f"method must be one of {', '.join(sorted(_METHODS))}, not {short_repr(method)}"
        )
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        raise ConfigurationError(
            f"path must be relative to the account, such as 'Call/', not {short_repr(path)}"
        )


class RequestBuilder:
    """Builds the requests of an account.

    Args:
        url: The URLs of the account.
        headers: Of every request.
    """

    def __init__(self, url: AccountURL, headers: httpx.Headers) -> None:
        self._url = url
        self._headers = headers

    def build(
        self, method: str, path: str, params: Mapping[str, Any] | None, json: Any, options: Options
    ) -> httpx.Request:
        """Return a request with a checked method and path.

        Raises:
            ConfigurationError: `params` or `json` cannot be sent.
        """
        url, headers = self._url.join(path), self._headers
        extensions = {"timeout": dict(options.attempt_timeouts)}
        if params is None and json is None and method in _BODILESS_METHODS:
            # Given a stream, httpx does not compute the headers of a body.
            request = httpx.Request(method, url, headers=headers, stream=_NO_BODY, extensions=extensions)
            request.read()
            return request
        try:
            return httpx.Request(
                method, url, params=params, json=json, headers=headers, extensions=extensions
            )
        except (httpx.InvalidURL, AttributeError, RecursionError, TypeError, ValueError) as error:
            raise ConfigurationError(f"params or json cannot be sent: {printable(str(error))}") from None
