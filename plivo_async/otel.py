"""OpenTelemetry: a span for each call, a span for each request, and a histogram of their duration.

Names and attributes follow the stable conventions for HTTP clients, and contain no account, number or token.
https://opentelemetry.io/docs/specs/semconv/http/http-spans/
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from attrs import define, frozen

try:
    from opentelemetry import context, metrics, propagate, trace
except ImportError:
    raise ImportError('tracing needs opentelemetry-api: pip install "plivo-async[otel]"') from None

from plivo_async._httpx import httpx
from plivo_async._version import __version__
from plivo_async.context import CallInfo
from plivo_async.errors import NotFoundError
from plivo_async.exported import exported
from plivo_async.middleware import CallNext
from plivo_async.route import route_of
from plivo_async.urls import DEFAULT_PORTS

T = TypeVar("T")

__all__ = ["OpenTelemetryTracing"]

_NAME = "plivo_async"
_SCHEMA_URL = "https://opentelemetry.io/schemas/1.23.0"
_ACCOUNT_PATH = re.compile(r"(?P<root>/(?:.*?/)?v1/Account/)[^/]+/(?P<path>.*)", re.DOTALL)
_PARAMETER = re.compile(r"[a-z_]+")
_PLACEHOLDER = re.compile(r"\{[a-z_]+\}")
_API_ID = re.compile(rb'"api_id"\s*:\s*"([0-9A-Fa-f-]{36})"')
_API_ID_SEARCHED_BYTES = 65_536
# As the convention recommends them.
_BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
# The instrumentations of HTTP libraries look at it before they make a span. It is not public, but the
# instrumentation of each library relies on it.
_SUPPRESS_HTTP = getattr(context, "_SUPPRESS_HTTP_INSTRUMENTATION_KEY", "suppress_http_instrumentation")
_WAITING = context.create_key("plivo_async-waiting")
_CALL = context.create_key("plivo_async-call")
_ERROR = trace.StatusCode.ERROR


@exported
class OpenTelemetryTracing:
    """Spans and metrics of a client: `AsyncClient(tracing=OpenTelemetryTracing())`.

    - An INTERNAL span for each call, such as `plivo.calls.get`. It has `plivo.attempts`.
    - Within it a CLIENT span for each request, such as `GET /v1/Account/{auth_id}/Call/{call_uuid}/`. It has
      `plivo.api_id`, `http.request.resend_count` from the second request on, and `plivo.rate_limit.wait`: the
      seconds that it waited for its permit. Its context is sent in the headers of the request.
    - The histogram `http.client.request.duration`, in seconds.

    A status of 4xx or 5xx makes the status of a span ERROR, except a 404 within `calls.wait`. A cancelled
    call or request has the `error.type` "cancelled", without the status ERROR. While a request is sent, the
    instrumentation of httpx makes no span of its own.

    One object may serve any number of clients. The names follow
    https://opentelemetry.io/docs/specs/semconv/http/http-spans/.

    Args:
        tracer_provider: The source of the tracer. Default: the global one.
        meter_provider: The source of the meter. Default: the global one.
        propagate: Whether the context is sent in the headers, by the global propagator.
        record_call_uuid: Whether the spans have the call UUID, in `plivo.call_uuid`.
    """

    def __init__(
        self,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
        propagate: bool = True,
        record_call_uuid: bool = False,
    ) -> None:
        self._tracer = trace.get_tracer(_NAME, __version__, tracer_provider, _SCHEMA_URL)
        meter = metrics.get_meter(_NAME, __version__, meter_provider, _SCHEMA_URL)
        self._duration = meter.create_histogram(
            "http.client.request.duration",
            unit="s",
            description="Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=_BUCKETS_SECONDS,
        )
        self._propagates = propagate
        self._records_call_uuid = record_call_uuid

    async def call(self, info: CallInfo, call_next: Callable[[], Awaitable[T]], /) -> T:
        """Surround a call with a span.

        Args:
            info: The call before its first request.
            call_next: Runs the call.

        Returns:
            The result of `call_next`.
        """
        span = self._tracer.start_span(f"plivo.{info.operation}")
        if self._records_call_uuid and info.call_uuid is not None:
            span.set_attribute("plivo.call_uuid", info.call_uuid)
        expects_404 = context.get_value(_WAITING) is not None
        counts = _Counts()
        scope = context.set_value(_CALL, counts, trace.set_span_in_context(span))
        if info.operation == "calls.wait":
            scope = context.set_value(_WAITING, True, scope)
        token = context.attach(scope)
        try:
            return await call_next()
        except BaseException as error:
            span.set_attribute("error.type", _type_of(error))
            if not isinstance(error, asyncio.CancelledError) and not (
                expects_404 and isinstance(error, NotFoundError)
            ):
                span.set_status(_ERROR)
            raise
        finally:
            context.detach(token)
            if counts.requests:
                span.set_attribute("plivo.attempts", counts.requests)
            span.end()

    async def request(self, request: httpx.Request, call_next: CallNext, /) -> httpx.Response:
        """Surround a request with a span, and measure its duration.

        Args:
            request: The request. The headers of the context are added to it.
            call_next: Sends the request.

        Returns:
            The response.
        """
        info, target = CallInfo.of(request), _Target.of(request.url)
        counts = context.get_value(_CALL)
        if isinstance(counts, _Counts):
            counts.requests += 1
        facts: dict[str, str | int] = {
            "http.request.method": request.method,
            "server.address": target.address,
            "server.port": target.port,
            "url.template": target.template,
        }
        span = self._tracer.start_span(
            f"{request.method} {target.template}", kind=trace.SpanKind.CLIENT, attributes=facts
        )
        if span.is_recording():
            span.set_attribute("url.full", target.masked(request.url))
            self._describe(span, info)
        scope = context.set_value(_SUPPRESS_HTTP, True, trace.set_span_in_context(span))
        if self._propagates:
            carrier: dict[str, str] = {}
            propagate.inject(carrier, scope)
            request.headers.update(carrier)
        token = context.attach(scope)
        began = time.perf_counter()
        try:
            response = await call_next(request)
            facts |= _facts_of(response)
            if span.is_recording():
                _describe_response(span, response)
        except BaseException as error:
            facts["error.type"] = _type_of(error)
            status = getattr(error, "status", None)
            if status is not None:
                facts["http.response.status_code"] = status
            if not isinstance(error, asyncio.CancelledError):
                span.set_status(_ERROR)
            raise
        else:
            return response
        finally:
            context.detach(token)
            # In the context of the span, which is the example of the measurement.
            self._duration.record(time.perf_counter() - began, facts, scope)
            span.set_attributes(facts)
            span.end()

    def _describe(self, span: trace.Span, info: CallInfo) -> None:
        if info.attempts:
            span.set_attribute("http.request.resend_count", info.attempts)
        if info.permit_seconds:
            span.set_attribute("plivo.rate_limit.wait", info.permit_seconds)
        if self._records_call_uuid and info.call_uuid is not None:
            span.set_attribute("plivo.call_uuid", info.call_uuid)


@define
class _Counts:
    """The requests of one call."""

    requests: int = 0


@frozen
class _Target:
    """Where a request goes, without the account and without identifiers.

    Attributes:
        address: The host.
        port: The port.
        template: The path as a template.
    """

    address: str
    port: int
    template: str

    @classmethod
    def of(cls, url: httpx.URL) -> _Target:
        match = _ACCOUNT_PATH.fullmatch(url.path)
        # A middleware may have changed the path to any other.
        template = "/{path}" if match is None else f"{match['root']}{{auth_id}}/{route_of(match['path'])}"
        return cls(url.host, url.port or DEFAULT_PORTS.get(url.scheme, 0), template)

    def masked(self, url: httpx.URL) -> str:
        """Return the whole URL, in which every value is masked."""
        full = f"{url.scheme}://{url.netloc.decode('ascii')}{_PLACEHOLDER.sub('REDACTED', self.template)}"
        if not url.query:
            return full
        names = (name if _PARAMETER.fullmatch(name) else "REDACTED" for name in url.params)
        return f"{full}?{'&'.join(f'{name}=REDACTED' for name in names)}"


def _facts_of(response: httpx.Response) -> dict[str, str | int]:
    status = response.status_code
    facts: dict[str, str | int] = {
        "http.response.status_code": status,
        "network.protocol.version": response.http_version.removeprefix("HTTP/"),
    }
    if status >= 400:
        facts["error.type"] = str(status)
    return facts


def _describe_response(span: trace.Span, response: httpx.Response) -> None:
    expected = response.status_code == 404 and context.get_value(_WAITING) is not None
    if response.status_code >= 400 and not expected:
        span.set_status(_ERROR)
    match = _API_ID.search(response.content, 0, _API_ID_SEARCHED_BYTES)
    if match is not None:
        span.set_attribute("plivo.api_id", match[1].decode("ascii"))


def _type_of(error: BaseException) -> str:
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    kind = type(error)
    return f"{kind.__module__}.{kind.__qualname__}"
