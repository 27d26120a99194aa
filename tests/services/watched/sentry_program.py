"""Asks once, reports a message, and writes the events that Sentry would receive: `sentry_program URL MOMENT`.

The moment is `before` the import of the package, or `after` a client is built. No process can end Sentry's
replacements.
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

EVENTS: list[Any] = []


class Kept(Transport):
    """Keeps what it is to send."""

    def capture_envelope(self, envelope: Envelope) -> None:
        """Keep the events of an envelope."""
        EVENTS.extend(item.payload.json for item in envelope.items if item.payload.json)


def begin(**options: Any) -> None:
    sentry_sdk.init(dsn="http://key@127.0.0.1:1/1", traces_sample_rate=1.0, transport=Kept, **options)


async def main(url: str, moment: str) -> None:
    if moment == "before":
        begin()
    from plivo_async import AsyncClient
    from tests.offline import AUTH_ID, CALL_UUID, SOON, TOKEN

    async with AsyncClient(AUTH_ID, TOKEN, base_url=url, retry=SOON) as client:
        if moment == "after":
            # Without the imports of all the other integrations, which take seconds here.
            begin(auto_enabling_integrations=False, integrations=[HttpxIntegration()])
        with sentry_sdk.start_transaction(name="job"):
            await client.calls.get(CALL_UUID)
        sentry_sdk.capture_message("done")
    sys.stdout.write(json.dumps(EVENTS, default=str))


asyncio.run(main(*sys.argv[1:]))
