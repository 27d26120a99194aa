"""Measures the CPU that events and traces cost a call, switched off and on.

From a clone, in a virtual environment:

    pip install -e ".[otel]" opentelemetry-sdk
    python -m tests.benchmarks.traced

One client for each row, all in one process, ask a local server for the documented record, one call after the
other, in turns of 200 calls. A row is the CPU time of a call, the median of its turns, and the median ratio
to the first row.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from plivo_async import AsyncClient, RateLimit
from plivo_async.otel import OpenTelemetryTracing
from tests.benchmarks import local_server

_TURN = 200


class _Nowhere(SpanExporter):
    def export(self, spans: Any) -> SpanExportResult:
        return SpanExportResult.SUCCESS


def _tracing(**options: Any) -> OpenTelemetryTracing:
    provider = TracerProvider(**options)
    provider.add_span_processor(BatchSpanProcessor(_Nowhere()))
    return OpenTelemetryTracing(
        tracer_provider=provider, meter_provider=MeterProvider([InMemoryMetricReader()])
    )


ROWS: dict[str, Callable[[], dict[str, Any]]] = {
    "nothing": dict,
    "on_event, an empty function": lambda: {"on_event": lambda _: None},
    "OpenTelemetryTracing, no SDK": lambda: {"tracing": OpenTelemetryTracing()},
    "OpenTelemetryTracing, none sampled": lambda: {"tracing": _tracing(sampler=ALWAYS_OFF)},
    "OpenTelemetryTracing, all sampled": lambda: {"tracing": _tracing()},
}


async def measure(port: int, turns: int) -> dict[str, list[float]]:
    """Return the CPU seconds per call of each turn, by row."""
    samples: dict[str, list[float]] = {name: [] for name in ROWS}
    async with AsyncExitStack() as stack:
        clients: dict[str, AsyncClient] = {}
        for name, options in ROWS.items():
            client = AsyncClient(
                local_server.AUTH_ID,
                "token",
                base_url=f"http://127.0.0.1:{port}",
                rate_limit=RateLimit(local_server.UNLIMITED),
                **options(),
            )
            clients[name] = await stack.enter_async_context(client)
        for turn in range(turns + 1):
            for name, client in clients.items():
                began = time.process_time()
                for _ in range(_TURN):
                    await client.calls.get(local_server.CALL_UUID)
                # The first turn warms up.
                if turn:
                    samples[name].append((time.process_time() - began) / _TURN)
    return samples


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--turns", type=int, default=30, help="turns of each row")
    options = parser.parse_args()
    with local_server.running() as port:
        samples = asyncio.run(measure(port, options.turns))
    first = samples["nothing"]
    for name, seconds in samples.items():
        ratio = statistics.median(one / other for one, other in zip(seconds, first, strict=True))
        sys.stdout.write(f"{name:38} {statistics.median(seconds) * 1e6:7.0f} us  {ratio:6.3f}\n")


if __name__ == "__main__":
    main()
