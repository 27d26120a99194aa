"""Starts a service in a process of its own, sends requests to it, and ends it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from attrs import frozen

from plivo_async.testing import FakePlivo
from tests.services.web.watched import PATH

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "docs" / "examples"
# Ends a hang; it decides no test.
PATIENCE_SECONDS = 60.0
_HEADERS = "Host: localhost\r\nContent-Length: 0\r\nConnection: close\r\n"
_WATCHED = "tests.services.web.watched"
# asyncio's debug mode reports how long a callback took on a busy machine.
_SLOW_CALLBACK = b"Executing <"


@frozen(kw_only=True)
class Kind:
    """An example and how it is run.

    Attributes:
        name: The example.
        server: `uvicorn`, `hypercorn`, or `aiohttp`, which is its own server.
        cancels: Whether the request of a client that has gone is cancelled.
        exit_code: What the server exits with after a SIGTERM.
    """

    name: str
    server: str = "uvicorn"
    cancels: bool = False
    # uvicorn ends by the signal that it got.
    exit_code: int = -signal.SIGTERM

    def command(self, fd: int) -> list[str]:
        match self.server:
            case "uvicorn":
                options = ["--fd", str(fd), "--log-level", "warning", f"{_WATCHED}:app"]
            case "hypercorn":
                options = ["--bind", f"fd://{fd}", "--log-level", "warning", f"{_WATCHED}:app"]
            case _:
                return [sys.executable, "-X", "dev", "-m", _WATCHED]
        return [sys.executable, "-X", "dev", "-m", self.server, *options]

    def __str__(self) -> str:
        return f"{self.name}-cancels" if self.cancels else self.name


FASTAPI = Kind(name="fastapi_service")
STARLETTE = Kind(name="starlette_service")
LITESTAR = Kind(name="litestar_service")
QUART = Kind(name="quart_service", server="hypercorn", cancels=True, exit_code=0)
AIOHTTP = Kind(name="aiohttp_service", server="aiohttp", exit_code=0)
AIOHTTP_CANCELLING = Kind(name="aiohttp_service", server="aiohttp", cancels=True, exit_code=0)
DJANGO = Kind(name="django_service", cancels=True)
KINDS = [FASTAPI, STARLETTE, LITESTAR, QUART, AIOHTTP, DJANGO]


@frozen(kw_only=True)
class Running:
    """A service that runs."""

    port: int
    process: asyncio.subprocess.Process

    async def ask(self, path: str, *, method: str = "GET", gone: Awaitable[object] | None = None) -> Any:
        """Return the status and the body; None if the client hangs up because `gone` has ended."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(f"{method} {path} HTTP/1.1\r\n{_HEADERS}\r\n".encode())
            if gone is not None:
                await gone
                return None
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            if b"chunked" in head.lower():
                body = b"".join(body.split(b"\r\n")[1::2])
            return int(head.split()[1]), body
        finally:
            # A reset, as from a client that has crashed.
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    async def is_open(self) -> dict[str, int]:
        """What is open in the process: tasks and busy connections to Plivo."""
        _, body = await self.ask(PATH)
        found: dict[str, int] = json.loads(body)
        return found

    async def until_open(self, wanted: Mapping[str, int]) -> None:
        """Wait until no more than this is open."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            # In another process, so there is no event to wait for.
            while any(value > wanted[key] for key, value in (await self.is_open()).items()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def stop(self) -> tuple[int | None, list[str]]:
        """Send SIGTERM; return the exit code and the lines of stderr."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_SECONDS):
            _, stderr = await self.process.communicate()
        lines = [line for line in stderr.splitlines() if _SLOW_CALLBACK not in line]
        return self.process.returncode, [line.decode() for line in lines]


@asynccontextmanager
async def running(kind: Kind, fake: FakePlivo, url: str, **env: str) -> AsyncGenerator[Running, None]:
    """Run the service of an example against a fake Plivo."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        port: int = listener.getsockname()[1]
        fd = listener.fileno()
        process = await asyncio.create_subprocess_exec(
            *kind.command(fd),
            pass_fds=[fd],
            cwd=ROOT,
            env=os.environ
            | {
                "PYTHONPATH": os.pathsep.join([str(ROOT), str(EXAMPLES)]),
                "PLIVO_AUTH_ID": fake.auth_id,
                "PLIVO_AUTH_TOKEN": fake.auth_token,
                "PLIVO_ASYNC_BASE_URL": url,
                "SERVICE": kind.name,
                "CANCELS": "yes" if kind.cancels else "no",
                "FD": str(fd),
            }
            | env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    try:
        yield Running(port=port, process=process)
    finally:
        if process.returncode is None:
            process.kill()
            # Also shows why a test has failed.
            _, stderr = await process.communicate()
            sys.stderr.write(stderr.decode())


async def until(is_true: Any) -> None:
    """Wait until a condition is met."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not is_true():  # noqa: ASYNC110 - the fake has no event for this
            await asyncio.sleep(0.005)
