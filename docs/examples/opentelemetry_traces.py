# opentelemetry_traces.py
"""Prints the spans of one call: pip install "plivo-async[otel]" opentelemetry-sdk."""

import asyncio

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

from plivo_async import AsyncClient
from plivo_async.otel import OpenTelemetryTracing


def set_up_tracing() -> TracerProvider:
    provider = TracerProvider(resource=Resource.create({"service.name": "billing"}))
    # In production: OTLPSpanExporter() of opentelemetry-exporter-otlp.
    provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider


async def main() -> None:
    provider = set_up_tracing()
    async with AsyncClient(tracing=OpenTelemetryTracing()) as client:
        record = await client.calls.get("5607532d-5037-4066-befc-a8b40218dd4f")
    print(f"{record.billed_duration} s for {record.total_amount}")
    provider.shutdown()


if __name__ == "__main__":
    asyncio.run(main())
