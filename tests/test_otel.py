"""Spans and metrics, recorded by small fakes of the interfaces of opentelemetry-api."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import sys
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from opentelemetry import context, metrics, propagate, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from plivo_async import (
    AsyncClient,
    CallNext,
    DeadlineExceededError,
    DecodeError,
    NetworkError,
    NotFoundError,
    RateLimit,
    ResponseTooLargeError,
    ServerError,
)
from plivo_async.otel import OpenTelemetryTracing
from plivo_async.testing import Drop, FakePlivo, StubResponse
from tests.virtual_time import in_virtual_time

GET = "GET /v1/Account/{auth_id}/Call/{call_uuid}/"


class FakeSpan(trace.NonRecordingSpan):
    """A span that keeps what it is given."""

    def __init__(self, number: int, name: str, parent: Any, kind: trace.SpanKind, facts: Any) -> None:
        flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)
        super().__init__(trace.SpanContext(1, number, is_remote=False, trace_flags=flags))
        self.name, self.parent, self.kind = name, parent, kind
        self.facts: dict[str, Any] = dict(facts or {})
        self.is_error = False
        self.ends = 0

    def is_recording(self) -> bool:
        return True

    def set_attribute(self, key: str, value: Any) -> None:
        self.facts[key] = value

    def set_attributes(self, attributes: Any) -> None:
        self.facts.update(attributes)

    def set_status(self, status: Any, description: str | None = None) -> None:
        self.is_error = status is trace.StatusCode.ERROR

    def end(self, end_time: int | None = None) -> None:
        self.ends += 1


class FakeTracer(trace.NoOpTracer):
    def __init__(self) -> None:
        self.spans: list[FakeSpan] = []

    def start_span(self, *args: Any, **options: Any) -> Any:
        parent = trace.get_current_span(options.get("context"))
        kind = options.get("kind", trace.SpanKind.INTERNAL)
        number = len(self.spans) + 1
        span = FakeSpan(number, args[0], getattr(parent, "name", None), kind, options.get("attributes"))
        self.spans.append(span)
        return span


class Telemetry(trace.TracerProvider, metrics.NoOpMeterProvider):
    """The providers of both: what was recorded is in `spans` and `measured`."""

    def __init__(self) -> None:
        self.tracer = FakeTracer()
        self.measured: list[tuple[float, dict[str, Any]]] = []
        self.histograms: list[tuple[str, str]] = []

    @property
    def spans(self) -> list[FakeSpan]:
        return self.tracer.spans

    @property
    def calls(self) -> list[FakeSpan]:
        return [span for span in self.spans if span.kind is trace.SpanKind.INTERNAL]

    @property
    def requests(self) -> list[FakeSpan]:
        return [span for span in self.spans if span.kind is trace.SpanKind.CLIENT]

    def get_tracer(self, *args: Any, **options: Any) -> trace.Tracer:
        return self.tracer

    def get_meter(self, *args: Any, **options: Any) -> metrics.Meter:
        telemetry = self

        class Histogram:
            def record(self, amount: float, attributes: Any = None, context: Any = None) -> None:
                telemetry.measured.append((amount, dict(attributes)))

        class Meter(metrics.NoOpMeter):
            def create_histogram(self, *args: Any, **options: Any) -> Any:
                telemetry.histograms.append((args[0], options["unit"]))
                return Histogram()

        return Meter("test")

    def tracing(self, **options: Any) -> OpenTelemetryTracing:
        return OpenTelemetryTracing(tracer_provider=self, meter_provider=self, **options)


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


@pytest.fixture
def fake() -> FakePlivo:
    return FakePlivo(auth_id="MA0123456789ABCDEF00")


class TestSpans:
    async def test_a_call_and_its_request_have_one_each(self, telemetry: Telemetry, fake: FakePlivo) -> None:
        client = fake.client(tracing=telemetry.tracing())

        await client.calls.get(fake.call_uuids[0])

        [call, request] = telemetry.spans
        assert (call.name, call.parent, call.kind) == ("plivo.calls.get", None, trace.SpanKind.INTERNAL)
        assert call.facts == {"plivo.attempts": 1}
        assert (request.name, request.parent, request.kind) == (GET, call.name, trace.SpanKind.CLIENT)
        api_id = request.facts.pop("plivo.api_id")
        assert len(api_id) == 36
        assert request.facts == {
            "http.request.method": "GET",
            "server.address": "fake-plivo.invalid",
            "server.port": 443,
            "url.template": GET.removeprefix("GET "),
            "url.full": "https://fake-plivo.invalid/v1/Account/REDACTED/Call/REDACTED/",
            "http.response.status_code": 200,
            "network.protocol.version": "1.1",
        }
        assert not call.is_error
        assert not request.is_error
        assert [span.ends for span in telemetry.spans] == [1, 1]

    async def test_each_attempt_has_its_own_with_the_number_of_resends(
        self, telemetry: Telemetry, fake: FakePlivo
    ) -> None:
        fake.script([503, Drop()])

        await fake.client(tracing=telemetry.tracing()).calls.get(fake.call_uuids[0])

        first, second, third = telemetry.requests
        assert [span.facts.get("http.request.resend_count") for span in telemetry.requests] == [None, 1, 2]
        assert (first.facts["error.type"], first.is_error) == ("503", True)
        assert second.facts["error.type"].startswith("httpx.")
        assert "http.response.status_code" not in second.facts
        assert second.is_error
        assert (third.facts.get("error.type"), third.is_error) == (None, False)
        assert telemetry.calls[0].facts == {"plivo.attempts": 3}
        assert not telemetry.calls[0].is_error

    @in_virtual_time
    async def test_a_resend_after_a_429_counts_and_the_wait_for_it_is_seen(
        self, telemetry: Telemetry, fake: FakePlivo
    ) -> None:
        fake.script([StubResponse(429, headers={"Retry-After": "2"})])
        client = fake.client(tracing=telemetry.tracing(), rate_limit=RateLimit(100, 5.0))

        await client.calls.get(fake.call_uuids[0])

        limited, sent = telemetry.requests
        assert (limited.facts["error.type"], limited.is_error) == ("429", True)
        assert sent.facts["http.request.resend_count"] == 1
        assert sent.facts["plivo.rate_limit.wait"] >= 2
        assert limited.ends == sent.ends == 1

    @pytest.mark.parametrize(
        ("fault", "error", "name"),
        [
            (500, ServerError, "plivo_async.ServerError"),
            (404, NotFoundError, "plivo_async.NotFoundError"),
            (Drop(), NetworkError, "plivo_async.NetworkError"),
        ],
    )
    async def test_a_failed_call_is_an_error(
        self, fault: Any, error: type[Exception], name: str, telemetry: Telemetry, fake: FakePlivo
    ) -> None:
        fake.script([fault])

        with pytest.raises(error):
            await fake.client(tracing=telemetry.tracing(), retry=None).calls.get(fake.call_uuids[0])

        [call] = telemetry.calls
        assert call.is_error
        assert call.facts == {"error.type": name, "plivo.attempts": 1}
        assert [span.is_error for span in telemetry.requests] == [True]

    @pytest.mark.parametrize(
        ("fault", "options", "error"),
        [
            (StubResponse(200, b"x"), {}, DecodeError),
            (StubResponse(200, b" " * 99), {"max_body": 9}, ResponseTooLargeError),
        ],
    )
    async def test_a_body_that_cannot_be_used_is_an_error_of_its_request(
        self, fault: Any, options: Any, error: type[Exception], telemetry: Telemetry, fake: FakePlivo
    ) -> None:
        fake.script([fault])

        with pytest.raises(error):
            await fake.client(tracing=telemetry.tracing(), retry=None, **options).calls.get(
                fake.call_uuids[0]
            )

        [request] = telemetry.requests
        assert request.is_error
        assert request.facts["error.type"] == f"plivo_async.{error.__name__}"
        assert request.facts["http.response.status_code"] == 200

    async def test_a_404_is_expected_within_wait_and_the_end_of_it_is_not(
        self, telemetry: Telemetry, fake: FakePlivo
    ) -> None:
        client = fake.client(tracing=telemetry.tracing())
        fake.publish_later(fake.call_uuids[0], after_requests=2)

        await client.calls.wait(fake.call_uuids[0])

        assert [span.name for span in telemetry.calls] == ["plivo.calls.wait", *["plivo.calls.get"] * 3]
        assert {span.parent for span in telemetry.calls[1:]} == {"plivo.calls.wait"}
        assert [span.facts["http.response.status_code"] for span in telemetry.requests] == [404, 404, 200]
        assert not any(span.is_error for span in telemetry.spans)
        with pytest.raises(NotFoundError):
            await client.calls.wait("no-such-call")
        assert [span.name for span in telemetry.spans if span.is_error] == ["plivo.calls.wait"]

    async def test_another_failure_within_wait_is_an_error(
        self, telemetry: Telemetry, fake: FakePlivo
    ) -> None:
        fake.script([503])

        await fake.client(tracing=telemetry.tracing(), retry=None).calls.wait(fake.call_uuids[0])

        assert [span.name for span in telemetry.spans if span.is_error] == ["plivo.calls.get", GET]

    async def test_cancelled_spans_end_and_are_no_errors(self, telemetry: Telemetry) -> None:
        waits = asyncio.Event()

        async def sleep(_: float) -> None:
            waits.set()
            await asyncio.Event().wait()

        fake = FakePlivo(latency=1, sleep=sleep)
        client = fake.client(tracing=telemetry.tracing())
        task = asyncio.create_task(client.calls.get(fake.call_uuids[0]))
        await waits.wait()

        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert [(span.ends, span.is_error) for span in telemetry.spans] == [(1, False)] * 2
        assert [span.facts["error.type"] for span in telemetry.spans] == ["cancelled"] * 2

    async def test_a_deadline_is_an_error_of_the_call(self, telemetry: Telemetry, fake: FakePlivo) -> None:
        fake.script([StubResponse(200, delay=30)])

        with pytest.raises(DeadlineExceededError):
            await fake.client(tracing=telemetry.tracing()).calls.get(fake.call_uuids[0], deadline=0.01)

        call, request = telemetry.spans
        assert (call.facts["error.type"], call.is_error) == ("plivo_async.DeadlineExceededError", True)
        assert (request.facts["error.type"], request.is_error) == ("cancelled", False)
        assert (call.ends, request.ends) == (1, 1)

    @pytest.mark.parametrize(
        ("run", "names"),
        [
            (lambda c: c.calls.live(), ["plivo.calls.live", "GET /v1/Account/{auth_id}/Call/"]),
            (lambda c: c.calls.queued(), ["plivo.calls.queued", "GET /v1/Account/{auth_id}/Call/"]),
            (lambda c: c.calls.get_live("live-1"), ["plivo.calls.get_live", GET]),
            (lambda c: c.calls.get_queued("queued-1"), ["plivo.calls.get_queued", GET]),
            (lambda c: c.calls.list(), ["plivo.calls.list", "GET /v1/Account/{auth_id}/Call/"]),
            (
                lambda c: c.trunk_calls.get("trunk-1"),
                ["plivo.trunk_calls.get", "GET /v1/Account/{auth_id}/Zentrunk/Call/{call_uuid}/"],
            ),
            (
                lambda c: c.trunk_calls.insights("trunk-1"),
                [
                    "plivo.trunk_calls.insights",
                    "GET /v1/Account/{auth_id}/Zentrunk/Call/{call_uuid}/Insights/",
                ],
            ),
            (
                lambda c: c.trunk_calls.list(),
                ["plivo.trunk_calls.list", "GET /v1/Account/{auth_id}/Zentrunk/Call/"],
            ),
            (
                lambda c: c.recordings.get("rec-1"),
                ["plivo.recordings.get", "GET /v1/Account/{auth_id}/Recording/{id}/"],
            ),
            (
                lambda c: c.recordings.list(),
                ["plivo.recordings.list", "GET /v1/Account/{auth_id}/Recording/"],
            ),
            (
                lambda c: c.request("GET", "Number/12025550123/"),
                ["plivo.request", "GET /v1/Account/{auth_id}/Number/{id}/"],
            ),
        ],
    )
    async def test_names_are_those_of_methods_and_templates(
        self, run: Callable[[AsyncClient], Any], names: list[str], telemetry: Telemetry, fake: FakePlivo
    ) -> None:
        fake.live_calls.add("live-1")
        fake.queued_calls.add("queued-1")
        with contextlib.suppress(NotFoundError):
            await run(fake.client(tracing=telemetry.tracing()))
        assert [span.name for span in telemetry.spans] == names

    async def test_nothing_private_is_in_a_span(self, telemetry: Telemetry, fake: FakePlivo) -> None:
        client = fake.client(tracing=telemetry.tracing())
        call_uuid = fake.call_uuids[0]
        await client.calls.get(call_uuid)
        await client.calls.list(from_number="12025550123")
        await client.request("GET", "Call/", params={"to_number": "12025550199", "12025550188": "1"})

        text = str([(span.name, span.facts) for span in telemetry.spans])

        for private in (fake.auth_id, fake.auth_token, call_uuid, "120255501"):
            assert private not in text
        assert (
            telemetry.requests[-1].facts["url.full"].endswith("/Call/?to_number=REDACTED&REDACTED=REDACTED")
        )

    async def test_a_response_without_an_api_id_has_none(self, telemetry: Telemetry, fake: FakePlivo) -> None:
        fake.script([StubResponse(200, b'{"api_id": 5}')])

        await fake.client(tracing=telemetry.tracing()).request("GET", "Call/")

        assert "plivo.api_id" not in telemetry.requests[0].facts

    async def test_the_call_uuid_is_recorded_on_demand(self, telemetry: Telemetry, fake: FakePlivo) -> None:
        client = fake.client(tracing=telemetry.tracing(record_call_uuid=True))

        await client.calls.get(fake.call_uuids[0])
        await client.calls.live()

        found = [span.facts.get("plivo.call_uuid") for span in telemetry.spans]
        assert found == [*fake.call_uuids * 2, None, None]

    async def test_each_call_of_a_batch_is_a_child_of_the_span_around_it(
        self, telemetry: Telemetry, fake: FakePlivo
    ) -> None:
        calls = fake.generate(50)
        fake.script([503] * 5, call_uuid=calls[3])
        around = telemetry.tracer.start_span("job")
        token = context.attach(trace.set_span_in_context(around))

        await fake.client(tracing=telemetry.tracing(), rate_limit=RateLimit(20, 0.05)).calls.get_many(calls)
        context.detach(token)

        assert {span.parent for span in telemetry.calls[1:]} == {"job"}
        assert {span.parent for span in telemetry.requests} == {"plivo.calls.get"}
        assert {span.ends for span in telemetry.spans[1:]} == {1}

    async def test_a_path_that_middleware_has_changed_is_not_shown(
        self, telemetry: Telemetry, fake: FakePlivo
    ) -> None:
        async def elsewhere(request: httpx.Request, call_next: CallNext) -> httpx.Response:
            request.url = httpx.URL("http://user:pass@other.example:81/secret/path?key=value")
            return await call_next(request)

        client = fake.client(tracing=telemetry.tracing(), attempt_middleware=[elsewhere])
        with pytest.raises(NotFoundError):
            await client.calls.get(fake.call_uuids[0])

        [request] = telemetry.requests
        assert request.name == "GET /{path}"
        assert request.facts["url.full"] == "http://other.example:81/REDACTED?key=REDACTED"


async def test_a_request_outside_of_a_call_has_a_span_too(telemetry: Telemetry) -> None:
    async def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200)

    await telemetry.tracing().request(httpx.Request("GET", "http://h.example/v1/Account/MA1/Call/"), answer)

    assert [span.name for span in telemetry.spans] == ["GET /v1/Account/{auth_id}/Call/"]


class TestPropagation:
    @pytest.fixture(autouse=True)
    def propagator(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(propagate, "propagators", TraceContextTextMapPropagator(), raising=False)
        monkeypatch.setattr(propagate, "inject", TraceContextTextMapPropagator().inject)

    async def test_each_request_carries_the_context_of_its_own_span(
        self, telemetry: Telemetry, fake: FakePlivo
    ) -> None:
        fake.script([503])
        await fake.client(tracing=telemetry.tracing()).calls.get(fake.call_uuids[0])

        sent = [request.headers.get("traceparent") for request in fake.requests]

        ids = [trace.format_span_id(span.get_span_context().span_id) for span in telemetry.requests]
        assert [header and header.split("-")[2] for header in sent] == ids

    async def test_it_can_be_left_out(self, telemetry: Telemetry, fake: FakePlivo) -> None:
        await fake.client(tracing=telemetry.tracing(propagate=False)).calls.get(fake.call_uuids[0])

        assert "traceparent" not in fake.requests[0].headers

    async def test_instrumentations_of_http_are_suppressed_during_a_request_only(
        self, telemetry: Telemetry, fake: FakePlivo
    ) -> None:
        key = "_SUPPRESS_HTTP_INSTRUMENTATION_KEY"
        seen: list[object] = []

        async def look(request: httpx.Request, call_next: CallNext) -> httpx.Response:
            seen.append(context.get_value(getattr(context, key)))
            return await call_next(request)

        transport = httpx.ASGITransport(app=fake)
        async with httpx.AsyncClient(transport=transport) as http_client:

            async def hook(request: httpx.Request) -> None:
                seen.append(context.get_value(getattr(context, key)))

            http_client.event_hooks["request"] = [hook]
            client = AsyncClient(
                fake.auth_id,
                fake.auth_token,
                http_client=http_client,
                middleware=[look],
                attempt_middleware=[look],
                tracing=telemetry.tracing(),
            )
            await client.calls.get(fake.call_uuids[0])

        assert seen == [None, None, True]


class TestMetrics:
    async def test_the_duration_of_each_request_is_measured(
        self, telemetry: Telemetry, fake: FakePlivo
    ) -> None:
        fake.script([503])
        await fake.client(tracing=telemetry.tracing()).calls.get(fake.call_uuids[0])

        assert telemetry.histograms == [("http.client.request.duration", "s")]
        [(first, failed), (_, succeeded)] = telemetry.measured
        assert 0 < first < 30
        assert (failed["http.response.status_code"], failed["error.type"]) == (503, "503")
        assert succeeded == {
            "http.request.method": "GET",
            "server.address": "fake-plivo.invalid",
            "server.port": 443,
            "url.template": GET.removeprefix("GET "),
            "http.response.status_code": 200,
            "network.protocol.version": "1.1",
        }


async def test_without_an_sdk_it_does_nothing(fake: FakePlivo) -> None:
    client = fake.client(tracing=OpenTelemetryTracing())

    assert (await client.calls.get(fake.call_uuids[0])).is_answered
    assert "traceparent" not in fake.requests[0].headers


def test_without_opentelemetry_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.delitem(sys.modules, "plivo_async.otel")

    with pytest.raises(ImportError, match=r'pip install "plivo-async\[otel\]"'):
        importlib.import_module("plivo_async.otel")
