"""The extra `otel` under the real SDK of OpenTelemetry, alone and beside its instrumentation of httpx."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from plivo_async import AsyncClient, NotFoundError, RateLimit
from plivo_async.otel import OpenTelemetryTracing
from plivo_async.testing import Drop, FakePlivo, InstantRetryPolicy, StubResponse

GET = "GET /v1/Account/{auth_id}/Call/{call_uuid}/"
_DURATION = "http.client.request.duration"
INTERNAL, CLIENT = trace.SpanKind.INTERNAL, trace.SpanKind.CLIENT


class Telemetry:
    """The SDK with exporters into memory."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.meters = MeterProvider([self._reader])
        self.tracing = OpenTelemetryTracing(tracer_provider=self.tracers, meter_provider=self.meters)

    @property
    def spans(self) -> list[ReadableSpan]:
        """In the order in which they began."""
        return sorted(self._exporter.get_finished_spans(), key=lambda span: span.start_time or 0)

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]

    def points(self, name: str) -> list[Any]:
        data = self._reader.get_metrics_data()
        assert data is not None
        metrics = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics]
        [metric] = [metric for metric in metrics if metric.name == name]
        assert metric.unit == "s"
        return list(metric.data.data_points)


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    telemetry = Telemetry()
    yield telemetry
    telemetry.tracers.shutdown()
    telemetry.meters.shutdown()


@pytest.fixture
def instrumented(telemetry: Telemetry) -> Iterator[None]:
    """httpx, as the instrumentation of OpenTelemetry replaces it."""
    instrumentor = HTTPXClientInstrumentor()
    instrumentor.instrument(tracer_provider=telemetry.tracers, meter_provider=telemetry.meters)
    yield
    instrumentor.uninstrument()


def client_of(fake: FakePlivo, url: str, telemetry: Telemetry, **options: Any) -> AsyncClient:
    options = {"tracing": telemetry.tracing, "retry": InstantRetryPolicy(), **options}
    return AsyncClient(fake.auth_id, fake.auth_token, base_url=url, **options)


def id_of(span: ReadableSpan | trace.Span) -> int:
    found = span.get_span_context()
    assert found is not None
    return found.span_id


def facts(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_a_call_is_a_tree_of_its_attempts(telemetry: Telemetry, fake_plivo: FakePlivo) -> None:
    # The response began, so that the pool does not send the request again by itself.
    fake_plivo.script([503, Drop(after=10)])
    async with fake_plivo.serve() as url, client_of(fake_plivo, url, telemetry) as client:
        await client.calls.get(fake_plivo.call_uuids[0])

    call, *requests = telemetry.spans
    assert (call.name, call.kind, call.status.status_code) == (
        "plivo.calls.get",
        INTERNAL,
        trace.StatusCode.UNSET,
    )
    assert [(span.name, span.kind) for span in requests] == [(GET, CLIENT)] * 3
    assert {span.parent.span_id for span in requests if span.parent} == {id_of(call)}
    assert [facts(span).get("http.request.resend_count") for span in requests] == [None, 1, 2]
    assert [facts(span).get("error.type") for span in requests] == ["503", "httpx.RemoteProtocolError", None]
    assert [span.status.is_ok for span in requests] == [False, False, True]
    assert [facts(span)["server.port"] for span in requests] == [int(url.rpartition(":")[2])] * 3
    sent = [request.headers["traceparent"].split("-") for request in fake_plivo.requests]
    ids = [trace.format_span_id(id_of(span)) for span in requests]
    assert [parts[2] for parts in sent] == ids
    assert len({parts[1] for parts in sent}) == 1


@pytest.mark.usefixtures("instrumented")
@pytest.mark.parametrize("borrowed", [False, True])
async def test_beside_the_instrumentation_of_httpx_a_request_has_one_span(
    borrowed: bool, telemetry: Telemetry, fake_plivo: FakePlivo
) -> None:
    fake_plivo.script([503])
    async with httpx.AsyncClient() as http_client, fake_plivo.serve() as url:
        options = {"http_client": http_client} if borrowed else {}
        async with client_of(fake_plivo, url, telemetry, **options) as client:
            await client.calls.get(fake_plivo.call_uuids[0])
        # The instrumentation is on: other requests have its spans.
        await http_client.get(url)

    assert [span.name for span in telemetry.spans] == ["plivo.calls.get", GET, GET, "GET"]
    counts = {point.attributes.get("url.template"): point.count for point in telemetry.points(_DURATION)}
    assert counts[GET.removeprefix("GET ")] == 1


async def test_the_histogram_has_the_buckets_of_the_convention(
    telemetry: Telemetry, fake_plivo: FakePlivo
) -> None:
    async with fake_plivo.serve() as url, client_of(fake_plivo, url, telemetry) as client:
        for _ in range(3):
            await client.calls.get(fake_plivo.call_uuids[0])

    [point] = telemetry.points(_DURATION)
    assert (point.count, point.explicit_bounds[0], point.explicit_bounds[-1]) == (3, 0.005, 10)
    assert point.attributes["http.response.status_code"] == 200


async def test_a_wait_has_no_error_before_its_end(telemetry: Telemetry, fake_plivo: FakePlivo) -> None:
    [call_uuid] = fake_plivo.call_uuids
    fake_plivo.publish_later(call_uuid, after_requests=3)
    client = fake_plivo.client(tracing=telemetry.tracing)

    await client.calls.wait(call_uuid)

    assert len(telemetry.named(GET)) == 4
    assert all(span.status.is_ok for span in telemetry.spans)
    with pytest.raises(NotFoundError):
        await client.calls.wait("no-such-call")
    assert [span.name for span in telemetry.spans if not span.status.is_ok] == ["plivo.calls.wait"]


async def test_a_batch_under_faults_and_a_limit_has_a_tree_for_each_call(
    telemetry: Telemetry, fake_plivo: FakePlivo
) -> None:
    calls = fake_plivo.generate(200)
    fake_plivo.script([503, StubResponse(429, headers={"Retry-After": "0.1"}), 503] * 5)
    tracer = telemetry.tracers.get_tracer("billing")
    async with (
        fake_plivo.serve() as url,
        client_of(fake_plivo, url, telemetry, rate_limit=RateLimit(100, 0.2)) as client,
    ):
        with tracer.start_as_current_span("job") as job:
            outcomes = await client.calls.get_many(calls)

    assert len(outcomes) == 200
    of_calls = telemetry.named("plivo.calls.get")
    parents = {id_of(span) for span in of_calls}
    assert {span.parent.span_id for span in of_calls if span.parent} == {id_of(job)}
    requests = telemetry.named(GET)
    assert len(requests) == len(fake_plivo.requests)
    assert all(span.parent and span.parent.span_id in parents for span in requests)
    assert max(facts(span).get("plivo.rate_limit.wait", 0) for span in requests) > 0.05


async def test_cancelled_calls_end_their_spans(telemetry: Telemetry) -> None:
    waiting, all_wait = 0, asyncio.Event()

    async def sleep(_: float) -> None:
        nonlocal waiting
        waiting += 1
        if waiting == 20:
            all_wait.set()
        await asyncio.Event().wait()

    fake = FakePlivo(latency=1, sleep=sleep)
    async with fake.serve() as url, client_of(fake, url, telemetry) as client:
        tasks = [asyncio.create_task(client.calls.get(fake.call_uuids[0])) for _ in range(20)]
        await all_wait.wait()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    assert all(task.cancelled() for task in tasks)
    assert len(telemetry.spans) == 40
    assert {facts(span)["error.type"] for span in telemetry.spans} == {"cancelled"}
    assert all(span.status.is_ok for span in telemetry.spans)
