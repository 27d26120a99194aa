"""`on_event=`: which events a client reports, in which order, and that their numbers add up."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

import httpx
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from plivo_async import (
    AsyncClient,
    CallInfo,
    CallNext,
    ConfigurationError,
    DeadlineExceededError,
    NetworkError,
    NotFoundError,
    PlivoError,
    RateLimit,
    ServerError,
)
from plivo_async.client_notes import ClientNotes
from plivo_async.events import (
    AttemptFailed,
    AttemptStarted,
    CallDone,
    ConnectionAwaited,
    Event,
    PermitAwaited,
    ResponseReceived,
    RetryScheduled,
    Throttled,
)
from plivo_async.notes import CallNotes
from plivo_async.route import route_of
from plivo_async.testing import Drop, FakePlivo, StubResponse
from tests.offline import AUTH_ID, CALL_UUID, TOKEN, asking, down, ok
from tests.transport.pool_server import Server, serving
from tests.virtual_time import in_virtual_time

E = TypeVar("E")


def of_kind(events: list[Event], kind: type[E]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]


def names(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


async def events_of(*answers: Any, **options: Any) -> list[Event]:
    """The events of one `calls.get`, whether it succeeds or not."""
    events: list[Event] = []
    async with asking(*answers, on_event=events.append, **options) as (client, _):
        with suppress(PlivoError):
            await client.calls.get(CALL_UUID)
    return events


async def test_a_call_that_succeeds_has_three() -> None:
    started, response, done = await events_of(ok())
    facts: dict[str, Any] = {
        "sequence": 1,
        "call_uuid": CALL_UUID,
        "method": "GET",
        "route": "Call/{call_uuid}/",
    }
    assert started == AttemptStarted(**facts, attempt=1, reason="first", permit_seconds=0.0)
    assert isinstance(response, ResponseReceived)
    assert evolve(response, seconds=0.0) == ResponseReceived(
        **facts,
        attempt=1,
        status=200,
        seconds=0.0,
        size=len(ok().content),
        api_id="52cd2e1d-2bfd-11ec-a7bd-0242ac110005",
    )
    assert isinstance(done, CallDone)
    assert (done.outcome, done.error, done.attempts) == ("succeeded", None, 1)
    assert 0.0 <= response.seconds <= done.seconds


@in_virtual_time
async def test_a_retry_has_its_cause_and_its_wait() -> None:
    events = await events_of(down(), httpx.ReadError("reset"), ok(), sleep=asyncio.sleep)
    assert names(events) == [
        *("AttemptStarted", "ResponseReceived", "RetryScheduled"),
        *("AttemptStarted", "AttemptFailed", "RetryScheduled"),
        *("AttemptStarted", "ResponseReceived", "CallDone"),
    ]
    first, second = of_kind(events, RetryScheduled)
    assert (first.reason, second.reason) == ("HTTP 503", "ReadError")
    assert isinstance(first.error, ServerError)
    assert isinstance(second.error, NetworkError)
    done = of_kind(events, CallDone)[0]
    assert done.backoff_seconds == pytest.approx(first.seconds + second.seconds)
    assert [started.reason for started in of_kind(events, AttemptStarted)] == ["first", "retry", "retry"]
    assert [failed.reason for failed in of_kind(events, AttemptFailed)] == ["ReadError"]


async def test_an_error_is_in_the_last_one() -> None:
    *_, done = await events_of(httpx.Response(404))
    assert isinstance(done, CallDone)
    assert done.outcome == "failed"
    assert isinstance(done.error, NotFoundError)


async def test_an_exception_of_middleware_is_in_the_last_one() -> None:
    async def broken(request: httpx.Request, call_next: CallNext) -> httpx.Response:
        raise ZeroDivisionError

    events: list[Event] = []
    async with asking(ok(), middleware=[broken], on_event=events.append) as (client, _):
        with pytest.raises(ZeroDivisionError):
            await client.calls.get(CALL_UUID)
    assert [type(done.error) for done in of_kind(events, CallDone)] == [ZeroDivisionError]


async def test_a_damaged_body_is_a_response_and_the_cause_of_a_retry() -> None:
    events = await events_of(httpx.Response(200, content=b"<html>"), ok())
    assert next(response.api_id for response in of_kind(events, ResponseReceived)) is None
    assert [retry.reason for retry in of_kind(events, RetryScheduled)] == ["DecodeError"]


async def test_a_body_that_is_too_large_is_a_failed_attempt() -> None:
    events = await events_of(ok(), max_body=10)
    assert [failed.reason for failed in of_kind(events, AttemptFailed)] == ["ResponseTooLargeError"]


@pytest.mark.parametrize(
    ("answer", "api_id"),
    [
        (httpx.Response(404, json={"api_id": "a1", "error": "no"}), "a1"),
        (httpx.Response(404, json={"api_id": TOKEN}), "[redacted]"),
        (httpx.Response(404, json={"api_id": 7}), None),
        (httpx.Response(404, content=b"<html>"), None),
    ],
)
async def test_an_error_has_its_api_id_without_secrets(answer: httpx.Response, api_id: str | None) -> None:
    events = await events_of(answer)
    (response,) = of_kind(events, ResponseReceived)
    assert response.api_id == api_id or (api_id == "[redacted]" and TOKEN not in str(response.api_id))


async def test_a_page_and_a_request_of_ones_own_have_their_api_id() -> None:
    fake, events = FakePlivo(), cast("list[Event]", [])
    client = fake.client(on_event=events.append)
    await client.calls.list()
    await client.request("GET", "Call/", params={"limit": 1})
    page, own = of_kind(events, ResponseReceived)
    assert page.api_id
    assert own.api_id
    assert (page.call_uuid, page.route) == (None, "Call/")


@in_virtual_time
async def test_a_429_is_a_pause_and_another_attempt() -> None:
    answers = [httpx.Response(429, headers={"Retry-After": "2"}), ok()]
    events = await events_of(*answers, rate_limit=RateLimit(10, per=1))
    assert names(events) == [
        *("AttemptStarted", "ResponseReceived", "Throttled", "PermitAwaited"),
        *("AttemptStarted", "ResponseReceived", "CallDone"),
    ]
    (pause,) = of_kind(events, Throttled)
    assert (pause.attempt, pause.retry_after) == (1, 2.0)
    assert pause.seconds == pytest.approx(2.0)
    again, done = of_kind(events, AttemptStarted)[1], of_kind(events, CallDone)[0]
    assert (again.attempt, again.reason) == (2, "throttled")
    assert again.permit_seconds == done.permit_seconds == pytest.approx(2.0)


class Free:
    """A limiter of a user's own, which gives every permit at once."""

    def acquire(self, request: httpx.Request) -> None: ...
    def release(self, permit: None) -> None: ...
    def throttled(self, permit: None, retry_after: float | None) -> None: ...


@pytest.mark.parametrize("rate_limit", [RateLimit(), Free(), None])
@in_virtual_time
async def test_a_pause_is_reported_once(rate_limit: Any) -> None:
    events: list[Event] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(1)
        return httpx.Response(429, headers={"Retry-After": "3"})

    async with asking(answer, rate_limit=rate_limit, retry=1, on_event=events.append) as (client, _):
        await asyncio.gather(*(client.calls.get(CALL_UUID) for _ in range(4)), return_exceptions=True)
    assert len(of_kind(events, ResponseReceived)) == 4
    assert [round(pause.seconds) for pause in of_kind(events, Throttled)] == [3]


async def test_each_pause_without_a_retry_after_is_one() -> None:
    assert [pause.seconds for pause in of_kind(await events_of(httpx.Response(429)), Throttled)] == [1.0]


@in_virtual_time
async def test_the_wait_for_a_permit_is_reported() -> None:
    events: list[Event] = []
    options: dict[str, Any] = {"rate_limit": RateLimit(1, per=4), "on_event": events.append}
    async with asking(ok(), **options) as (client, _):
        await client.calls.get(CALL_UUID)
        await client.calls.get(CALL_UUID)
    assert [event.seconds for event in of_kind(events, PermitAwaited)] == [pytest.approx(4.0)]
    first, second = of_kind(events, CallDone)
    assert first.permit_seconds == 0.0
    assert second.permit_seconds == pytest.approx(4.0)


@pytest.fixture
async def server() -> AsyncGenerator[Server, None]:
    async with serving() as server:
        yield server


async def test_the_wait_for_a_connection_is_reported(server: Server) -> None:
    events: list[Event] = []
    server.may_answer.clear()
    options: dict[str, Any] = {"base_url": server.url, "max_connections": 1, "on_event": events.append}
    async with AsyncClient(AUTH_ID, TOKEN, **options) as client:
        first, second, third = (asyncio.create_task(client.request("GET", f"{n}/")) for n in "123")
        await server.asked.get()
        await asyncio.sleep(0)
        # One request has begun; those in the queue have not.
        assert names(events) == ["AttemptStarted"]
        third.cancel()
        await asyncio.wait([third])
        server.may_answer.set()
        await asyncio.gather(first, second)
    assert [event.sequence for event in of_kind(events, AttemptStarted)] == [1, 2]
    assert [event.sequence for event in of_kind(events, ConnectionAwaited)] == [3, 2]
    assert {done.sequence: done.outcome for done in of_kind(events, CallDone)} == {
        1: "succeeded",
        2: "succeeded",
        3: "cancelled",
    }
    waited = {done.sequence: done.connection_seconds for done in of_kind(events, CallDone)}
    assert waited[1] == 0.0 < min(waited[2], waited[3])


def test_a_request_that_a_mock_answers_while_the_pool_is_full_has_begun() -> None:
    events: list[Event] = []
    notes = CallNotes(ClientNotes(events.append), "GET", "Call/x/")
    notes.attempt_queued(1)
    notes.responded(200, 0, None)
    assert names(events) == ["AttemptStarted", "ResponseReceived"]


async def test_a_request_on_a_connection_that_the_server_closed_is_reported_twice() -> None:
    events: list[Event] = []
    fake = FakePlivo()
    async with (
        fake.serve() as url,
        AsyncClient(fake.auth_id, fake.auth_token, base_url=url, on_event=events.append) as client,
    ):
        await client.calls.get(CALL_UUID)
        fake.script([Drop()])
        await client.calls.get(CALL_UUID)
    second = [event for event in events if event.sequence == 2]
    assert names(second) == [
        *("AttemptStarted", "AttemptFailed", "AttemptStarted", "ResponseReceived", "CallDone")
    ]
    assert [(e.attempt, e.reason) for e in of_kind(second, AttemptStarted)] == [
        (1, "first"),
        (1, "closed connection"),
    ]
    assert len(of_kind(events, AttemptStarted)) == len(fake.requests)


@in_virtual_time
async def test_a_cancelled_call_ends_its_attempt() -> None:
    async def silent(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(100)
        raise AssertionError

    events = await events_of(silent, deadline=3)
    assert names(events) == ["AttemptStarted", "AttemptFailed", "CallDone"]
    assert [(e.reason, e.seconds) for e in of_kind(events, AttemptFailed)] == [("cancelled", 3.0)]
    assert isinstance(of_kind(events, CallDone)[0].error, DeadlineExceededError)


@in_virtual_time
async def test_a_call_cancelled_between_attempts_counts_its_backoff() -> None:
    events: list[Event] = []
    async with asking(down(), retry=5, on_event=events.append) as (client, _):
        task = asyncio.create_task(client.calls.get(CALL_UUID))
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.wait([task])
    (done,) = of_kind(events, CallDone)
    assert done.outcome == "cancelled"
    assert done.backoff_seconds == pytest.approx(0.1)


async def test_a_request_that_middleware_sends_again_is_an_attempt() -> None:
    async def twice(request: httpx.Request, call_next: CallNext) -> httpx.Response:
        await call_next(request)
        return await call_next(request)

    events = await events_of(ok(), attempt_middleware=[twice])
    assert [(e.attempt, e.reason) for e in of_kind(events, AttemptStarted)] == [
        (1, "first"),
        (2, "middleware"),
    ]


async def test_a_view_shares_the_hook_and_the_sequence() -> None:
    events: list[Event] = []
    async with asking(ok(), on_event=events.append) as (client, _):
        await client.calls.get(CALL_UUID)
        await client.with_options(deadline=5).in_own_lane().calls.get(CALL_UUID)
    assert [done.sequence for done in of_kind(events, CallDone)] == [1, 2]


async def test_the_events_are_there_when_the_call_returns() -> None:
    assert names(await events_of(ok()))[-1] == "CallDone"


async def test_an_exception_of_the_hook_goes_to_the_loop_and_fails_no_call() -> None:
    reported: list[dict[str, Any]] = []
    seen: list[str] = []

    def hook(event: Event) -> None:
        seen.append(type(event).__name__)
        raise ZeroDivisionError

    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    async with asking(down(), ok(), on_event=hook) as (client, _):
        await client.calls.get(CALL_UUID)
    assert len(seen) == 6
    assert [context["message"] for context in reported] == [
        f"on_event raised an exception at {n}" for n in seen
    ]
    assert {type(context["exception"]) for context in reported} == {ZeroDivisionError}


async def test_a_hook_may_end_the_program() -> None:
    def hook(event: Event) -> None:
        raise KeyboardInterrupt

    async with asking(ok(), on_event=hook) as (client, _):
        getting = client.calls.get(CALL_UUID)
        with pytest.raises(KeyboardInterrupt):
            # Not by a task, which would hand it to the event loop.
            getting.send(None)


class AsyncHook:
    async def __call__(self, event: Event) -> None: ...


async def async_hook(event: Event) -> None: ...


@pytest.mark.parametrize("hook", ["print", async_hook, AsyncHook()])
def test_a_hook_is_a_plain_callable(hook: Any) -> None:
    with pytest.raises(ConfigurationError, match="on_event must be a plain function"):
        AsyncClient(AUTH_ID, TOKEN, on_event=hook)


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("Call/5607532d/", "Call/{call_uuid}/"),
        ("Call/5607532d/Record/", "Call/{call_uuid}/Record/"),
        ("Zentrunk/Call/5607532d/Insights/", "Zentrunk/Call/{call_uuid}/Insights/"),
        ("Recording/c2186400/", "Recording/{id}/"),
        ("Number/14155551234", "Number/{id}"),
        ("Conference/my-room/Member/7/", "Conference/{id}/Member/{id}/"),
        ("", ""),
    ],
)
def test_a_route_has_no_identifiers(path: str, route: str) -> None:
    assert route_of(path) == route


Faults = st.lists(
    st.sampled_from([503, 429, 404, Drop(), Drop(after=10), StubResponse(200, b"<html>"), None]), max_size=6
)


@given(scripts=st.lists(Faults, min_size=1, max_size=4), cancelled=st.booleans())
def test_the_numbers_add_up(scripts: list[list[Any]], cancelled: bool) -> None:
    """Attempts are the requests that the server received, and each begins and ends once."""

    async def run() -> None:
        fake, events = FakePlivo(), cast("list[Event]", [])
        client = fake.client(on_event=events.append)
        ids = fake.call_uuids
        for call_uuid, script in zip(ids, scripts, strict=False):
            fake.script([StubResponse(200) if f is None else f for f in script], call_uuid=call_uuid)
        calls = [asyncio.ensure_future(client.calls.get(call_uuid)) for call_uuid in ids]
        if cancelled:
            await asyncio.sleep(0)
            calls[0].cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        kinds = Counter(names(events))
        assert kinds["CallDone"] == len(ids)
        assert kinds["AttemptStarted"] == kinds["ResponseReceived"] + kinds["AttemptFailed"]
        assert sum(done.attempts for done in of_kind(events, CallDone)) == kinds["AttemptStarted"]
        if not cancelled:
            assert kinds["AttemptStarted"] == len(fake.requests)
        for sequence in range(1, len(ids) + 1):
            assert names([e for e in events if e.sequence == sequence])[-1] == "CallDone"

    asyncio.run(run())


class Spans:
    """Notes what surrounds what."""

    def __init__(self) -> None:
        self.log: list[Any] = []

    async def call(self, info: CallInfo, call_next: Callable[[], Any]) -> Any:
        self.log.append(("call", info.call_uuid, info.method, info.route, info.attempts))
        try:
            result = await call_next()
        except PlivoError as error:
            self.log.append(type(error).__name__)
            raise
        self.log.append("done")
        return result

    async def request(self, request: httpx.Request, call_next: CallNext) -> httpx.Response:
        info = CallInfo.of(request)
        request.headers["traceparent"] = f"00-{info.attempts}"
        self.log.append(("request", info.attempts, info.permit_seconds))
        response = await call_next(request)
        self.log.append(response.status_code)
        return response


@in_virtual_time
async def test_tracing_surrounds_each_call_and_each_request() -> None:
    spans = Spans()
    answers = [httpx.Response(429, headers={"Retry-After": "2"}), down(), ok()]
    async with asking(*answers, tracing=spans, rate_limit=RateLimit(1000, per=0.1)) as (client, route):
        await client.calls.get(CALL_UUID)
    assert spans.log == [
        ("call", CALL_UUID, "GET", "Call/{call_uuid}/", 0),
        *(("request", 0, 0.0), 429, ("request", 1, pytest.approx(2.0)), 503, ("request", 2, 0.0), 200),
        "done",
    ]
    calls: Any = route.calls
    assert [call.request.headers["traceparent"] for call in calls][-1] == "00-2"


async def test_tracing_sees_the_error_of_a_call() -> None:
    spans = Spans()
    async with asking(httpx.Response(404), tracing=spans) as (client, _):
        with pytest.raises(NotFoundError):
            await client.calls.get(CALL_UUID)
    assert spans.log[1:] == [("request", 0, 0.0), 404, "NotFoundError"]
