"""Each example, started for real: under load, with clients that hang up, and ended by SIGTERM."""

from __future__ import annotations

import asyncio
import itertools
import json
import random

import pytest

from plivo_async.testing import FakePlivo, StubResponse
from tests.services.web.running import AIOHTTP_CANCELLING, KINDS, Kind, Running, running, until

REQUESTS = 200
AT_A_TIME = 20
IN_FLIGHT_AT_THE_END = 5
LATENCY_SECONDS = 0.06


async def burst(service: Running, call_uuids: list[str]) -> list[int | None]:
    """Send many requests, some at a time. Every tenth client hangs up in the middle."""
    places = asyncio.Semaphore(AT_A_TIME)
    chance = random.Random(12)

    async def one(number: int) -> int | None:
        call_uuid = call_uuids[number % len(call_uuids)]
        path = f"/calls/{call_uuid}" if number % 4 == 1 else f"/calls/{call_uuid}/cost"
        gone = None
        async with places:
            if number % 10 == 0:
                gone = asyncio.sleep(chance.uniform(0.2, 1.0) * LATENCY_SECONDS)
            answer = await service.ask(path, gone=gone)
            if answer is None:
                return None
            status, body = answer
            assert status != 200 or json.loads(body), path
            return int(status)

    return await asyncio.gather(*map(one, range(REQUESTS)))


@pytest.mark.parametrize("kind", KINDS, ids=str)
async def test_a_service_serves_a_burst_with_hang_ups_and_ends_at_sigterm(kind: Kind) -> None:
    fake = FakePlivo(latency=LATENCY_SECONDS)
    call_uuids = fake.generate(50)
    async with fake.serve() as url, running(kind, fake, url) as service:
        assert (await service.ask(f"/calls/{call_uuids[0]}/cost"))[0] == 200
        base = await service.is_open() | {"busy": 0}

        statuses = await burst(service, call_uuids)

        assert statuses.count(200) == REQUESTS * 9 // 10
        assert statuses.count(None) == REQUESTS // 10
        await service.until_open(base)

        for number in range(2):
            assert (await service.ask(f"/calls/no-such-{number}/settle", method="POST"))[0] == 202
        await until(lambda: fake.statuses[404] == 2)
        seen = len(fake.requests)
        last = [
            asyncio.create_task(service.ask(f"/calls/{call_uuids[n]}/cost"))
            for n in range(IN_FLIGHT_AT_THE_END)
        ]
        await until(lambda: len(fake.requests) == seen + IN_FLIGHT_AT_THE_END)

        exit_code, stderr = await service.stop()

        assert [status for status, _ in await asyncio.gather(*last)] == [200] * IN_FLIGHT_AT_THE_END
    assert exit_code == kind.exit_code
    # Nothing but one line for each wait that the end of the service has ended.
    expected = [f"call no-such-{n}: no record, to be fetched later" for n in range(2)]
    assert len(stderr) == 2, stderr
    assert all(any(text in line for line in stderr) for text in expected), stderr


@pytest.mark.parametrize("kind", [*KINDS, AIOHTTP_CANCELLING], ids=str)
async def test_a_request_whose_client_has_gone_is_cancelled_where_the_page_says_so(kind: Kind) -> None:
    fake = FakePlivo()
    [call_uuid] = fake.call_uuids
    calls = 4
    async with fake.serve() as url, running(kind, fake, url) as service:
        assert (await service.ask(f"/calls/{call_uuid}/cost"))[0] == 200
        base = await service.is_open() | {"busy": 0}
        # Time enough to notice that a client has gone, before its call is retried.
        fake.script(itertools.repeat(StubResponse(503, headers={"Retry-After": "1"})))

        seen = len(fake.requests)
        first_attempts = until(lambda: len(fake.requests) >= seen + calls)
        gone = asyncio.create_task(first_attempts)
        await asyncio.gather(*(service.ask(f"/calls/{call_uuid}/cost", gone=gone) for _ in range(calls)))
        await service.until_open(base)

        is_retried = len(fake.requests) > seen + calls
        assert is_retried is not kind.cancels
        exit_code, _ = await service.stop()
        assert exit_code == kind.exit_code
