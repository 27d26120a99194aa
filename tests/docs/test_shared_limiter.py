"""The RateLimiter that docs/how-to/sqlite-limiter.md shows keeps the promises of the page."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from plivo_async.testing import FakePlivo, FakeRateLimit
from tests.docs.doc_examples import ROOT, python_examples

PAGE = ROOT / "docs/how-to/sqlite-limiter.md"
REQUEST = httpx.Request("GET", "https://api.plivo.com/")
PROGRAM = """
import asyncio, sys
from pathlib import Path
from plivo_async import AsyncClient, Fetched
from shared_limiter import SharedLimiter

async def main():
    limiter = SharedLimiter(Path("limit.db"), requests=10, per=0.2)
    async with AsyncClient(base_url=sys.argv[1], rate_limit=limiter) as client:
        outcomes = await client.calls.get_many(sys.argv[2:])
    print(sum(isinstance(outcome, Fetched) for outcome in outcomes))
    limiter.close()

asyncio.run(main())
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    [module] = [example for example in python_examples(PAGE) if example.is_module]
    module.save(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("shared_limiter", None)


def limiter(folder: Path, **options: Any) -> Any:
    module: Any = __import__("shared_limiter")
    return closing(module.SharedLimiter(folder / "limit.db", **options))


async def waits(one: Any) -> bool:
    """Whether a permit does not come at once."""
    asking = asyncio.create_task(one.acquire(REQUEST))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting = not asking.done()
    asking.cancel()
    await asyncio.wait([asking])
    return waiting


async def test_two_processes_keep_to_one_limit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakePlivo(rate_limit=FakeRateLimit(requests=10, per=0.2, kind="sliding"))
    monkeypatch.setenv("PLIVO_AUTH_ID", fake.auth_id)
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", fake.auth_token)
    monkeypatch.chdir(folder)
    (folder / "program.py").write_text(PROGRAM)
    call_uuids = fake.generate(40)

    async with fake.serve() as url:
        processes = [
            await asyncio.create_subprocess_exec(
                sys.executable, "program.py", url, *call_uuids, stdout=asyncio.subprocess.PIPE
            )
            for _ in range(2)
        ]
        async with asyncio.timeout(60):
            printed = [(await process.communicate())[0].strip() for process in processes]

    assert printed == [b"40", b"40"]
    assert fake.statuses == {200: 80}


async def test_a_permit_is_free_again_a_window_after_its_answer(folder: Path) -> None:
    with limiter(folder, requests=1, per=3600.0) as one, limiter(folder, requests=1, per=0.01) as other:
        permit = await one.acquire(REQUEST)
        assert await waits(one)
        other.release(permit)
        async with asyncio.timeout(30):
            await other.acquire(REQUEST)


async def test_a_429_stops_the_others_too(folder: Path) -> None:
    with limiter(folder) as one, limiter(folder) as other:
        assert not await waits(other)
        one.throttled(await one.acquire(REQUEST), 3600.0)
        assert await waits(other)


async def test_a_429_without_a_retry_after_stops_the_others_for_a_window(folder: Path) -> None:
    with limiter(folder, per=3600.0) as one, limiter(folder) as other:
        one.throttled(await one.acquire(REQUEST), None)
        assert await waits(other)


async def test_a_cancelled_waiter_takes_no_permit(folder: Path) -> None:
    with limiter(folder, requests=1, per=0.01) as one:
        permit = await one.acquire(REQUEST)
        assert await waits(one)
        one.release(permit)
        async with asyncio.timeout(30):
            await one.acquire(REQUEST)


async def test_the_permit_of_a_dead_process_is_returned(folder: Path) -> None:
    with limiter(folder, requests=1, per=0.01, lost_after=0.01) as dead:
        await dead.acquire(REQUEST)
    with limiter(folder, requests=1, per=0.01) as one:
        async with asyncio.timeout(30):
            await one.acquire(REQUEST)
