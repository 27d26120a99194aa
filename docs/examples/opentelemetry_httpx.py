# opentelemetry_httpx.py
"""Prints a span for each request: pip install opentelemetry-sdk opentelemetry-instrumentation-httpx."""

import asyncio

from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

from plivo_async import AsyncClient


async def main() -> None:
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
    trace.set_tracer_provider(provider)
    # At any time: clients that exist already are seen too.
    HTTPXClientInstrumentor().instrument()

    async with AsyncClient() as client:
        record = await client.calls.get("5607532d-5037-4066-befc-a8b40218dd4f")
    print(f"{record.billed_duration} s for {record.total_amount}")
    provider.shutdown()


if __name__ == "__main__":
    asyncio.run(main())
