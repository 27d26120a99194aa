"""Runs programs in processes of their own, in which a tool can be there before the package is imported."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from tests.offline import AUTH_ID, TOKEN

_ROOT = Path(__file__).parents[3]
_TIMEOUT_SECONDS = 60.0


async def run_example(name: str, url: str, **environment: str) -> str:
    """Return what an example of the pages prints, with credentials and URL in its environment."""
    credentials = {"PLIVO_AUTH_ID": AUTH_ID, "PLIVO_AUTH_TOKEN": TOKEN, "PLIVO_ASYNC_BASE_URL": url}
    example = str(_ROOT / "docs" / "examples" / name)
    return await run(sys.executable, example, **credentials, **environment)


async def run(*command: str, **environment: str) -> str:
    """Return what a command prints. Modules of the tests can be imported in it."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT), **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            printed, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, errors.decode()
    return printed.decode()
