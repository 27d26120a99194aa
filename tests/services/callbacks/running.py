"""Starts a hang-up service in a process of its own, posts callbacks to it, and ends it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiohttp
from attrs import frozen

from plivo_async.testing import FakePlivo, SignedCallback

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
PUBLIC_URL = "https://app.example.com"
HANGUP_URL = f"{PUBLIC_URL}/plivo/hangup?job=7#rt=2000"
# Ends a hang; it decides no test.
PATIENCE_SECONDS = 60.0
_AT_A_TIME = 100
_RUN_AIOHTTP = """
import socket, sys
from aiohttp import web
import aiohttp_hangup_service
web.run_app(aiohttp_hangup_service.make_app(), sock=socket.socket(fileno=int(sys.argv[1])), print=None)
"""
_UVICORN = ["-m", "uvicorn", "--log-level", "warning", "hangup_service:app", "--fd"]
COMMANDS: dict[str, Callable[[int], list[str]]] = {
    "fastapi": lambda fd: [*_UVICORN, str(fd)],
    "aiohttp": lambda fd: ["-c", _RUN_AIOHTTP, str(fd)],
}
# uvicorn ends by the signal that it got.
EXIT_CODES = {"fastapi": -signal.SIGTERM, "aiohttp": 0}


@frozen(kw_only=True)
class Service:
    """A service that runs behind a proxy, which the tests are."""

    port: int
    database: Path
    process: asyncio.subprocess.Process

    async def post(self, callbacks: Iterable[SignedCallback]) -> list[int]:
        """Post callbacks, many at a time; return the statuses."""
        connector = aiohttp.TCPConnector(limit=_AT_A_TIME)
        async with aiohttp.ClientSession(connector=connector) as browser:

            async def one(callback: SignedCallback) -> int:
                url = callback.url.replace(PUBLIC_URL, f"http://127.0.0.1:{self.port}")
                async with browser.post(url, headers=callback.headers, data=callback.body) as response:
                    return response.status

            async with asyncio.timeout(PATIENCE_SECONDS):
                return await asyncio.gather(*map(one, callbacks))

    def rows(self) -> dict[str, str | None]:
        """Return the call UUIDs in the database, and the records that are there."""
        with closing(sqlite3.connect(self.database)) as database:
            return dict(database.execute("SELECT call_uuid, record FROM calls"))

    async def until_complete(self, count: int) -> dict[str, str | None]:
        """Wait until so many calls have a record; return all rows."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            # In another process, so there is no event to wait for.
            while sum(record is not None for record in self.rows().values()) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return self.rows()

    async def stop(self) -> tuple[int | None, str]:
        """Send SIGTERM; return the exit code and stderr."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_SECONDS):
            _, stderr = await self.process.communicate()
        return self.process.returncode, stderr.decode()


@asynccontextmanager
async def running(
    name: str, fake: FakePlivo, url: str, database: Path, **env: str
) -> AsyncGenerator[Service]:
    """Run a service against a fake Plivo."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        port: int = listener.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-W", "always::ResourceWarning"),
            *COMMANDS[name](listener.fileno()),
            pass_fds=[listener.fileno()],
            cwd=EXAMPLES,
            env={
                **os.environ,
                "PLIVO_AUTH_ID": fake.auth_id,
                "PLIVO_AUTH_TOKEN": fake.auth_token,
                "PLIVO_ASYNC_BASE_URL": url,
                "PUBLIC_URL": PUBLIC_URL,
                "LOG_LEVEL": "WARNING",
                "DATABASE": str(database),
                **env,
            },
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    try:
        yield Service(port=port, database=database, process=process)
    finally:
        if process.returncode is None:
            process.kill()
            # Also shows why a test has failed.
            _, stderr = await process.communicate()
            sys.stderr.write(stderr.decode())
