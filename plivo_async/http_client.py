"""The httpx client underneath, and the headers that every request carries."""

from __future__ import annotations

import platform
from base64 import b64encode
from typing import Any

import httpx

from plivo_async._version import __version__
from plivo_async.credentials import Credentials

_USER_AGENT = f"plivo_async/{__version__} python/{platform.python_version()} httpx/{httpx.__version__}"


class DirectClient(httpx.AsyncClient):
    """An httpx.AsyncClient whose `send` goes straight to its transport.

    No cookies, no redirects, no auth of its own: nothing of one answer goes into the next request. And no
    reference cycle of request and response, which would keep the credentials until it is collected.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        super().__init__(transport=transport, trust_env=False)
        self._direct = transport.handle_async_request

    async def send(self, request: httpx.Request, **_: Any) -> httpx.Response:
        response = await self._direct(request)
        response.request = request
        return response


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
