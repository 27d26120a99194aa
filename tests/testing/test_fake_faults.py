"""Faults that the fake injects into its responses, in process."""

from __future__ import annotations

import itertools
from typing import Any

import httpx
import pytest

from plivo_async import (
    ConfigurationError,
    DecodeError,
    NetworkError,
    NotFoundError,
    RateLimitError,
    RetryPolicy,
    ServerError,
)
from plivo_async.testing import Drop, FakePlivo, InstantRetryPolicy, RandomFaults, StubResponse
from tests.testing.asking import ask


class Sleep:
    """Waits for nothing and keeps what it was asked to wait."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


async def get(fake: FakePlivo, call_uuid: str | None = None, **options: Any) -> Any:
    return await fake.client(**options).calls.get(call_uuid or fake.call_uuids[0])


async def statuses(fake: FakePlivo, count: int) -> list[int | None]:
    """The statuses of so many requests, one after the other, none of them repeated."""
    client = fake.client(retry=None)
    for _ in range(count):
        try:
            await client.calls.get(fake.call_uuids[0])
        except (ServerError, RateLimitError, NetworkError, NotFoundError, DecodeError):
            continue
    return [request.status for request in fake.requests[-count:]]


async def test_after_a_script_the_record_is_served() -> None:
    fake = FakePlivo()
    fake.script([500, StubResponse(503)])

    assert await statuses(fake, 4) == [500, 503, 200, 200]


async def test_the_client_retries_a_short_script_without_waiting() -> None:
    fake = FakePlivo()
    fake.script([500, 500])

    assert (await get(fake)).call_uuid == fake.call_uuids[0]
    assert fake.statuses == {500: 2, 200: 1}


async def test_a_script_may_serve_the_record() -> None:
    fake = FakePlivo()
    fake.script([500, 200, 500])

    assert await statuses(fake, 4) == [500, 200, 500, 200]


async def test_a_script_may_be_endless() -> None:
    fake = FakePlivo()
    fake.script(itertools.cycle([503, 200]))

    assert await statuses(fake, 5) == [503, 200, 503, 200, 503]


async def test_an_empty_script_ends_one() -> None:
    fake = FakePlivo()
    fake.script(itertools.repeat(503))
    fake.script([])

    assert await statuses(fake, 1) == [200]


async def test_a_script_for_one_call_does_not_affect_others() -> None:
    fake = FakePlivo()
    fake.add({"call_uuid": "other"})
    fake.script([404], call_uuid="other")

    assert (await get(fake)).call_uuid == fake.call_uuids[0]
    with pytest.raises(NotFoundError):
        await get(fake, "other")
    assert (await get(fake, "other")).call_uuid == "other"


async def test_the_script_of_a_call_takes_precedence() -> None:
    fake = FakePlivo()
    fake.script([500])
    fake.script([503], call_uuid=fake.call_uuids[0])

    assert await statuses(fake, 3) == [503, 500, 200]


async def test_wrong_credentials_use_no_fault_of_a_script() -> None:
    fake = FakePlivo()
    fake.script([500])
    await ask(fake, headers={})

    assert await statuses(fake, 1) == [500]


async def test_an_error_is_worded_by_its_status_unless_a_body_is_given() -> None:
    fake = FakePlivo()
    fake.script([502])

    with pytest.raises(ServerError, match="HTTP 502: bad gateway"):
        await get(fake, retry=None)


async def test_a_status_without_a_name_can_be_sent() -> None:
    fake = FakePlivo()
    fake.script([599])

    with pytest.raises(ServerError, match="HTTP 599: status 599"):
        await get(fake, retry=None)


@pytest.mark.parametrize("status", [204, 304])
async def test_a_status_that_has_no_body_gets_none(status: int) -> None:
    fake = FakePlivo()
    fake.script([status])
    response = await ask(fake)

    assert (response.status_code, response.content, dict(response.headers)) == (status, b"", {})


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (b"\xff\x00", b"\xff\x00"),
        ("<html>é", "<html>é".encode()),
        ({"error": {"error": "nested"}}, b'{"error":{"error":"nested"}}'),
        (b"", b""),
    ],
)
async def test_a_body_can_be_bytes_text_or_a_mapping(body: Any, sent: bytes) -> None:
    fake = FakePlivo()
    fake.script([StubResponse(200, body)])

    assert (await ask(fake)).content == sent


async def test_a_wrong_body_is_an_error_of_the_client() -> None:
    fake = FakePlivo()
    fake.script([StubResponse(200, "<html>")] * 3)

    with pytest.raises(DecodeError, match="<html>"):
        await get(fake)


async def test_headers_are_added_or_replaced() -> None:
    fake = FakePlivo()
    fake.script([StubResponse(503, headers={"Retry-After": "2", "Content-Type": "text/plain"})])
    response = await ask(fake)

    assert response.headers.get_list("content-type") == ["text/plain"]
    assert response.headers["retry-after"] == "2"


async def test_a_wrong_length_can_be_declared() -> None:
    fake = FakePlivo()
    fake.script([StubResponse(200, b"12", headers={"Content-Length": "99"})])

    assert (await ask(fake)).headers.get_list("content-length") == ["99"]


@pytest.mark.parametrize("drop", [Drop(), Drop(after=0), Drop(after=10)])
async def test_a_drop_in_process_is_a_read_error(drop: Drop) -> None:
    fake = FakePlivo()
    fake.script([drop])

    with pytest.raises(httpx.ReadError, match="the fake dropped the connection"):
        await ask(fake)
    assert fake.statuses == {None: 1}


async def test_the_client_retries_after_a_drop() -> None:
    fake = FakePlivo()
    fake.script([Drop()])

    assert (await get(fake)).call_uuid == fake.call_uuids[0]


async def test_latency_delays_every_response() -> None:
    sleep = Sleep()
    fake = FakePlivo(latency=0.25, sleep=sleep)
    fake.script([500])
    await get(fake)

    assert sleep.seconds == [0.25, 0.25]
    assert fake.latency == 0.25


async def test_latency_may_be_a_function() -> None:
    sleep = Sleep()
    fake = FakePlivo(sleep=sleep)
    fake.latency = iter([0.5, 0.0, 1.5]).__next__
    for _ in range(3):
        await get(fake)

    assert sleep.seconds == [0.5, 1.5]


async def test_without_latency_there_is_no_wait() -> None:
    sleep = Sleep()
    await get(FakePlivo(sleep=sleep))

    assert sleep.seconds == []


@pytest.mark.parametrize(
    "slow", [StubResponse(200, delay=3.0), StubResponse(500, delay=3.0), Drop(delay=3.0)]
)
async def test_a_delay_is_added_to_the_latency(slow: StubResponse | Drop) -> None:
    sleep = Sleep()
    fake = FakePlivo(latency=1.0, sleep=sleep)
    fake.script([slow])
    await statuses(fake, 1)

    assert sleep.seconds == [4.0]


async def test_a_request_is_recorded_before_its_response() -> None:
    seen: list[int] = []

    async def sleep(_: float) -> None:
        seen.append(len(fake.requests))

    fake = FakePlivo(latency=1.0, sleep=sleep)
    await get(fake)

    assert seen == [1]


async def test_a_record_can_appear_after_a_number_of_requests() -> None:
    fake = FakePlivo()
    fake.publish_later(fake.call_uuids[0], after_requests=2)

    assert await statuses(fake, 3) == [404, 404, 200]


async def test_a_record_can_appear_at_a_time() -> None:
    now = 100.0
    fake = FakePlivo(clock=lambda: now)
    fake.publish_later(fake.call_uuids[0], after_seconds=30.0)

    assert await statuses(fake, 1) == [404]
    now = 129.9
    assert await statuses(fake, 1) == [404]
    now = 130.0
    assert await statuses(fake, 1) == [200]


@pytest.mark.parametrize(
    "options", [{"after_requests": -1}, {"after_seconds": -1.0}, {"after_requests": True}]
)
def test_an_invalid_publication_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        FakePlivo().publish_later("c", **options)


async def test_random_faults_are_the_same_for_the_same_seed() -> None:
    runs: list[Any] = []
    for _ in range(2):
        fake = FakePlivo(random_faults=RandomFaults(rate=0.5, seed=7))
        runs.append(await statuses(fake, 50))

    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 429, 500, 503}


async def test_random_faults_differ_between_seeds() -> None:
    fake = FakePlivo(random_faults=RandomFaults(rate=0.5, seed=1))
    first = await statuses(fake, 50)
    fake.random_faults = RandomFaults(rate=0.5, seed=2)

    assert await statuses(fake, 50) != first


async def test_setting_random_faults_starts_again_with_their_seed() -> None:
    faults = RandomFaults(rate=0.5, seed=3)
    fake = FakePlivo(random_faults=faults)
    first = await statuses(fake, 20)
    fake.random_faults = faults

    assert await statuses(fake, 20) == first
    assert fake.random_faults is faults


@pytest.mark.parametrize(("rate", "status"), [(0.0, 200), (1.0, 502)])
async def test_the_rate_of_random_faults_is_a_share_of_the_requests(rate: float, status: int) -> None:
    fake = FakePlivo(random_faults=RandomFaults(rate=rate, faults=[502]))

    assert await statuses(fake, 20) == [status] * 20


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: StubResponse(199),
        lambda: StubResponse(1000),
        lambda: StubResponse(True),
        lambda: StubResponse("500"),  # type: ignore[arg-type]
        lambda: StubResponse(500, delay=-1.0),
        lambda: StubResponse(500, delay=float("nan")),
        lambda: Drop(after=-1),
        lambda: Drop(after=0.5),  # type: ignore[arg-type]
        lambda: Drop(delay=float("inf")),
        lambda: RandomFaults(rate=1.1),
        lambda: RandomFaults(rate=-0.1),
        lambda: RandomFaults(rate=0.5, faults=[]),
        lambda: RandomFaults(rate=0.5, faults=["500"]),  # type: ignore[list-item]
        lambda: FakePlivo().script(["500"]),  # type: ignore[list-item]
        lambda: FakePlivo().script([99]),
    ],
)
def test_an_invalid_fault_is_refused_where_it_is_written(wrong: Any) -> None:
    with pytest.raises(ConfigurationError):
        wrong()


def test_faults_are_values() -> None:
    assert StubResponse(500, "x") == StubResponse(500, b"x")
    assert len({StubResponse(500), StubResponse(500), Drop(), Drop()}) == 2
    assert RandomFaults(rate=0.1) == RandomFaults(rate=0.1, seed=0, faults=[500, 503, 429])


def test_faults_have_a_short_repr() -> None:
    assert repr(StubResponse(503, delay=1.0)) == "StubResponse(status=503, body=None, headers={}, delay=1.0)"
    assert repr(Drop(after=9)) == "Drop(after=9, delay=0.0)"
    assert len(repr(StubResponse(200, b"x" * 1_000_000))) < 200


async def test_an_instant_retry_gives_up_as_a_retry_does() -> None:
    fake = FakePlivo()
    fake.script(itertools.repeat(503))

    with pytest.raises(ServerError) as caught:
        await get(fake, retry=InstantRetryPolicy(max_attempts=4))
    assert caught.value.attempts == 4


async def test_an_instant_retry_does_not_wait_for_a_retry_after() -> None:
    fake = FakePlivo()
    fake.script([StubResponse(503, headers={"Retry-After": "60"})])

    # The Retry-After is longer than the deadline, so a wait would fail.
    assert (await get(fake, deadline=30.0)).call_uuid == fake.call_uuids[0]


async def test_an_instant_retry_gives_up_if_a_retry_after_is_too_long() -> None:
    fake = FakePlivo()
    fake.script([StubResponse(503, headers={"Retry-After": "61"})])

    with pytest.raises(ServerError) as caught:
        await get(fake)
    assert caught.value.retry_after == 61.0


def test_an_instant_retry_policy_is_a_retry_policy_without_gaps() -> None:
    policy = InstantRetryPolicy(max_attempts=2)

    assert isinstance(policy, RetryPolicy)
    assert (policy.gap(1, None, 0.5), policy.gap(1, 60.0, 0.5), policy.gap(2, None, 0.5)) == (0.0, 0.0, None)
