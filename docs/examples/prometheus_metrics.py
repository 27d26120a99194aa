# prometheus_metrics.py
"""Metrics of a client on http://127.0.0.1:9000/metrics: pip install plivo-async prometheus-client."""

import asyncio

from prometheus_client import Counter, Gauge, Histogram, generate_latest, start_http_server

from plivo_async import AsyncClient
from plivo_async.events import CallDone, Event, ResponseReceived, Throttled

CALLS = Histogram("plivo_call_seconds", "Calls, with their retries and waits", ["route", "outcome"])
RESPONSES = Counter("plivo_responses", "Responses", ["route", "status"])
PAUSES = Counter("plivo_pauses", "Pauses after a 429")
IN_FLIGHT = Gauge("plivo_calls_in_flight", "Calls under way")


def measure(event: Event) -> None:
    match event:
        case CallDone():
            CALLS.labels(event.route, event.outcome).observe(event.seconds)
        case ResponseReceived():
            RESPONSES.labels(event.route, str(event.status)).inc()
        case Throttled():
            PAUSES.inc()
        case _:
            pass


async def main() -> None:
    start_http_server(9000, addr="127.0.0.1")
    async with AsyncClient(on_event=measure) as client:
        IN_FLIGHT.set_function(lambda: client.stats().in_flight)
        outcomes = await client.calls.get_many(["5607532d-5037-4066-befc-a8b40218dd4f", "no-such-call"])
    print(f"{len(outcomes)} outcomes")
    # What Prometheus reads.
    print(generate_latest().decode())


if __name__ == "__main__":
    asyncio.run(main())
