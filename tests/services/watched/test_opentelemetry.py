from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from plivo_async import ConnectionPool, NetworkError
from tests.offline import BASIC, CALL_UUID, TOKEN
from tests.services.watched.clients import CALL_UUIDS, client_of
from tests.services.watched.programs import run, run_example
from tests.watched_server import Server, serving


class Telemetry:
    """The instrumentation, and the spans that it has made."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.instrumentor = HTTPXClientInstrumentor()

    def start(self, **options: Any) -> None:
        self.instrumentor.instrument(tracer_provider=self.provider, **options)

    def stop(self) -> None:
        self.instrumentor.uninstrument()

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    @property
    def statuses(self) -> list[Any]:
        return [dict(span.attributes or {}).get("http.status_code") for span in self.spans]


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    telemetry = Telemetry()
    try:
        yield telemetry
    finally:
        if telemetry.instrumentor.is_instrumented_by_opentelemetry:
            telemetry.stop()


async def test_a_span_for_each_attempt_and_its_traceparent_is_sent(
    server: Server, telemetry: Telemetry
) -> None:
    server.statuses = [503, 429]
    async with client_of(server.url) as client:
        telemetry.start()
        await client.calls.get(CALL_UUID)

    assert telemetry.statuses == [503, 429, 200]
    sent = [request.headers["traceparent"].split("-")[2] for request in server.requests]
    assert sent == [f"{span.context.span_id:016x}" for span in telemetry.spans if span.context]
    assert [span.name for span in telemetry.spans] == ["GET"] * 3


async def test_the_instrumentation_may_begin_first_and_end_early(
    server: Server, telemetry: Telemetry
) -> None:
    telemetry.start()
    async with client_of(server.url) as client:
        await client.calls.get(CALL_UUID)
        telemetry.stop()
        await client.calls.get(CALL_UUID)

    assert len(telemetry.spans) == 1
    assert ["traceparent" in request.headers for request in server.requests] == [True, False]


async def test_the_spans_of_a_batch_belong_to_the_span_around_it(
    server: Server, telemetry: Telemetry
) -> None:
    telemetry.start()
    async with client_of(server.url) as client:
        with telemetry.provider.get_tracer("test").start_as_current_span("export"):
            await client.calls.get_many(CALL_UUIDS)

    *spans, around = telemetry.spans
    assert len(spans) == len(CALL_UUIDS)
    assert {span.parent and span.parent.span_id for span in spans} == {
        around.context and around.context.span_id
    }


async def test_a_failure_is_in_the_span(telemetry: Telemetry) -> None:
    async with serving() as server:
        url = server.url
    telemetry.start()
    async with client_of(url) as client:
        with pytest.raises(NetworkError):
            await client.calls.get(CALL_UUID)

    assert [span.status.status_code for span in telemetry.spans] == [StatusCode.ERROR] * 3
    assert [span.events[0].name for span in telemetry.spans] == ["exception"] * 3


async def test_no_span_has_the_credentials(server: Server, telemetry: Telemetry) -> None:
    server.statuses = [503, 401]
    telemetry.start()
    async with client_of(server.url) as client:
        with pytest.raises(Exception, match="401"):
            await client.calls.get(CALL_UUID)

    text = "".join(span.to_json() for span in telemetry.spans)
    assert text
    assert TOKEN not in text
    assert BASIC not in text


async def test_hooks_of_the_user_get_request_and_response(server: Server, telemetry: Telemetry) -> None:
    seen: list[str] = []

    async def request_hook(span: Any, request: Any) -> None:
        seen.append(request.method.decode())

    async def response_hook(span: Any, request: Any, response: Any) -> None:
        seen.append(response.status_code)

    telemetry.start(async_request_hook=request_hook, async_response_hook=response_hook)
    async with client_of(server.url) as client:
        await client.calls.get(CALL_UUID)
    assert seen == ["GET", 200]


async def test_a_call_cancelled_in_a_hook_gives_its_connection_back(
    server: Server, telemetry: Telemetry
) -> None:
    reached = asyncio.Event()

    async def hang(*_: Any) -> None:
        reached.set()
        await asyncio.Event().wait()

    telemetry.start(async_response_hook=hang)
    async with client_of(server.url, max_connections=1) as client:
        call = asyncio.create_task(client.calls.get(CALL_UUID))
        await reached.wait()
        call.cancel()
        await asyncio.wait([call])
        telemetry.stop()
        assert (await client.calls.get(CALL_UUID)).call_uuid == CALL_UUID


async def test_a_borrowed_client_can_be_instrumented_alone(server: Server, telemetry: Telemetry) -> None:
    async with httpx.AsyncClient(transport=ConnectionPool()) as http_client:
        HTTPXClientInstrumentor.instrument_client(http_client, tracer_provider=telemetry.provider)
        client = client_of(server.url, http_client=http_client)
        await client.calls.get(CALL_UUID)
        async with client_of(server.url) as other:
            await other.calls.get(CALL_UUID)
    assert telemetry.statuses == [200]
    assert ["traceparent" in request.headers for request in server.requests] == [True, False]


async def test_the_command_opentelemetry_instrument_is_there_before_the_package(server: Server) -> None:
    command = "from opentelemetry.instrumentation.auto_instrumentation import run; run()"
    printed = await run(
        *(sys.executable, "-c", command),
        *(sys.executable, "-m", "tests.services.watched.opentelemetry_program", server.url),
    )
    assert json.loads(printed) == ["GET"]
    assert "traceparent" in server.requests[0].headers


async def test_the_example_prints_a_span_for_each_attempt(server: Server) -> None:
    server.statuses = [503]
    printed = await run_example("opentelemetry_httpx.py", server.url)
    assert printed.startswith("1 s for 0.01667\n")
    assert printed.count('"name": "GET"') == 2
    assert ["traceparent" in request.headers for request in server.requests] == [True, True]
