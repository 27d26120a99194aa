"""A batch holds: a failure that concerns all calls is charged to none of them. In virtual time."""

from __future__ import annotations

import asyncio
import pickle
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from itertools import repeat
from typing import Any

import httpx
import pytest

from plivo_async import (
    CallNext,
    DeadlineExceededError,
    Failed,
    Fetched,
    Holding,
    NetworkError,
    Outcome,
    PatienceExceededError,
    PermissionDeniedError,
    PlivoError,
    RateLimit,
    RateLimitError,
    RateLimitTimeoutError,
    ServerError,
    TLSError,
)
from plivo_async.testing import StubResponse
from tests.limited_account import account, client_of
from tests.virtual_time import in_virtual_time, virtual_loop

pytestmark = pytest.mark.usefixtures("unmeasured")


class Outage:
    """Attempt middleware that refuses connections from one time to another, in seconds from now."""

    def __init__(self, begins: float, ends: float, failure: Exception | None = None) -> None:
        now = virtual_loop().time()
        self.begins, self.ends = now + begins, now + ends
        self.failure = failure or httpx.ConnectError("refused")
        self.requests: list[float] = []

    async def __call__(self, request: httpx.Request, call_next: CallNext) -> httpx.Response:
        now = virtual_loop().time()
        if self.begins <= now < self.ends:
            self.requests.append(now)
            raise self.failure
        return await call_next(request)


class Counted:
    """Ids, and how many of them were pulled."""

    def __init__(self, ids: list[str]) -> None:
        self.ids, self.pulled = ids, 0

    def __iter__(self) -> Iterator[str]:
        for call_uuid in self.ids:
            self.pulled += 1
            yield call_uuid


async def taken_from(batch: Any) -> tuple[list[Outcome], PlivoError | None]:
    outcomes: list[Outcome] = []
    try:
        async with batch:
            async for outcome in batch:
                outcomes.append(outcome)
    except PlivoError as error:
        return outcomes, error
    return outcomes, None


def kinds(outcomes: list[Outcome]) -> Counter[str]:
    return Counter(
        type(outcome.error).__name__ if isinstance(outcome, Failed) else "Fetched" for outcome in outcomes
    )


class TestTheRateLimit:
    @in_virtual_time
    async def test_costs_no_call_its_deadline(self) -> None:
        fake = account()
        ids = fake.generate(1000)
        async with client_of(fake, deadline=3.0) as client:
            assert kinds(await client.calls.get_many(ids)) == {"Fetched": 1000}

    @pytest.mark.parametrize("limit", [RateLimit(60, 61.0), RateLimit(1, 3.0), RateLimit(3, 120.0)], ids=repr)
    @in_virtual_time
    async def test_may_be_slower_than_the_deadline(self, limit: RateLimit) -> None:
        fake = account()
        ids = fake.generate(200)
        async with client_of(fake, rate_limit=limit, deadline=5.0) as client:
            assert kinds(await client.calls.get_many(ids)) == {"Fetched": 200}

    @in_virtual_time
    async def test_lets_the_batch_pull_one_call_that_waits(self) -> None:
        fake = account()
        source = Counted(fake.generate(200))
        async with (
            client_of(fake, rate_limit=RateLimit(10, 100.0)) as client,
            client.calls.get_many(source) as batch,
        ):
            await asyncio.sleep(50.0)
            assert source.pulled == 11
            holding = batch.holding
            assert holding is not None
            assert (holding.reason, holding.error) == ("rate limit", None)
            assert holding.seconds_left(virtual_loop().time()) == pytest.approx(50.05, abs=0.1)
            assert repr(batch).startswith("<Batch under way: done=10, failed=0, holding: rate limit, next")

    @in_virtual_time
    async def test_longer_than_the_patience_ends_the_batch_once(self) -> None:
        fake = account()
        source = Counted(fake.generate(200))
        async with client_of(fake, rate_limit=RateLimit(10, 1000.0)) as client:
            outcomes, error = await taken_from(client.calls.get_many(source, patience=60.0))
        assert isinstance(error, PatienceExceededError)
        assert "the rate limit lets the next request pass in 1000 s, at 20" in str(error)
        assert error.retryable
        assert error.retry_after == pytest.approx(1000.0, abs=1)
        assert kinds(outcomes) == {"Fetched": 10, "PatienceExceededError": source.pulled - 10}
        assert source.pulled == 11
        assert str(pickle.loads(pickle.dumps(error))) == str(error)

    @pytest.mark.parametrize("error", [RateLimitTimeoutError, DeadlineExceededError])
    @in_virtual_time
    async def test_of_the_users_own_may_raise(self, error: type[PlivoError]) -> None:
        """Nobody may send: that is no fault of the calls that ask."""
        fake = account()
        opens = virtual_loop().time() + 100.0

        class Shut:
            def acquire(self, request: httpx.Request) -> None:
                if virtual_loop().time() < opens:
                    raise error("the budget of this minute is spent")

            def release(self, permit: None) -> None:
                pass

            def throttled(self, permit: None, retry_after: float | None) -> None:
                pass

        source = Counted(fake.generate(200))
        async with client_of(fake, rate_limit=Shut()) as client, client.calls.get_many(source) as batch:
            await asyncio.sleep(50.0)
            assert batch.done == 0
            assert source.pulled <= 32
            outcomes = [outcome async for outcome in batch]
        assert kinds(outcomes) == {"Fetched": 200}


class TestA429:
    @pytest.mark.parametrize("limit", [RateLimit(), None], ids=repr)
    @pytest.mark.parametrize("seconds", [1, 59, 61, 120, 800])
    @pytest.mark.parametrize("number", [0, 50])
    @in_virtual_time
    async def test_of_any_length_is_a_pause(self, limit: RateLimit | None, seconds: int, number: int) -> None:
        fake = account()
        ids = fake.generate(100)
        faults = [StubResponse(200)] * number + [StubResponse(429, headers={"Retry-After": str(seconds)})]
        fake.script(faults)
        began = virtual_loop().time()
        async with client_of(fake, rate_limit=limit) as client:
            assert kinds(await client.calls.get_many(ids)) == {"Fetched": 100}
        assert fake.statuses[429] == 1 + fake.over_limit
        assert virtual_loop().time() - began >= seconds

    @in_virtual_time
    async def test_longer_than_the_patience_ends_the_batch_once(self) -> None:
        fake = account()
        source = Counted(fake.generate(5000))
        fake.script([StubResponse(429, headers={"Retry-After": "7200"})])
        async with client_of(fake) as client:
            outcomes, error = await taken_from(client.calls.get_many(source))
        assert isinstance(error, PatienceExceededError)
        assert isinstance(error.__cause__, RateLimitError)
        assert error.status == 429
        assert error.retry_after == pytest.approx(7200.0, abs=1)
        assert "HTTP 429: the next request may be sent in 7200 s" in str(error)
        assert len(outcomes) == source.pulled <= 64
        assert all(isinstance(outcome, Fetched) or outcome.error.retryable for outcome in outcomes)

    @in_virtual_time
    async def test_without_end_is_waited_for_without_patience(self) -> None:
        fake = account()
        ids = fake.generate(50)
        fake.script([StubResponse(429, headers={"Retry-After": "7200"})])
        async with client_of(fake) as client:
            assert kinds(await client.calls.get_many(ids, patience=None)) == {"Fetched": 50}

    @in_virtual_time
    async def test_still_fails_a_single_call_at_once(self) -> None:
        fake = account()
        fake.script([StubResponse(429, headers={"Retry-After": "90"})])
        began = virtual_loop().time()
        async with client_of(fake) as client:
            with pytest.raises(RateLimitError):
                await client.calls.get(fake.call_uuids[0])
        assert virtual_loop().time() - began < 1.0


class TestAnOutage:
    @pytest.mark.parametrize(
        ("failure", "concurrency"),
        [
            (httpx.ConnectError("refused"), 1),
            (httpx.ConnectError("refused"), 300),
            (httpx.ReadError("reset"), 32),
            (httpx.ReadTimeout("slow"), 8),
        ],
        ids=repr,
    )
    @in_virtual_time
    async def test_of_20_seconds_fails_no_call(self, failure: Exception, concurrency: int) -> None:
        fake, outage = account(), Outage(5.0, 25.0, failure)
        ids = fake.generate(1000)
        async with client_of(fake, attempt_middleware=[outage]) as client:
            outcomes = await client.calls.get_many(ids, concurrency=concurrency)
        assert kinds(outcomes) == {"Fetched": 1000}
        assert [outcome.call_uuid for outcome in outcomes] == ids
        assert 0 < len(outage.requests) < 2 * concurrency + 30

    @pytest.mark.parametrize("status", [500, 503])
    @in_virtual_time
    async def test_is_5xx_too(self, status: int) -> None:
        fake = account()
        ids = fake.generate(600)
        async with client_of(fake) as client:
            batch = asyncio.ensure_future(_awaited(client.calls.get_many(ids)))
            await asyncio.sleep(0.1)
            fake.script(repeat(status))
            await asyncio.sleep(20.0)
            fake.script([])
            assert kinds(await batch) == {"Fetched": 600}
        assert fake.statuses[status] < 100

    @in_virtual_time
    async def test_of_10_minutes_costs_tens_of_requests(self) -> None:
        fake, outage = account(), Outage(5.0, 605.0)
        ids = fake.generate(1000)
        async with client_of(fake, attempt_middleware=[outage]) as client:
            assert kinds(await client.calls.get_many(ids)) == {"Fetched": 1000}
        assert len(outage.requests) < 100

    @in_virtual_time
    async def test_longer_than_the_patience_ends_the_batch_once(self) -> None:
        fake, outage = account(), Outage(5.0, 1e9)
        source = Counted(fake.generate(3000))
        began = virtual_loop().time()
        async with client_of(fake, attempt_middleware=[outage]) as client:
            outcomes, error = await taken_from(client.calls.get_many(source, patience=120.0))
        assert isinstance(error, PatienceExceededError)
        assert isinstance(error.__cause__, NetworkError)
        assert "no call has succeeded for 12" in str(error)
        assert virtual_loop().time() - began == pytest.approx(125.5, abs=2)
        assert len(outcomes) == source.pulled < 500
        failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
        assert 0 < len(failed) <= 64
        assert all(outcome.error.retryable for outcome in failed)

    @in_virtual_time
    async def test_shows_itself_and_its_next_probe(self) -> None:
        fake, outage = account(), Outage(0.2, 60.0)
        async with (
            client_of(fake, attempt_middleware=[outage]) as client,
            client.calls.get_many(fake.generate(600), concurrency=8) as batch,
        ):
            seen: Holding | None = None
            async for _ in batch:
                seen = batch.holding
            assert seen is None
            assert batch.done == 600

    @in_virtual_time
    async def test_that_resets_every_connection_once_fails_no_call(self) -> None:
        fake, outage = account(latency=0.6), Outage(0.3, 0.31)
        ids = fake.generate(300)
        async with client_of(fake, attempt_middleware=[outage]) as client:
            assert kinds(await client.calls.get_many(ids, concurrency=300)) == {"Fetched": 300}


class TestASourceThatWaitsForAnOutcome:
    @pytest.mark.parametrize("concurrency", [1, 2, 10])
    @in_virtual_time
    async def test_does_not_keep_a_failed_call_from_its_retry(self, concurrency: int) -> None:
        fake, outcomes = account(), list[Outcome]()
        ids, came = fake.generate(3), asyncio.Event()

        async def one_by_one() -> AsyncIterator[str]:
            for call_uuid in ids:
                came.clear()
                yield call_uuid
                await came.wait()

        async with (
            asyncio.timeout(600),
            client_of(fake, attempt_middleware=[Outage(0, 30)]) as client,
            client.calls.get_many(one_by_one(), concurrency=concurrency) as batch,
        ):
            async for outcome in batch:
                outcomes.append(outcome)
                came.set()
        assert [type(outcome) for outcome in outcomes] == [Fetched] * 3


class TestACallThatAlwaysFails:
    @pytest.mark.parametrize("concurrency", [1, 2, 32])
    @pytest.mark.parametrize("place", [0, 25, 49])
    @pytest.mark.parametrize("status", [403, 500])
    @in_virtual_time
    async def test_fails_alone_after_some_attempts(self, concurrency: int, place: int, status: int) -> None:
        fake = account()
        ids = fake.generate(50)
        fake.script(repeat(status), call_uuid=ids[place])
        began = virtual_loop().time()
        async with client_of(fake) as client:
            outcomes = await client.calls.get_many(ids, concurrency=concurrency)
        failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
        assert [outcome.call_uuid for outcome in failed] == [ids[place]]
        assert isinstance(failed[0].error, ServerError if status == 500 else PermissionDeniedError)
        assert fake.statuses[status] < 20
        assert virtual_loop().time() - began < 15.0

    @in_virtual_time
    async def test_is_one_of_many_that_may_not_be_read(self) -> None:
        fake = account()
        ids = fake.generate(300)
        for call_uuid in ids[100:200]:
            fake.script(repeat(403), call_uuid=call_uuid)
        async with client_of(fake) as client:
            outcomes = await client.calls.get_many(ids)
        assert kinds(outcomes) == {"Fetched": 200, "PermissionDeniedError": 100}


class TestARunThatCanNeverSucceed:
    @pytest.mark.parametrize(
        ("status", "expected"), [(403, PermissionDeniedError), (401, PlivoError), (302, PlivoError)]
    )
    @in_virtual_time
    async def test_stops_after_a_handful(self, status: int, expected: type[PlivoError]) -> None:
        fake = account()
        source = Counted(fake.generate(5000))
        fake.script(repeat(StubResponse(status, headers={"Location": "/elsewhere"})))
        began = virtual_loop().time()
        async with client_of(fake) as client:
            outcomes, error = await taken_from(client.calls.get_many(source, concurrency=8))
        assert isinstance(error, expected)
        assert str(error).startswith(f"the batch stopped after {len(outcomes)} outcomes: HTTP {status}")
        assert len(outcomes) == source.pulled <= 16
        assert fake.statuses.total() <= 16
        assert virtual_loop().time() - began < 1.0

    @pytest.mark.parametrize("code", [socket.EAI_NONAME, socket.EAI_AGAIN])
    @in_virtual_time
    async def test_has_a_host_that_does_not_exist(self, code: int) -> None:
        failure = httpx.ConnectError("name resolution")
        failure.__cause__ = socket.gaierror(code, "unknown")
        fake = account()
        source = Counted(fake.generate(5000))
        outage = Outage(0.0, 1e9, failure)
        async with client_of(fake, attempt_middleware=[outage]) as client:
            outcomes, error = await taken_from(client.calls.get_many(source, concurrency=8))
        # A resolver that does not respond may do so later.
        assert type(error) is (NetworkError if code == socket.EAI_NONAME else PatienceExceededError)
        assert len(outcomes) == source.pulled <= 16

    @in_virtual_time
    async def test_has_a_certificate_that_is_refused(self) -> None:
        failure = httpx.ConnectError("certificate")
        failure.__cause__ = ssl.SSLCertVerificationError("self-signed")
        fake = account()
        async with client_of(fake, attempt_middleware=[Outage(0.0, 1e9, failure)]) as client:
            outcomes, error = await taken_from(client.calls.get_many(fake.generate(5000), concurrency=8))
        assert isinstance(error, TLSError)
        assert len(outcomes) <= 16


async def _awaited(batch: Any) -> list[Outcome]:
    return list(await batch)
