"""A local Plivo with the rate limit of an account, in a process of its own.

It answers GET for any call UUID with the documented record, under that call UUID, after a delay; above the
limit with 429, which does not count. As a script it prints its port, serves until its input ends, and then
prints what it counted: for each auth id the requests and how many of them were over the limit.
"""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
import sys
from types import TracebackType
from typing import Any, Self

from plivo_async.testing import FakeRateLimit
from plivo_async.testing.rate_limits import request_counter
from tests.benchmarks.local_server import CALL_UUID, RECORD

_BACKLOG = 4096
_ENDING_SECONDS = 10.0
_OVER_LIMIT = b'{"error": "too many requests"}'


class BulkServer:
    """The server process, as long as the block; then `counted` has what it saw."""

    def __init__(self, delay: float, limit: dict[str, Any] | None = None) -> None:
        self._command = [sys.executable, __file__, json.dumps({"delay": delay, "limit": limit})]
        self.port = 0
        self.counted: dict[str, dict[str, int]] = {}

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            printed, _ = self._process.communicate(timeout=_ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise
        self.counted = json.loads(printed)


class _Account:
    """What the server counts, and when it refuses."""

    def __init__(self, limit: dict[str, Any] | None) -> None:
        self.counted: dict[str, dict[str, int]] = {}
        self._limit = None if limit is None else FakeRateLimit(**limit)
        self._window = None if self._limit is None else request_counter(self._limit)
        self._began: float | None = None
        self._body = RECORD.read_bytes()

    def answer_to(self, head: bytes, now: float) -> bytes:
        _, _, _, auth_id, _, call_uuid, _ = head[: head.index(b" HTTP")].split(b"/")
        counts = self.counted.setdefault(auth_id.decode("ascii"), {"requests": 0, "limited": 0})
        counts["requests"] += 1
        if self._began is None:
            # A fixed window begins with the first request: no client can hope for a lucky half window.
            self._began = now
        wait = None if self._window is None else self._window.admit(now - self._began)
        if wait is None:
            return _message(b"200 OK", self._body.replace(CALL_UUID.encode("ascii"), call_uuid))
        counts["limited"] += 1
        more = b""
        if self._limit is not None and self._limit.retry_after == "seconds":
            more = b"Retry-After: %d\r\n" % max(1, math.ceil(wait))
        return _message(b"429 Too Many Requests", _OVER_LIMIT, more)


def _message(status: bytes, body: bytes, more: bytes = b"") -> bytes:
    return (b"HTTP/1.1 %b\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n\r\n%b") % (
        status,
        more,
        len(body),
        body,
    )


class _Answering(asyncio.Protocol):
    def __init__(self, account: _Account, delay: float) -> None:
        self._account = account
        self._delay = delay
        self._loop = asyncio.get_running_loop()
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *requests, self._received = (self._received + data).split(b"\r\n\r\n")
        for head in requests:
            answer = self._account.answer_to(head, self._loop.time())
            self._loop.call_later(self._delay, self._send, answer)

    def _send(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


async def _serve(delay: float, limit: dict[str, Any] | None) -> None:
    loop = asyncio.get_running_loop()
    account = _Account(limit)
    server = await loop.create_server(lambda: _Answering(account, delay), "127.0.0.1", 0, backlog=_BACKLOG)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()
    sys.stdout.write(json.dumps(account.counted))


if __name__ == "__main__":
    asyncio.run(_serve(**json.loads(sys.argv[1])))
