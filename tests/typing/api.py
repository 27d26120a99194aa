"""What users may rely on in the types of the public API. Type-checked, never run."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, assert_type

import cattrs
import httpx

import plivo_async
from plivo_async import (
    AsyncClient,
    CallDetailRecord,
    CallDirection,
    CallFilters,
    CallNext,
    CallsResource,
    ConnectionPool,
    DeadlineExceededError,
    DecodeError,
    Failed,
    Fetched,
    HangupCause,
    HangupSource,
    Listing,
    ListReport,
    LiveCall,
    Middleware,
    MiddlewareTransport,
    Page,
    PlivoError,
    RateLimitError,
    Recording,
    RequestOptions,
    RequestTimeoutError,
    RetryBudget,
    RetryMiddleware,
    RetryPolicy,
    StirAttestation,
    StirVerification,
    TrunkCallDetailRecord,
    TrunkCallInsights,
    make_converter,
)


def names() -> None:
    _ = plivo_async.Client  # type: ignore[attr-defined]


async def lists(client: AsyncClient) -> None:
    listing = client.calls.list(date(2026, 11, 1), zone="UTC", call_direction="inbound", deadline=5)
    assert_type(listing, Listing[CallDetailRecord])
    async for outcome in listing:
        assert_type(outcome, Fetched[CallDetailRecord] | Failed)
    page = await client.calls.list(call_direction=CallDirection.INBOUND, bill_duration__gt=60)
    assert_type(page, Page[CallDetailRecord])
    assert_type(page.records, tuple[CallDetailRecord, ...])
    assert_type(page.total, int | None)
    assert_type(listing.report, ListReport)
    filters: CallFilters = {"from_number": "1202"}
    client.calls.list(**filters)
    client.calls.list(from_number=1202)  # type: ignore[arg-type]
    client.calls.list(form_number="1202")  # type: ignore[call-arg]
    client.calls.list("2026-11-01")  # type: ignore[arg-type]


async def other_records(client: AsyncClient, call_uuid: uuid.UUID) -> None:
    assert_type(await client.trunk_calls.get(call_uuid), TrunkCallDetailRecord)
    assert_type(await client.trunk_calls.insights("c1", deadline=5), TrunkCallInsights)
    assert_type(client.trunk_calls.list(hangup_source="carrier"), Listing[TrunkCallDetailRecord])
    assert_type(await client.recordings.get("r1"), Recording)
    assert_type(client.recordings.list(call_uuid=call_uuid, retry=None), Listing[Recording])
    assert_type(await client.calls.live(), tuple[str, ...])
    assert_type(await client.calls.queued(), tuple[str, ...])
    assert_type(await client.calls.get_live("c1"), LiveCall)
    assert_type(await client.calls.get_queued("c1"), LiveCall)

    client.trunk_calls.list(colour="red")  # type: ignore[call-arg]
    client.recordings.list(call_uuid=5)  # type: ignore[arg-type]


async def calls(client: AsyncClient, call_uuid: uuid.UUID) -> None:
    assert_type(client.calls, CallsResource)
    assert_type(await client.calls.get("c1"), CallDetailRecord)
    assert_type(await client.calls.get(call_uuid), CallDetailRecord)
    await client.calls.get("c1", timeout=5, deadline=None, retry=None, max_body=1024)
    await client.calls.get("c1", timeout=httpx.Timeout(5.0), retry=RetryPolicy(max_attempts=5))

    await client.calls.get()  # type: ignore[call-arg]
    await client.calls.get(5)  # type: ignore[arg-type]
    await client.calls.get("c1", 5.0)  # type: ignore[call-arg]
    await client.calls.get("c1", deadlin=5.0)  # type: ignore[call-arg]
    await client.calls.get("c1", deadline="5")  # type: ignore[arg-type]
    await client.calls.get("c1", retry=3)
    await client.calls.get("c1", retry="3")  # type: ignore[arg-type]
    await client.calls.get("c1", max_body=None)  # type: ignore[arg-type]


async def requests(client: AsyncClient) -> None:
    assert_type(await client.request("GET", "Call/", params={"limit": 5}), httpx.Response)
    assert_type(await client.request("POST", "Call/", json={"to": "1"}, deadline=5.0), httpx.Response)

    await client.request("GET")  # type: ignore[call-arg]
    await client.request("GET", "Call/", {"limit": 5})  # type: ignore[call-arg]
    await client.request("GET", "Call/", follow_redirects=True)  # type: ignore[call-arg]


async def clients(http_client: httpx.AsyncClient, converter: cattrs.Converter) -> None:
    AsyncClient()
    AsyncClient("auth_id", "auth_token", base_url="https://example.com", timeout=5, deadline=None, retry=None)
    AsyncClient(max_body=1024, max_connections=5, keepalive_expiry=5, verify="ca.pem", proxy="http://p:3128")
    AsyncClient(trust_env=False, http_client=http_client, middleware=[RetryMiddleware()], converter=converter)
    assert_type(AsyncClient().with_options(deadline=5.0), AsyncClient)
    async with AsyncClient() as client:
        assert_type(client, AsyncClient)
    assert_type(await client.aclose(), None)

    AsyncClient("auth_id", "auth_token", "https://example.com")  # type: ignore[call-arg]
    AsyncClient(http_client=httpx.Client())  # type: ignore[arg-type]
    AsyncClient(middleware=RetryMiddleware())  # type: ignore[arg-type]
    AsyncClient(verify=None)  # type: ignore[arg-type]
    AsyncClient().with_options(max_connections=5)  # type: ignore[call-arg]
    with AsyncClient():  # type: ignore[attr-defined]
        pass


def options() -> None:
    RequestOptions()
    RequestOptions(deadline=None)
    RequestOptions(timeout=5, deadline=5.0, retry=RetryPolicy(), max_body=1024)
    AsyncClient().with_options(**RequestOptions(deadline=5.0))

    RequestOptions(deadline="5")  # type: ignore[typeddict-item]
    RequestOptions(seconds=5)  # type: ignore[typeddict-unknown-key]


def records(record: CallDetailRecord) -> None:
    assert_type(record.call_uuid, str)
    assert_type(record.api_id, str | None)
    assert_type(record.parent_call_uuid, str | None)
    assert_type(record.conference_uuid, str | None)
    assert_type(record.call_direction, CallDirection | None)
    assert_type(record.call_state, str | None)
    assert_type(record.from_number, str | None)
    assert_type(record.to_number, str | None)
    assert_type(record.initiation_time, datetime | None)
    assert_type(record.answer_time, datetime | None)
    assert_type(record.end_time, datetime | None)
    assert_type(record.call_duration, int | None)
    assert_type(record.bill_duration, int | None)
    assert_type(record.billed_duration, int | None)
    assert_type(record.total_rate, Decimal | None)
    assert_type(record.total_amount, Decimal | None)
    assert_type(record.hangup_cause_code, HangupCause | None)
    assert_type(record.hangup_cause_name, str | None)
    assert_type(record.hangup_source, HangupSource | None)
    assert_type(record.stir_verification, StirVerification | None)
    assert_type(record.stir_attestation, StirAttestation | None)
    assert_type(record.voice_network_group, str | None)
    assert_type(record.source_ip, str | None)
    assert_type(record.cnam_lookup, str | bool | None)
    assert_type(record.resource_uri, str | None)
    assert_type(record.extra, Mapping[str, Any])
    assert_type(record.wire_keys, tuple[str, ...])
    assert_type(record.is_answered, bool)
    assert_type(record.is_inbound, bool)
    assert_type(record.is_outbound, bool)
    assert_type(record.is_b_leg, bool)
    assert_type(record.ring_time, timedelta | None)
    assert_type(record.hangup_cause, str | None)
    assert_type(record.expected_amount, Decimal | None)
    assert_type(record.to_dict(), dict[str, Any])
    assert_type(record.to_json(), str)
    assert_type(CallDetailRecord.from_json("{}"), CallDetailRecord)
    assert_type(CallDetailRecord.from_json(b"{}"), CallDetailRecord)
    assert_type(CallDetailRecord(call_uuid="c1", total_amount=Decimal("0.1")), CallDetailRecord)

    CallDetailRecord()  # type: ignore[call-arg]
    CallDetailRecord("c1")  # type: ignore[call-arg]
    CallDetailRecord(call_uuid="c1", total_amount=0.1)  # type: ignore[arg-type]
    record.call_uuid = "c2"  # type: ignore[misc]
    record.call_id  # type: ignore[attr-defined] # noqa: B018


def enumerations(cause: HangupCause, source: HangupSource) -> None:
    assert_type(HangupCause(9999), HangupCause)
    assert_type(HangupSource("Robot"), HangupSource)
    assert_type(cause.is_known, bool)
    assert_type(cause.description, str)
    assert_type(source.is_known, bool)
    numbers: list[int] = [cause]
    texts: list[str] = [source]
    assert_type(len(numbers) + len(texts), int)
    assert_type(cause == HangupCause.NORMAL_HANGUP, bool)
    # Type checkers take every enumeration for closed, so strict pyright needs an ignore here.
    assert_type(cause == 9999, bool)  # pyright: ignore[reportUnnecessaryComparison]
    assert_type(source == "Robot", bool)  # pyright: ignore[reportUnnecessaryComparison]
    assert_type(int(cause) == 9999, bool)
    assert_type(str(source) == "Robot", bool)


class Metrics:
    async def __call__(self, request: httpx.Request, call_next: CallNext) -> httpx.Response:
        return await call_next(request)


async def function(request: httpx.Request, call_next: CallNext) -> httpx.Response:
    response = await call_next(request)
    assert_type(response, httpx.Response)
    return response


async def with_other_names(sent: httpx.Request, following: CallNext) -> httpx.Response:
    return await following(sent)


def blocking(request: httpx.Request, call_next: CallNext) -> httpx.Response:
    raise NotImplementedError


async def without_next(request: httpx.Request) -> httpx.Response:
    raise NotImplementedError


def middleware(pool: ConnectionPool) -> None:
    around: Sequence[Middleware] = [
        Metrics(),
        function,
        with_other_names,
        RetryMiddleware(budget=RetryBudget(5)),
    ]
    AsyncClient(middleware=around)
    httpx.AsyncClient(transport=MiddlewareTransport(pool, around, deadline=None))
    httpx.AsyncClient(transport=pool)

    AsyncClient(middleware=[blocking])  # type: ignore[list-item]
    AsyncClient(middleware=[without_next])  # type: ignore[list-item]
    RetryPolicy(3)  # type: ignore[call-arg]


def errors(error: PlivoError, decoding: DecodeError, limit: RateLimitError) -> None:
    assert_type(error.message, str)
    assert_type(error.status, int | None)
    assert_type(error.api_id, str | None)
    assert_type(error.attempts, int)
    assert_type(error.retry_after, float | None)
    assert_type(error.headers, Mapping[str, str])
    assert_type(error.body, bytes)
    assert_type(error.retryable, bool)
    assert_type(decoding.fields, tuple[str, ...])
    exceptions: list[Exception] = [error, decoding, limit]
    timeouts: list[TimeoutError] = [DeadlineExceededError("late"), RequestTimeoutError("late")]
    assert_type(len(exceptions) + len(timeouts), int)


def converters() -> None:
    assert_type(make_converter(), cattrs.Converter)
