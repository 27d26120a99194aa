"""A wait for a file descriptor."""

from __future__ import annotations

import asyncio


def resolve(waiter: asyncio.Future[None]) -> None:
    """End a wait; the event loop may say so more than once."""
    if not waiter.done():
        waiter.set_result(None)
