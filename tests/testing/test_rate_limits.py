"""The rate limit of the fake: the counters alone, and the responses."""

from __future__ import annotations

import itertools
import math
import time
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plivo_async import ConfigurationError, RateLimitError
from plivo_async.testing import FakePlivo, FakeRateLimit
from plivo_async.testing.rate_limits import request_counter
from tests.testing.asking import ask

_KINDS = ["fixed", "sliding", "bucket"]


class Clock:
    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def admitted(limit: FakeRateLimit, *times: float) -> list[bool]:
    window = request_counter(limit)
    return [window.admit(now) is None for now in times]


def limit_of(requests: int, per: float, kind: Any) -> FakeRateLimit:
    return FakeRateLimit(requests=requests, per=per, kind=kind)


@pytest.mark.parametrize("kind", _KINDS)
def test_a_burst_up_to_the_limit_is_admitted_and_no_more(kind: str) -> None:
    limit = limit_of(3, 5.0, kind)

    assert admitted(limit, 10.0, 10.0, 10.0, 10.0, 10.0) == [True, True, True, False, False]


def test_a_fixed_window_begins_at_multiples_of_its_length() -> None:
    limit = limit_of(1, 5.0, "fixed")

    assert admitted(limit, 14.9, 14.95, 15.0, 19.9, 20.0) == [True, False, True, False, True]


def test_a_fixed_window_admits_twice_the_limit_around_its_border() -> None:
    assert all(admitted(limit_of(2, 5.0, "fixed"), 14.9, 14.9, 15.0, 15.0))


def test_a_sliding_window_counts_the_seconds_before_each_request() -> None:
    limit = limit_of(2, 5.0, "sliding")

    assert admitted(limit, 14.9, 15.0, 19.8, 19.9, 19.95, 20.0) == [True, True, False, True, False, True]


def test_a_bucket_refills_steadily() -> None:
    limit = limit_of(2, 5.0, "bucket")

    assert admitted(limit, 10.0, 10.0, 12.4, 12.5, 12.5, 15.0) == [True, True, False, True, False, True]


def test_a_bucket_holds_no_more_than_the_limit() -> None:
    assert admitted(limit_of(1, 5.0, "bucket"), 0.0, 1000.0, 1000.0) == [True, True, False]


@pytest.mark.parametrize(("kind", "wait"), [("fixed", 4.0), ("sliding", 5.0), ("bucket", 2.5)])
def test_a_refusal_has_the_seconds_to_wait(kind: str, wait: float) -> None:
    window = request_counter(limit_of(2, 5.0, kind))
    window.admit(11.0)
    window.admit(11.0)

    assert window.admit(11.0) == pytest.approx(wait)


@pytest.mark.parametrize("kind", _KINDS)
@given(
    requests=st.integers(1, 5),
    per=st.floats(0.1, 10.0),
    gaps=st.lists(st.floats(0.0, 5.0), max_size=30),
)
@example(requests=1, per=6.226309385021129, gaps=[3.0, 0.0, 0.0, 0.0, 0.0])
def test_a_request_after_the_announced_wait_is_admitted(
    kind: str, requests: int, per: float, gaps: list[float]
) -> None:
    window = request_counter(limit_of(requests, per, kind))
    now = 1000.0
    for gap in gaps:
        now += gap
        wait = window.admit(now)
        if wait is not None:
            # The rounding error of the sum at this size of the clock.
            now += wait + math.ulp(now)
            assert window.admit(now) is None


@given(
    requests=st.integers(1, 5),
    per=st.floats(0.5, 10.0),
    gaps=st.lists(st.floats(0.0, 3.0), min_size=1, max_size=60),
)
def test_no_sliding_window_ever_holds_more_than_the_limit(
    requests: int, per: float, gaps: list[float]
) -> None:
    window = request_counter(limit_of(requests, per, "sliding"))
    passed = [now for now in itertools.accumulate(gaps) if window.admit(now) is None]

    assert all(after - before >= per - 1e-6 for before, after in zip(passed, passed[requests:], strict=False))


@pytest.mark.parametrize(
    "options",
    [{"requests": 0}, {"requests": True}, {"requests": 1.5}, {"per": 0.0}, {"per": -1.0}, {"per": math.nan}],
)
def test_an_invalid_limit_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        FakeRateLimit(**options)


@pytest.mark.parametrize("options", [{"kind": "leaky"}, {"retry_after": "soon"}])
def test_a_kind_that_does_not_exist_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be in"):
        FakeRateLimit(**options)


async def test_300_requests_in_5_seconds_are_admitted_by_default() -> None:
    clock = Clock()
    fake = FakePlivo(clock=clock)
    statuses = [(await ask(fake)).status_code for _ in range(302)]
    clock.now += 5.0

    assert statuses == [200] * 300 + [429] * 2
    assert (await ask(fake)).status_code == 200
    assert fake.over_limit == 2
    assert fake.statuses == {200: 301, 429: 2}


async def test_the_client_raises_a_rate_limit_error() -> None:
    fake = FakePlivo(rate_limit=FakeRateLimit(requests=1), clock=Clock())
    client = fake.client()
    await client.calls.get(fake.call_uuids[0])

    with pytest.raises(RateLimitError, match="too many requests"):
        await client.calls.get(fake.call_uuids[0])


async def test_every_client_of_the_account_counts_and_every_path() -> None:
    fake = FakePlivo(rate_limit=FakeRateLimit(requests=3), clock=Clock())
    await ask(fake, "/")
    await ask(fake, method="POST")
    await fake.client().calls.get(fake.call_uuids[0])

    assert (await ask(fake)).status_code == 429


async def test_requests_with_wrong_credentials_do_not_count() -> None:
    fake = FakePlivo(rate_limit=FakeRateLimit(requests=1), clock=Clock())
    for _ in range(3):
        await ask(fake, headers={})

    assert (await ask(fake)).status_code == 200


async def test_a_429_of_the_limit_uses_no_fault_of_a_script() -> None:
    clock = Clock()
    fake = FakePlivo(rate_limit=FakeRateLimit(requests=1), clock=clock)
    await ask(fake)
    fake.script([500])
    statuses = [(await ask(fake)).status_code]
    clock.now += 5.0
    statuses.append((await ask(fake)).status_code)

    assert statuses == [429, 500]


async def test_the_limit_can_be_turned_off_and_on() -> None:
    fake = FakePlivo(rate_limit=None, clock=Clock())
    assert {(await ask(fake)).status_code for _ in range(302)} == {200}

    fake.rate_limit = FakeRateLimit(requests=1)
    assert [(await ask(fake)).status_code for _ in range(2)] == [200, 429]

    fake.rate_limit = None
    assert (await ask(fake)).status_code == 200
    assert fake.rate_limit is None


async def test_by_default_a_429_has_no_retry_after() -> None:
    fake = FakePlivo(rate_limit=FakeRateLimit(requests=1), clock=Clock())
    await ask(fake)

    assert "retry-after" not in (await ask(fake)).headers


@pytest.mark.parametrize(("now", "seconds"), [(1000.0, "5"), (1003.5, "2"), (1004.9, "1")])
async def test_retry_after_can_be_seconds_rounded_up(now: float, seconds: str) -> None:
    fake = FakePlivo(rate_limit=FakeRateLimit(requests=1, retry_after="seconds"), clock=Clock(now))
    await ask(fake)

    assert (await ask(fake)).headers["retry-after"] == seconds


async def test_retry_after_can_be_a_date(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakePlivo(rate_limit=FakeRateLimit(requests=1, retry_after="date"), clock=Clock(1001.0))
    await ask(fake)
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.25)
    headers = (await ask(fake)).headers

    assert parsedate_to_datetime(headers["date"]).timestamp() == 1_700_000_000
    assert parsedate_to_datetime(headers["retry-after"]).timestamp() == 1_700_000_005


async def test_the_client_understands_both_forms_of_retry_after() -> None:
    for form in ("seconds", "date"):
        limit = FakeRateLimit(requests=1, retry_after=form)
        fake = FakePlivo(rate_limit=limit, clock=Clock())
        client = fake.client(retry=None)
        await client.calls.get(fake.call_uuids[0])
        with pytest.raises(RateLimitError) as caught:
            await client.calls.get(fake.call_uuids[0])

        assert caught.value.retry_after in (5.0, 6.0)
