"""The replies of a fake Plivo: bodies in the shapes that Plivo sends, and how ASGI sends them."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from attrs import define, field

from plivo_async._httpx import httpx
from plivo_async.record.strict_json import write_json
from plivo_async.testing.faults import Drop, StubResponse
from plivo_async.testing.rate_limits import FakeRateLimit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

# The key in `scope["state"]` of the function by which our server closes the connection.
CLOSE = "plivo_async.close"

_JSON: tuple[bytes, bytes] = (b"content-type", b"application/json")
_WITHOUT_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
_TEXTS = {
    401: "authentication failed: the credentials are not those of this account",
    404: "CDR for call uuid not found",
    405: "method not allowed",
    429: "too many requests",
}


@define
class Reply:
    """A status and a body, sent after `delay` seconds, whole or until the connection drops.

    `records` is the number of records in the body.
    """

    status: int
    body: bytes
    headers: Headers = field(factory=lambda: [_JSON])
    delay: float = 0.0
    drop: Drop | None = None
    records: int = 0

    @property
    def seen_status(self) -> int | None:
        """The status that is recorded, None if the connection drops."""
        return None if self.drop else self.status


def error_reply(
    status: int,
    api_id: str,
    text: str | None = None,
    *headers: tuple[bytes, bytes],
    key: str = "error",
) -> Reply:
    """Return an error in Plivo's wording; SIP trunking has another `key` for it."""
    if status in _WITHOUT_BODY:
        return Reply(status, b"", [])
    message = text or _TEXTS.get(status) or _phrase(status)
    return Reply(status, json_bytes({"api_id": api_id, key: message}), [_JSON, *headers])


def limit_reply(limit: FakeRateLimit, wait: float, api_id: str) -> Reply:
    """Return a 429 for `wait` seconds."""
    reply = error_reply(429, api_id)
    if limit.retry_after == "seconds":
        reply.headers.append((b"retry-after", b"%d" % max(1, math.ceil(wait))))
    elif limit.retry_after == "date":
        now = time.time()
        reply.headers.append((b"date", _http_date(math.floor(now))))
        reply.headers.append((b"retry-after", _http_date(math.ceil(now + wait))))
    return reply


def faulty_reply(fault: StubResponse | Drop, served: Callable[[], Reply], api_id: str) -> Reply:
    """Apply a fault to the reply that would be served."""
    if isinstance(fault, Drop):
        reply = served()
        reply.drop = fault
    else:
        if fault.body is not None:
            reply = Reply(fault.status, fault.body)
        else:
            reply = served() if fault.status == HTTPStatus.OK else error_reply(fault.status, api_id)
        named = [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in fault.headers.items()
        ]
        names = {name for name, _ in named}
        reply.headers = [header for header in reply.headers if header[0] not in names] + named
    reply.delay = fault.delay
    return reply


def json_bytes(value: Any) -> bytes:
    """Return a value as JSON in bytes."""
    return write_json(value).encode("ascii")


async def send_reply(reply: Reply, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Send a reply over ASGI.

    Raises:
        httpx.ReadError: The reply drops the connection, and the server has no function that closes it.
    """
    close = scope.get("state", {}).get(CLOSE)
    drop = reply.drop
    if drop is None or drop.after is not None or close is None:
        headers = reply.headers
        if reply.status not in _WITHOUT_BODY and not any(name == b"content-length" for name, _ in headers):
            headers = [*headers, (b"content-length", b"%d" % len(reply.body))]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        body = reply.body if drop is None else reply.body[: drop.after or 0]
        await send({"type": "http.response.body", "body": body, "more_body": drop is not None})
    if drop is None:
        return
    if close is None:
        raise httpx.ReadError("the fake dropped the connection")
    close()
    while (await receive())["type"] != "http.disconnect":
        pass


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase.lower()
    except ValueError:
        return f"status {status}"


def _http_date(seconds: int) -> bytes:
    return formatdate(seconds, usegmt=True).encode("ascii")
