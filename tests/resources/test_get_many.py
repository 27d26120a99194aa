"""get_many from end to end, in virtual time: Plivo's real limit, in seconds that take none."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from itertools import repeat
from typing import Any, Literal

import httpx
import pytest

from plivo_async import (
    AsyncClient,
    AuthenticationError,
    CallNext,
    ClientClosedError,
    ConfigurationError,
    DeadlineExceededError,
    Failed,
    Fetched,
    InvalidCallUUIDError,
    NotFoundError,
    Outcome,
    PatienceExceededError,
    PlivoError,
    RateLimit,
    RetryPolicy,
    ServerError,
    SlidingWindowLimiter,
)
from plivo_async.testing import FakePlivo, FakeRateLimit, StubResponse
from tests.limited_account import KINDS, Foreign, account, client_of
from tests.virtual_time import in_virtual_time, virtual_loop

pytestmark = pytest.mark.usefixtures("unmeasured")
Kind = Literal["fixed", "sliding", "bucket"]
# 300 at once, then 300 every 5 s or 60 a second, and the last answer: the least that 1,500 requests take.
OPTIMUM_SECONDS = 20.05

each_kind = pytest.mark.parametrize("kind", KINDS)


class Seconds:
    def __init__(self) -> None:
        self.began = virtual_loop().time()

    @property
    def passed(self) -> float:
        return virtual_loop().time() - self.began


def assert_all_fetched(outcomes: list[Outcome], call_uuids: Any) -> None:
    assert [outcome.call_uuid for outcome in outcomes] == list(call_uuids)
    assert all(
        isinstance(outcome, Fetched) and outcome.record.call_uuid == outcome.call_uuid for outcome in outcomes
    )


def errors_of(outcomes: Iterable[Outcome]) -> list[PlivoError]:
    """The error of each outcome, all of them failures."""
    errors = [outcome.error for outcome in outcomes if isinstance(outcome, Failed)]
    assert len(errors) == len(list(outcomes))
    return errors


class TestAtPlivosLimit:
    @each_kind
    @in_virtual_time
    async def test_no_request_is_refused_and_95_percent_are_used(self, kind: Kind) -> None:
        fake, seconds = account(FakeRateLimit(kind=kind)), Seconds()
        ids = fake.generate(1500)
        async with client_of(fake) as client:
            outcomes = await client.calls.get_many(ids)
        assert_all_fetched(outcomes, ids)
        assert fake.statuses == Counter({200: 1500})
        assert seconds.passed < OPTIMUM_SECONDS / 0.95

    @pytest.mark.parametrize(
        ("kind", "retry_after"),
        [*((kind, None) for kind in KINDS), ("fixed", "seconds"), ("bucket", "date")],
    )
    @in_virtual_time
    async def test_configured_twice_too_high_nothing_is_lost_and_92_percent_are_used(
        self, kind: Kind, retry_after: Any
    ) -> None:
        fake, seconds = account(FakeRateLimit(kind=kind, retry_after=retry_after)), Seconds()
        ids = fake.generate(1500)
        async with client_of(fake, rate_limit=RateLimit(requests=600)) as client:
            outcomes = await client.calls.get_many(ids)
        assert_all_fetched(outcomes, ids)
        assert fake.statuses.keys() == {200, 429}
        assert fake.statuses[200] == 1500
        assert fake.over_limit < 60
        # A date tells it in whole seconds, and so does the server's clock that it is to be compared with.
        assert seconds.passed < OPTIMUM_SECONDS / (0.88 if retry_after == "date" else 0.92)

    @pytest.mark.parametrize(
        ("kind", "retry_after"), [*((kind, None) for kind in KINDS), ("sliding", "seconds")]
    )
    @in_virtual_time
    async def test_shared_with_another_client_nothing_is_lost_and_that_one_has_its_share(
        self, kind: Kind, retry_after: Any
    ) -> None:
        fake, seconds = account(FakeRateLimit(kind=kind, retry_after=retry_after)), Seconds()
        ids = fake.generate(1500)
        async with client_of(fake) as client, Foreign(fake, 20.0).at_work() as foreign:
            outcomes = await client.calls.get_many(ids)
        assert_all_fetched(outcomes, ids)
        # 0.79 to 0.81 with a bucket, by the jitter.
        assert foreign.share >= 0.75
        # Of the 40 a second that are left.
        assert len(outcomes) / seconds.passed > 0.8 * 40

    @each_kind
    @in_virtual_time
    async def test_without_a_limit_of_its_own_it_meets_429s_and_loses_nothing(self, kind: Kind) -> None:
        fake = account(FakeRateLimit(kind=kind))
        ids = fake.generate(500)
        async with client_of(fake, rate_limit=None) as client:
            outcomes = await client.calls.get_many(ids, concurrency=100)
        assert_all_fetched(outcomes, ids)
        assert fake.over_limit > 0

    @in_virtual_time
    async def test_two_clients_that_share_a_limiter_keep_within_it_together(self) -> None:
        fake, limiter = account(), SlidingWindowLimiter()
        ids = fake.generate(900)
        async with client_of(fake, rate_limit=limiter) as one, client_of(fake, rate_limit=limiter) as other:
            halves = await asyncio.gather(
                _all(one.calls.get_many(ids[:450])), _all(other.calls.get_many(ids[450:]))
            )
        assert_all_fetched([*halves[0], *halves[1]], ids)
        assert fake.statuses == Counter({200: 900})

    @each_kind
    @in_virtual_time
    async def test_two_clients_that_know_nothing_of_each_other_lose_nothing_and_both_go_on(
        self, kind: Kind
    ) -> None:
        fake, seconds, ended = account(FakeRateLimit(kind=kind)), Seconds(), list[float]()
        ids = fake.generate(1800)

        async def fetch(half: Any) -> None:
            async with client_of(fake) as client:
                assert_all_fetched(await client.calls.get_many(half), half)
            ended.append(seconds.passed)

        await asyncio.gather(fetch(ids[:900]), fetch(ids[900:]))
        assert fake.statuses[200] == 1800
        # Of 25 seconds that one client would take.
        assert max(ended) < 40
        assert min(ended) > 12.5

    @in_virtual_time
    async def test_views_of_a_client_keep_within_it_together(self) -> None:
        fake = account()
        ids = fake.generate(600)
        async with client_of(fake) as client:
            await asyncio.gather(
                _all(client.calls.get_many(ids[:300])),
                _all(client.with_options(deadline=100.0).calls.get_many(ids[300:])),
            )
        assert fake.statuses == Counter({200: 600})

    @in_virtual_time
    async def test_a_limiter_of_the_users_own_is_asked_for_each_attempt(self) -> None:
        class OneAtATime:
            def __init__(self) -> None:
                self.lock = asyncio.Lock()
                self.seen: list[str] = []

            async def acquire(self, request: httpx.Request) -> str:
                await self.lock.acquire()
                return request.url.path

            def release(self, permit: str) -> None:
                self.lock.release()
                self.seen.append(f"answered {permit[-6:-1]}")

            def throttled(self, permit: str, retry_after: float | None) -> None:
                self.lock.release()
                self.seen.append(f"limited {permit[-6:-1]}")

        fake, limiter = account(), OneAtATime()
        ids = fake.generate(3)
        fake.script([200, 429, 500])
        async with client_of(fake, rate_limit=limiter) as client:
            assert_all_fetched(await client.calls.get_many(ids), ids)
        a, b, c = (call_uuid[-5:] for call_uuid in ids)
        assert limiter.seen == [
            *(f"answered {a}", f"limited {b}", f"answered {c}", f"answered {b}", f"answered {c}"),
        ]


async def _all(batch: Any) -> list[Outcome]:
    outcomes: list[Outcome] = await batch
    return outcomes


class TestSingleCalls:
    @pytest.mark.parametrize("concurrency", [32, 500])
    @in_virtual_time
    async def test_have_their_turn_while_a_batch_runs(self, concurrency: int) -> None:
        fake = account()
        ids, waits = fake.generate(1200), list[float]()

        async def service(client: AsyncClient) -> None:
            for number in range(15):
                await asyncio.sleep(0.9)
                seconds = Seconds()
                await client.calls.get(ids[number])
                waits.append(seconds.passed)

        async with client_of(fake) as client, client.calls.get_many(ids, concurrency=concurrency) as batch:
            serving = asyncio.create_task(service(client))
            async for _ in batch:
                pass
            await serving
        assert fake.statuses == Counter({200: 1215})
        # Until the window is over, and not until all who came before are served.
        assert max(waits) < 5.5

    @in_virtual_time
    async def test_are_served_in_turn_with_each_of_several_batches(self) -> None:
        fake, order = account(FakeRateLimit(requests=10, per=1.0)), list[str]()
        ids = fake.generate(400)

        async def note(request: httpx.Request, call_next: CallNext) -> httpx.Response:
            response = await call_next(request)
            order.append(request.url.path.split("/")[-2])
            return response

        client = client_of(fake, rate_limit=RateLimit(10, 1.0), middleware=[note], deadline=None)
        async with client, asyncio.TaskGroup() as group:
            first = group.create_task(_all(client.calls.get_many(ids[:100], concurrency=100)))
            second = group.create_task(_all(client.calls.get_many(ids[100:200], concurrency=100)))
            await asyncio.sleep(3.5)
            before = len(order)
            singles = [group.create_task(client.calls.get(call_uuid)) for call_uuid in ids[200:210]]
            await asyncio.gather(*singles)
            meanwhile = order[before:]
        assert len(first.result()) == len(second.result()) == 100
        batches = [set(ids[:100]), set(ids[100:200])]
        # Ten single calls, for each of them one of each batch, and the rest of the window.
        assert max(sum(call_uuid in batch for call_uuid in meanwhile) for batch in batches) <= 16


class TestEveryInput:
    @in_virtual_time
    async def test_has_one_outcome_whatever_it_is(self) -> None:
        fake = account()
        good = fake.generate(3)
        ids: list[Any] = [
            good[0],
            uuid.UUID(good[1]),
            None,
            good[0],
            "",
            "../etc/passwd",
            good[2].upper(),
            "no-such-call",
            5,
            b"bytes",
            f"{good[2]}\n",
            ["nested"],
        ]
        async with client_of(fake) as client:
            outcomes = await client.calls.get_many(ids)
        assert [outcome.call_uuid for outcome in outcomes] == ids
        kinds = [type(outcome.error) if isinstance(outcome, Failed) else Fetched for outcome in outcomes]
        bad = InvalidCallUUIDError
        assert kinds[:6] == [Fetched, Fetched, bad, Fetched, bad, bad]
        assert kinds[7:] == [NotFoundError, bad, bad, bad, bad]
        # What is no call UUID was never asked for.
        assert len(fake.requests) == 5

    @in_virtual_time
    async def test_fails_alone_if_it_cannot_even_be_shown(self) -> None:
        class Detached:
            def __repr__(self) -> str:
                raise RuntimeError("the session is closed")

        nested: list[Any] = []
        for _ in range(5000):
            nested = [nested]
        fake = account()
        ids: list[Any] = [Detached(), nested, fake.call_uuids[0]]
        async with client_of(fake) as client:
            outcomes = await client.calls.get_many(ids)
        assert [type(outcome) for outcome in outcomes] == [Failed, Failed, Fetched]
        assert {type(error) for error in errors_of(outcomes[:2])} == {InvalidCallUUIDError}

    @in_virtual_time
    async def test_comes_from_an_async_source_as_well(self) -> None:
        fake = account()
        ids = fake.generate(100)

        async def rows() -> AsyncIterator[str]:
            for call_uuid in ids:
                await asyncio.sleep(0.01)
                yield call_uuid

        async with client_of(fake) as client:
            assert_all_fetched(await client.calls.get_many(rows()), ids)

    @in_virtual_time
    async def test_is_retried_as_any_call(self) -> None:
        fake = account()
        ids = fake.generate(20)
        fake.script([500, 503, 502, 429, 500])
        async with client_of(fake) as client:
            assert_all_fetched(await client.calls.get_many(ids), ids)
        assert fake.statuses.total() == 25

    @in_virtual_time
    async def test_that_fails_for_good_is_failed_with_what_get_raises(self) -> None:
        fake = account()
        ids = fake.generate(10)
        fake.script(repeat(500), call_uuid=ids[4])
        async with client_of(fake) as client:
            outcomes = await client.calls.get_many(ids)
        failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
        assert [outcome.call_uuid for outcome in failed] == [ids[4]]
        assert type(failed[0].error) is ServerError
        assert failed[0].error.attempts == 6

    @in_virtual_time
    async def test_that_fails_while_others_succeed_has_its_attempts_twice(self) -> None:
        fake = account()
        ids = fake.generate(10)
        fake.script([500] * 5, call_uuid=ids[4])
        async with client_of(fake) as client:
            assert_all_fetched(await client.calls.get_many(ids), ids)
        assert fake.statuses == Counter({200: 10, 500: 5})


class TestOptions:
    @in_virtual_time
    async def test_are_those_of_each_call(self) -> None:
        fake = account(latency=0.1)
        ids = fake.generate(64)
        fake.script(repeat(StubResponse(200, delay=5.0)), call_uuid=ids[0])
        fake.script(repeat(500), call_uuid=ids[40])
        async with client_of(fake) as client:
            outcomes = await client.calls.get_many(ids, deadline=1.0, retry=RetryPolicy(max_attempts=1))
        slow, failing = errors_of([outcomes.pop(0), outcomes.pop(39)])
        assert isinstance(slow, DeadlineExceededError)
        assert (type(failing), failing.attempts) == (ServerError, 2)
        assert_all_fetched(outcomes, [*ids[1:40], *ids[41:]])

    @in_virtual_time
    async def test_leave_the_client_as_it_is(self) -> None:
        fake = account(latency=2.0)
        async with client_of(fake) as client:
            with pytest.raises(PatienceExceededError):
                await client.calls.get_many(fake.generate(3), deadline=1.0, patience=5.0)
            assert (await client.calls.get(fake.call_uuids[0])).call_uuid == fake.call_uuids[0]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"concurrency": 0},
            {"concurrency": -1},
            {"concurrency": True},
            {"concurrency": "x"},
            {"deadline": -1.0},
            {"timeout": 0},
            {"retry": "3"},
            {"max_body": 0},
            {"patience": 0},
            {"patience": True},
            {"patience": float("nan")},
        ],
        ids=repr,
    )
    def test_that_cannot_be_used_are_refused_at_once(self, wrong: Any) -> None:
        client = FakePlivo().client()
        with pytest.raises(ConfigurationError):
            client.calls.get_many([], **wrong)

    @pytest.mark.parametrize("wrong", ["a-call-uuid", b"a-call-uuid", None, 5, uuid.UUID(int=1)], ids=repr)
    def test_one_call_is_refused_at_once(self, wrong: Any) -> None:
        with pytest.raises(ConfigurationError, match="call_uuids must be an iterable"):
            FakePlivo().client().calls.get_many(wrong)

    @in_virtual_time
    async def test_let_32_be_under_way_by_default(self) -> None:
        fake, under_way, most = account(), 0, 0

        async def count(request: httpx.Request, call_next: CallNext) -> httpx.Response:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            try:
                return await call_next(request)
            finally:
                under_way -= 1

        async with client_of(fake, middleware=[count]) as client:
            await client.calls.get_many(fake.generate(200))
        assert most == 32


class TestProgress:
    @in_virtual_time
    async def test_can_be_read_at_any_stage(self) -> None:
        fake = account(latency=2.0)
        async with client_of(fake) as client:
            batch = client.calls.get_many(["no-such-call", *fake.generate(3)], concurrency=2)
            assert (batch.done, batch.failed, batch.elapsed, batch.rate) == (0, 0, 0.0, 0.0)
            await asyncio.sleep(5.0)
            async with batch:
                assert (batch.done, batch.elapsed, batch.rate) == (0, 0.0, 0.0)
                await asyncio.sleep(3.0)
                assert (batch.done, batch.failed) == (2, 1)
                assert batch.elapsed == pytest.approx(3.0)
                assert batch.rate == pytest.approx(2 / 3)
                assert len([outcome async for outcome in batch]) == 4
                assert batch.elapsed == pytest.approx(4.0)
                # The work is done, whatever is done then.
                await asyncio.sleep(10.0)
                assert batch.elapsed == pytest.approx(4.0)
                assert batch.rate == pytest.approx(1.0)
            assert (batch.done, batch.failed) == (4, 1)
            assert batch.elapsed == pytest.approx(4.0)

    @in_virtual_time
    async def test_ends_where_the_batch_is_left(self) -> None:
        fake = account(latency=2.0)
        async with client_of(fake) as client:
            async with client.calls.get_many(fake.generate(10), concurrency=1) as batch:
                await anext(batch)
                await asyncio.sleep(0.5)
            await asyncio.sleep(10.0)
        assert batch.done == 1
        assert batch.elapsed == pytest.approx(2.5)

    @in_virtual_time
    async def test_can_be_read_in_another_thread(self) -> None:
        fake = account(latency=2.0)
        async with client_of(fake) as client, client.calls.get_many(fake.generate(10)) as batch:
            await asyncio.sleep(3.0)
            seen: list[float] = []
            thread = threading.Thread(target=lambda: seen.extend([batch.elapsed, batch.rate, batch.done]))
            thread.start()
            thread.join(30)
        assert seen == [pytest.approx(2.0), pytest.approx(5.0), 10]


class TestStopping:
    @in_virtual_time
    async def test_wrong_credentials_stop_it_and_it_says_so(self) -> None:
        fake = account()
        ids = fake.generate(10_000)
        transport = httpx.ASGITransport(app=fake)
        taken: list[Outcome] = []
        async with httpx.AsyncClient(transport=transport) as http_client:
            client = AsyncClient(fake.auth_id, "expired", http_client=http_client)
            with pytest.raises(AuthenticationError, match=r"the batch stopped after \d outcomes: HTTP 401"):
                async with client.calls.get_many(ids, concurrency=4) as batch:
                    async for outcome in batch:
                        taken.append(outcome)
        assert {type(error) for error in errors_of(taken)} == {AuthenticationError}
        assert len({outcome.call_uuid for outcome in taken}) == len(taken) <= 8
        assert fake.statuses[401] <= 8

    @in_virtual_time
    async def test_a_client_closed_before_stops_it_at_the_first(self) -> None:
        fake = account()
        client = client_of(fake)
        await client.aclose()
        with pytest.raises(ClientClosedError, match="the batch stopped"):
            await client.calls.get_many(fake.generate(1000))
        assert not fake.requests

    @in_virtual_time
    async def test_a_client_closed_meanwhile_stops_it(self) -> None:
        fake, seconds = account(), Seconds()
        taken: list[Outcome] = []
        asked = 0
        client = client_of(fake)
        with pytest.raises(ClientClosedError, match="the batch stopped"):
            async with client.calls.get_many(fake.generate(10_000)) as batch:
                async for outcome in batch:
                    taken.append(outcome)
                    if len(taken) == 50:
                        asked = len(fake.requests)
                        await client.aclose()
        assert len(fake.requests) == asked
        assert len({outcome.call_uuid for outcome in taken}) == len(taken) < 200
        assert seconds.passed < 2.0


class TestLeaving:
    @in_virtual_time
    async def test_leaves_a_client_that_can_be_used(self) -> None:
        fake = account()
        ids = fake.generate(1000)
        async with client_of(fake) as client:
            for leave_after in (0, 1, 40, 350):
                async with client.calls.get_many(ids) as batch:
                    async for _ in batch:
                        if batch.done >= leave_after:
                            break
                assert asyncio.all_tasks() == {asyncio.current_task()} | _test_itself()
            assert_all_fetched(await client.calls.get_many(ids[:400]), ids[:400])

    @in_virtual_time
    async def test_by_cancellation_while_it_waits_for_the_limit_loses_no_permit(self) -> None:
        fake = account(FakeRateLimit(requests=20, per=1.0, kind="sliding"))
        ids = fake.generate(1000)
        async with client_of(fake, rate_limit=RateLimit(20, 1.0)) as client:
            for seconds in (0.0, 0.03, 0.06, 0.5, 0.99, 1.0, 1.05, 1.5):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await client.calls.get_many(ids)
            # A server may count what was given up until now.
            await asyncio.sleep(1.0)
            began = Seconds()
            assert_all_fetched(await client.calls.get_many(ids[:100]), ids[:100])
        assert fake.over_limit == 0
        assert began.passed == pytest.approx(4.25, abs=0.3)


def _test_itself() -> set[Any]:
    return {task for task in asyncio.all_tasks() if "run_test" in repr(task.get_coro())}
