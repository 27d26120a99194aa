"""A local server that answers every GET with the documented record, in a process of its own.

As a script it prints its port and serves until its input ends, so that it never outlives the benchmark.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

AUTH_ID = "MA2025RK4E639VJFZAGV"
CALL_UUID = "5607532d-5037-4066-befc-a8b40218dd4f"
# Requests per window: the limiter does its work and holds up nobody, as this server has no limit.
UNLIMITED = 1_000_000
RECORD = Path(__file__).parents[1].joinpath("fixtures", "call_documented.json")

_ROOT = Path(__file__).parents[2]
_BACKLOG = 2048
_ENDING_SECONDS = 5.0


def running(delay: float = 0.0) -> AbstractContextManager[int]:
    """The port of a server process that lives as long as the block; `delay` in seconds before each answer."""
    return process(__file__, str(delay))


@contextmanager
def process(*arguments: str) -> Iterator[int]:
    """The port that a Python process prints, which ends with its input."""
    command = [sys.executable, *arguments]
    with subprocess.Popen(
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline())
        finally:
            server.stdin.close()
            try:
                server.wait(_ENDING_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()


def _answer() -> bytes:
    body = RECORD.read_bytes()
    head = (
        "HTTP/1.1 200 OK\r\n"
        "Date: Wed, 12 Oct 2022 16:27:48 GMT\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: keep-alive\r\n"
        "Server: local\r\n\r\n"
    )
    return head.encode("ascii") + body


class _Answering(asyncio.Protocol):
    def __init__(self, answer: bytes, delay: float) -> None:
        self._answer = answer
        self._delay = delay
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *requests, self._received = (self._received + data).split(b"\r\n\r\n")
        for _ in requests:
            if self._delay:
                asyncio.get_running_loop().call_later(self._delay, self._send)
            else:
                self._send()

    def _send(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(self._answer)


async def _serve(delay: float) -> None:
    loop = asyncio.get_running_loop()
    answer = _answer()
    server = await loop.create_server(lambda: _Answering(answer, delay), "127.0.0.1", 0, backlog=_BACKLOG)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1])))
