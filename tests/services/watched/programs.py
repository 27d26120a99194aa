"""Runs a program of this folder in its own process, where a tool begins before the package is imported."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[3]
_TIMEOUT_SECONDS = 60.0


async def run(program: str, *arguments: str, launcher: Sequence[str] = ()) -> Any:
    """Return what a program prints, as JSON.

    Args:
        program: The name of its module in this folder.
        *arguments: Its arguments.
        launcher: A command that starts it, and its arguments.
    """
    process = await asyncio.create_subprocess_exec(
        *(*launcher, sys.executable, "-m", f"{__package__}.{program}", *arguments),
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
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
    return json.loads(printed)
