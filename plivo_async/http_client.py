"""The httpx client underneath, and the headers that every request carries."""

from __future__ import annotations

import platform
from base64 import b64encode

import httpx

from plivo_async._version import __version__
from plivo_async.options import Credentials

_USER_AGENT = f"plivo_async/{__version__} python/{platform.python_version()} httpx/{httpx.__version__}"


class CookielessClient(httpx.AsyncClient):
    """An httpx.AsyncClient that keeps no cookies: nothing of one answer goes into the next request."""

    @property
    def cookies(self) -> httpx.Cookies:
        return _NO_COOKIES

    @cookies.setter
    def cookies(self, cookies: object) -> None:
        raise AttributeError(f"this client keeps no cookies, so none of {type(cookies).__name__}")


class _NoCookies(httpx.Cookies):
    def extract_cookies(self, response: httpx.Response) -> None:
        """Keep none."""


_NO_COOKIES = _NoCookies()


def request_headers(root: httpx.URL, credentials: Credentials) -> httpx.Headers:
    basic = b64encode(f"{credentials.auth_id}:{credentials.auth_token}".encode("ascii")).decode("ascii")
    return httpx.Headers(
        {
            "Host": root.netloc.decode("ascii"),
            "Accept": "application/json",
            # A record fits into one packet: compressing it would only cost time.
            "Accept-Encoding": "identity",
            "User-Agent": _USER_AGENT,
            "Authorization": f"Basic {basic}",
        }
    )
