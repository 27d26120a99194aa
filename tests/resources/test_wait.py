"""`client.calls.wait`, in virtual time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async import (
    AsyncClient,
    AuthenticationError,
    CallNext,
    CallsResource,
    ClientClosedError,
    ConfigurationError,
    DeadlineExceededError,
    DecodeError,
    InvalidCallUUIDError,
    Middleware,
    NotFoundError,
    PermissionDeniedError,
    RateLimit,
    RateLimitError,
    RateLimitTimeoutError,
    ServerError,
)
from plivo_async.resources.wait import poll_gap
from plivo_async.testing import Drop, FakePlivo, FakeRateLimit, StubResponse
from tests.limited_account import account, client_of
from tests.virtual_time import in_virtual_time, virtual_loop


class Naps:
    """What `wait` sleeps with: it knows each gap."""

    def __init__(self) -> None:
        self.gaps: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.gaps.append(seconds)
        await asyncio.sleep(seconds)


def calls_of(fake: FakePlivo, **options: Any) -> tuple[AsyncClient, CallsResource, Naps]:
    client, naps = client_of(fake, **options), Naps()
    return client, CallsResource(client._core.requester, client.converter, client._options, sleep=naps), naps


class TestWait:
    @in_virtual_time
    async def test_gives_a_record_that_is_there_at_once(self) -> None:
        fake = account()
        _, calls, naps = calls_of(fake)
        record = await calls.wait(fake.call_uuids[0])
        assert record.call_uuid == fake.call_uuids[0]
        assert (naps.gaps, len(fake.requests)) == ([], 1)

    @pytest.mark.parametrize("misses", [1, 2, 10])
    @in_virtual_time
    async def test_asks_until_it_is_there(self, misses: int) -> None:
        fake = account()
        fake.publish_later(fake.call_uuids[0], after_requests=misses)
        _, calls, naps = calls_of(fake)
        record = await calls.wait(fake.call_uuids[0])
        assert record.call_uuid == fake.call_uuids[0]
        assert (len(naps.gaps), fake.statuses[404], fake.statuses[200]) == (misses, misses, 1)

    @in_virtual_time
    async def test_finds_a_record_soon_after_it_is_written(self) -> None:
        fake = account()
        fake.publish_later(fake.call_uuids[0], after_seconds=60.0)
        _, calls, _ = calls_of(fake)
        began = virtual_loop().time()
        await calls.wait(fake.call_uuids[0])
        assert 60.0 <= virtual_loop().time() - began <= 75.1
        assert len(fake.requests) < 15

    @in_virtual_time
    async def test_asks_after_gaps_that_grow(self) -> None:
        fake = account()
        fake.publish_later(fake.call_uuids[0], after_requests=12)
        _, calls, naps = calls_of(fake)
        await calls.wait(fake.call_uuids[0])
        full = [min(15.0, 1.5**number) for number in range(12)]
        assert all(0.75 * gap <= nap <= gap for gap, nap in zip(full, naps.gaps, strict=True))

    @in_virtual_time
    async def test_is_had_from_a_client(self) -> None:
        fake = account()
        fake.publish_later(fake.call_uuids[0], after_requests=3)
        async with client_of(fake) as client:
            assert (await client.calls.wait(fake.call_uuids[0], deadline=60.0)).call_uuid == fake.call_uuids[
                0
            ]

    @in_virtual_time
    async def test_ends_when_the_client_is_closed_between_two_questions(self) -> None:
        fake = account()
        client = client_of(fake)
        waiting = asyncio.create_task(client.calls.wait("no-such-call"))
        await asyncio.sleep(60.0)
        began, asked = virtual_loop().time(), len(fake.requests)

        await client.aclose()
        with pytest.raises(ClientClosedError):
            await waiting

        assert virtual_loop().time() - began < 1.0
        assert len(fake.requests) == asked


class TestAtTheEndOfItsTime:
    @pytest.mark.parametrize("seconds_allowed", [1.5, 30.0, 300.0])
    @in_virtual_time
    async def test_it_says_for_how_long_and_how_often_it_looked(self, seconds_allowed: float) -> None:
        fake = account()
        _, calls, naps = calls_of(fake)
        began = virtual_loop().time()
        with pytest.raises(NotFoundError) as caught:
            await calls.wait("no-such-call", deadline=seconds_allowed)
        seconds = virtual_loop().time() - began
        # The last question is asked a tenth of the time before its end, or a second; or, where the one before
        # it came less than a tenth of a second earlier, that was the last.
        latest = seconds_allowed - min(1.0, 0.1 * seconds_allowed) + 0.05
        assert latest - 0.15 <= seconds <= latest + 1e-6
        asked = len(naps.gaps) + 1
        assert fake.statuses == {404: asked}
        error = caught.value
        assert str(error).startswith(f"no record after {seconds:.1f} s, asked for {asked} times: HTTP 404")
        assert (error.status, error.attempts, error.api_id) == (404, asked, fake_api_id(asked))

    @in_virtual_time
    async def test_it_is_five_minutes_by_default(self) -> None:
        began = virtual_loop().time()
        with pytest.raises(NotFoundError):
            await calls_of(account())[1].wait("no-such-call")
        assert 298.9 <= virtual_loop().time() - began <= 299.05 + 1e-6

    @in_virtual_time
    async def test_it_asks_a_last_time_shortly_before(self) -> None:
        fake = account()
        # The last request is due at 29 s, and it follows no response within the 0.1 s before.
        fake.publish_later(fake.call_uuids[0], after_seconds=28.8)
        _, calls, _ = calls_of(fake)
        assert (await calls.wait(fake.call_uuids[0], deadline=30.0)).call_uuid == fake.call_uuids[0]

    @in_virtual_time
    async def test_an_answer_under_way_is_not_waited_for(self) -> None:
        fake = account()
        fake.script([StubResponse(404), StubResponse(404, delay=100.0)])
        _, calls, _ = calls_of(fake)
        began = virtual_loop().time()
        with pytest.raises(NotFoundError, match=r"no record after 5\.0 s, asked for 1 times") as caught:
            await calls.wait(fake.call_uuids[0], deadline=5.0)
        assert virtual_loop().time() - began == pytest.approx(5.0)
        assert type(caught.value.__cause__) is DeadlineExceededError
        assert caught.value.attempts == 2

    @in_virtual_time
    async def test_without_any_answer_it_is_the_deadline_that_was_exceeded(self) -> None:
        fake = account(latency=100.0)
        _, calls, _ = calls_of(fake)
        with pytest.raises(DeadlineExceededError) as caught:
            await calls.wait(fake.call_uuids[0], deadline=5.0)
        assert not isinstance(caught.value, NotFoundError)

    @in_virtual_time
    async def test_a_time_too_short_for_a_gap_is_one_question(self) -> None:
        fake = account()
        with pytest.raises(NotFoundError, match="asked for 1 times"):
            await calls_of(fake)[1].wait("no-such-call", deadline=0.1)
        assert len(fake.requests) == 1


def fake_api_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


def outage(seconds: float, fault: Any) -> Iterator[Any]:
    """Faults for so many seconds of the loop that runs, then none."""
    ends = virtual_loop().time() + seconds
    while virtual_loop().time() < ends:
        yield fault


class TestAFailureThatMayPass:
    @pytest.mark.parametrize(
        "fault",
        [503, 500, 429, Drop(), StubResponse(429, headers={"Retry-After": "90"})],
        ids=lambda fault: getattr(fault, "name", str(getattr(fault, "status", fault))),
    )
    @in_virtual_time
    async def test_does_not_end_the_wait(self, fault: Any) -> None:
        fake = account()
        fake.publish_later(fake.call_uuids[0], after_requests=2)
        fake.script(outage(60.0, fault))
        _, calls, _ = calls_of(fake)
        assert (await calls.wait(fake.call_uuids[0])).call_uuid == fake.call_uuids[0]

    @in_virtual_time
    async def test_is_asked_again_after_the_retry_after_of_the_response(self) -> None:
        fake = account()
        fake.script([StubResponse(429, headers={"Retry-After": "90"})])
        _, calls, naps = calls_of(fake)
        await calls.wait(fake.call_uuids[0])
        assert len(naps.gaps) == 1
        assert 90.0 <= naps.gaps[0] <= 90.25

    @in_virtual_time
    async def test_ends_it_at_once_where_the_retry_after_does_not_fit(self) -> None:
        fake = account()
        fake.script([StubResponse(429, headers={"Retry-After": "90"})])
        began = virtual_loop().time()
        with pytest.raises(
            RateLimitTimeoutError, match=r"no record after 0\.0 s, asked for 1 times"
        ) as caught:
            await calls_of(fake)[1].wait(fake.call_uuids[0], deadline=60.0)
        assert virtual_loop().time() - began < 0.1
        assert (caught.value.retry_after, caught.value.attempts) == (90.0, 1)
        assert type(caught.value.__cause__) is RateLimitError

    @in_virtual_time
    async def test_is_the_cause_at_the_end_of_the_time(self) -> None:
        fake = account()
        fake.script(itertools.chain([404], itertools.repeat(503)))
        began = virtual_loop().time()
        with pytest.raises(
            DeadlineExceededError, match=r"no record after .* s, asked for \d+ times: HTTP 503"
        ) as caught:
            await calls_of(fake)[1].wait(fake.call_uuids[0], deadline=60.0)
        error = caught.value
        assert 50.0 <= virtual_loop().time() - began <= 60.0
        assert type(error.__cause__) is ServerError
        assert (error.status, error.attempts, error.retryable) == (503, len(fake.requests), True)

    @in_virtual_time
    async def test_before_a_404_is_forgotten_at_the_end(self) -> None:
        fake = account()
        fake.script([503, 503, 503])
        with pytest.raises(NotFoundError) as caught:
            await calls_of(fake)[1].wait("no-such-call", deadline=60.0)
        assert caught.value.attempts == len(fake.requests)

    @in_virtual_time
    async def test_leaves_no_frame_that_holds_a_request(self) -> None:
        fake = account()
        fake.script(itertools.repeat(503))
        with pytest.raises(DeadlineExceededError) as caught:
            await calls_of(fake)[1].wait(fake.call_uuids[0], deadline=30.0)
        assert caught.value.__cause__ is not None
        assert caught.value.__cause__.__traceback__ is None

    @in_virtual_time
    async def test_is_retried_first(self) -> None:
        fake = account()
        fake.script([404, 500, 404, 503, 429])
        _, calls, naps = calls_of(fake)
        assert (await calls.wait(fake.call_uuids[0])).call_uuid == fake.call_uuids[0]
        assert len(naps.gaps) == 2


class TestAFailureThatCannotPass:
    @in_virtual_time
    async def test_of_a_body_that_is_no_record_is_raised_at_once(self) -> None:
        fake = account()
        fake.script([404, StubResponse(200, b"[]")])
        with pytest.raises(DecodeError):
            await calls_of(fake)[1].wait(fake.call_uuids[0])
        assert len(fake.requests) == 2

    @in_virtual_time
    async def test_of_permission_is_raised_at_once(self) -> None:
        fake = account()
        fake.script([404, 403])
        with pytest.raises(PermissionDeniedError):
            await calls_of(fake)[1].wait(fake.call_uuids[0])

    @in_virtual_time
    async def test_of_credentials_is_raised_at_once(self) -> None:
        fake = account()
        fake.script([404, 401])
        with pytest.raises(AuthenticationError):
            await calls_of(fake)[1].wait(fake.call_uuids[0])

    @in_virtual_time
    async def test_of_a_client_closed_meanwhile_is_raised_at_the_next_request(self) -> None:
        client, calls, _ = calls_of(account())
        virtual_loop().call_later(3.0, lambda: closing.append(asyncio.create_task(client.aclose())))
        closing: list[asyncio.Task[None]] = []
        with pytest.raises(ClientClosedError):
            await calls.wait("no-such-call")
        assert virtual_loop().time() < 1000.0 + 10.0
        await closing[0]


class TestArguments:
    @pytest.mark.parametrize("wrong", ["", "..", "a/b", None, 5, "a b"])
    @in_virtual_time
    async def test_that_are_no_call_are_refused_before_any_traffic(self, wrong: Any) -> None:
        fake = account()
        with pytest.raises(InvalidCallUUIDError):
            await calls_of(fake)[1].wait(wrong)
        assert not fake.requests

    @pytest.mark.parametrize("wrong", [0, -1.0, float("nan"), float("inf"), True, "60", None])
    @in_virtual_time
    async def test_that_are_no_time_are_refused_before_any_traffic(self, wrong: Any) -> None:
        fake = account()
        with pytest.raises(ConfigurationError, match="deadline must be"):
            await calls_of(fake)[1].wait(fake.call_uuids[0], deadline=wrong)
        assert not fake.requests


class TestCancellation:
    @pytest.mark.parametrize("seconds", [0.0, 0.02, 0.5, 3.0, 20.0])
    @in_virtual_time
    async def test_passes_at_once_and_nothing_more_is_sent(self, seconds: float) -> None:
        fake = account()
        async with client_of(fake) as client:
            waiting = asyncio.create_task(client.calls.wait("no-such-call"))
            await asyncio.sleep(seconds)
            asked = len(fake.requests)
            began = virtual_loop().time()
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert virtual_loop().time() == began
            await asyncio.sleep(100.0)
        assert len(fake.requests) == asked

    @in_virtual_time
    async def test_by_a_timeout_is_what_its_users_expect(self) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10.0):
                await calls_of(account())[1].wait("no-such-call")
        assert virtual_loop().time() == pytest.approx(1010.0)


class TestTheRateLimit:
    @in_virtual_time
    async def test_holds_for_many_who_wait(self) -> None:
        fake = account(FakeRateLimit(requests=20, per=1.0, kind="sliding"))
        ids = fake.generate(200)
        for number, call_uuid in enumerate(ids):
            fake.publish_later(call_uuid, after_seconds=number / 10)
        async with client_of(fake, rate_limit=RateLimit(20, 1.0)) as client, asyncio.TaskGroup() as group:
            for call_uuid in ids:
                group.create_task(client.calls.wait(call_uuid, deadline=600.0))
        assert fake.over_limit == 0
        assert fake.statuses[200] == 200

    @in_virtual_time
    async def test_that_lets_nothing_pass_in_time_is_the_cause(self) -> None:
        fake = account()
        fake.script([StubResponse(404), StubResponse(429, headers={"Retry-After": "50"})])
        with pytest.raises(RateLimitTimeoutError, match="asked for 2 times") as caught:
            await calls_of(fake)[1].wait(fake.call_uuids[0], deadline=20.0)
        assert type(caught.value.__cause__) is RateLimitError
        assert caught.value.attempts == 2


class TestPollGap:
    @given(
        polls=st.integers(1, 10_000),
        left=st.floats(0.0, 1e6),
        random=st.floats(0.0, 1.0, exclude_max=True),
    )
    def test_does_not_lead_beyond_the_last_question(self, polls: int, left: float, random: float) -> None:
        gap = poll_gap(polls, left, random)
        assert (gap is None) == (left < 0.1)
        assert gap is None or 0.1 <= gap <= min(15.0, left)

    def test_grows_by_half_up_to_15_seconds(self) -> None:
        gaps = [poll_gap(polls, 1e9, 0.0) for polls in range(1, 10)]
        assert gaps == pytest.approx([1, 1.5, 2.25, 3.375, 5.0625, 7.59375, 11.390625, 15, 15])

    def test_is_up_to_a_quarter_shorter_by_chance(self) -> None:
        assert poll_gap(1, 1e9, 1.0) == 0.75

    @given(
        polls=st.integers(1, 10_000),
        left=st.floats(0.0, 1e6),
        random=st.floats(0.0, 1.0, exclude_max=True),
        retry_after=st.floats(0.0, 1e6),
    )
    def test_honours_a_retry_after_that_fits(
        self, polls: int, left: float, random: float, retry_after: float
    ) -> None:
        gap = poll_gap(polls, left, random, retry_after)
        assert (gap is None) == (left < 0.1 or retry_after > left)
        assert gap is None or retry_after <= gap <= left

    def test_has_its_jitter_on_top_of_a_retry_after(self) -> None:
        assert [poll_gap(1, 1e9, random, 60.0) for random in (0.0, 1.0)] == [60.0, 60.25]

    def test_is_not_shortened_by_a_retry_after(self) -> None:
        assert poll_gap(4, 1e9, 0.0, 1.0) == 3.375


class TestOptions:
    @in_virtual_time
    async def test_are_those_of_the_client(self) -> None:
        seen, note = noted_timeouts()
        fake = account()
        async with client_of(fake, middleware=[note]) as client:
            await client.with_options(timeout=3.0, deadline=1.0).calls.wait(fake.call_uuids[0])
        assert seen == [3.0]

    @in_virtual_time
    async def test_of_the_wait_go_first(self) -> None:
        seen, note = noted_timeouts()
        fake = account()
        fake.script([404, 503])
        async with client_of(fake, middleware=[note], timeout=3.0) as client:
            with pytest.raises(DeadlineExceededError):
                await client.calls.wait(fake.call_uuids[0], deadline=1.0, timeout=2.0, retry=None)
        assert seen == [2.0, 2.0]

    @in_virtual_time
    async def test_that_are_wrong_are_refused_before_any_traffic(self) -> None:
        fake = account()
        with pytest.raises(ConfigurationError, match="timeout must be"):
            await calls_of(fake)[1].wait(fake.call_uuids[0], timeout=0)
        assert not fake.requests


def noted_timeouts() -> tuple[list[float], Middleware]:
    """The read timeout of each call, and the middleware that notes it."""
    seen: list[float] = []

    async def note(request: httpx.Request, call_next: CallNext) -> httpx.Response:
        seen.append(request.extensions["timeout"]["read"])
        return await call_next(request)

    return seen, note


class TestTheClientOfAFake:
    @in_virtual_time
    async def test_waits_for_nothing(self) -> None:
        fake = FakePlivo()
        fake.publish_later(fake.call_uuids[0], after_requests=20)
        began = virtual_loop().time()
        record = await fake.client().calls.wait(fake.call_uuids[0])
        assert record.call_uuid == fake.call_uuids[0]
        assert virtual_loop().time() == began

    @in_virtual_time
    async def test_gives_up_after_as_many_requests_as_a_real_one(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("random.random", lambda: 0.5)
        fake = FakePlivo()
        began = virtual_loop().time()
        with pytest.raises(NotFoundError, match=r"no record after 299\.0 s, asked for 29 times"):
            await fake.client().calls.wait("no-such-call")
        assert virtual_loop().time() == began

    @in_virtual_time
    async def test_waits_between_attempts_where_a_sleep_is_given(self) -> None:
        fake = FakePlivo()
        fake.script([404])
        began = virtual_loop().time()
        await fake.client(sleep=asyncio.sleep).calls.wait(fake.call_uuids[0])
        assert 0.75 <= virtual_loop().time() - began <= 1.0
