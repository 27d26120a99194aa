"""Asks once, and writes the events that Sentry would receive. Sentry begins after the client is built.

It is a process of its own, because Sentry's replacements stay until the end of one.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.integrations.httpx import HttpxIntegration
from sentry_sdk.transport import Transport

from plivo_async import AsyncClient
from tests.offline import AUTH_ID, CALL_UUID, SOON, TOKEN

EVENTS: list[Any] = []


class Kept(Transport):
    """Keeps what it is to send."""

    def capture_envelope(self, envelope: Envelope) -> None:
        """Keep the events of an envelope."""
        EVENTS.extend(item.payload.json for item in envelope.items if item.payload.json)


async def main(url: str) -> None:
    async with AsyncClient(AUTH_ID, TOKEN, base_url=url, retry=SOON) as client:
        sentry_sdk.init(
            dsn="http://key@127.0.0.1:1/1",
            transport=Kept,
            traces_sample_rate=1.0,
            # Without those that it finds by itself: to import all of them takes seconds.
            auto_enabling_integrations=False,
            integrations=[HttpxIntegration()],
        )
        with sentry_sdk.start_transaction(name="job"):
            await client.calls.get(CALL_UUID)
        sentry_sdk.capture_message("done")
    sys.stdout.write(json.dumps(EVENTS, default=str))


asyncio.run(main(sys.argv[1]))
