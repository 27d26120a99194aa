"""Asks once under `opentelemetry-instrument`, and writes the names of the spans."""

from __future__ import annotations

import asyncio
import json
import sys

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from plivo_async import AsyncClient
from tests.offline import AUTH_ID, CALL_UUID, TOKEN


async def main(url: str) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    async with AsyncClient(AUTH_ID, TOKEN, base_url=url) as client:
        await client.calls.get(CALL_UUID)
    sys.stdout.write(json.dumps([span.name for span in exporter.get_finished_spans()]))


asyncio.run(main(sys.argv[1]))
