"""How bytes reach the server. One door for the rest of the package: the names in `__all__`."""

from __future__ import annotations

from plivo_async.transport.pool import CLOSING_SECONDS, ConnectionPool
from plivo_async.transport.proxy import environment_proxy
from plivo_async.transport.response_body import ResponseBody
from plivo_async.transport.tls import Verify

__all__ = ["CLOSING_SECONDS", "ConnectionPool", "ResponseBody", "Verify", "environment_proxy"]
