"""The service that docs/how-to/cancelling.md shows cancels the calls of clients that hang up."""

from __future__ import annotations

import asyncio
import itertools
import os
from pathlib import Path

from plivo_async.testing import FakePlivo, StubResponse
from tests.docs.doc_examples import python_examples
from tests.services.web.running import ROOT, Kind, running, until

CALLS = 4


async def test_the_service_of_the_page_cancels_the_calls_of_clients_that_hang_up(tmp_path: Path) -> None:
    [example] = [e for e in python_examples(ROOT / "docs/how-to/cancelling.md") if e.is_module]
    name = example.save(tmp_path).stem
    fake = FakePlivo()
    path = f"/calls/{fake.call_uuids[0]}"
    kind = Kind(name=name, cancels=True)
    async with (
        fake.serve() as url,
        running(kind, fake, url, PYTHONPATH=os.pathsep.join([str(ROOT), str(tmp_path)])) as service,
    ):
        assert (await service.ask(path))[0] == 200
        idle = await service.is_open() | {"busy": 0}
        # Time enough to notice that a client has gone, before its call is retried.
        fake.script(itertools.repeat(StubResponse(503, headers={"Retry-After": "1"})))

        seen = len(fake.requests)
        all_sent = asyncio.create_task(until(lambda: len(fake.requests) >= seen + CALLS))
        await asyncio.gather(*(service.ask(path, gone=all_sent) for _ in range(CALLS)))
        await service.until_open(idle)

        assert len(fake.requests) == seen + CALLS
        assert await service.stop() == (kind.exit_code, [])
