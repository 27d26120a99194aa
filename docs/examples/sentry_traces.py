# sentry_traces.py
"""Sends the trace of one call to Sentry: pip install sentry-sdk, and set SENTRY_DSN."""

import asyncio

import sentry_sdk

from plivo_async import AsyncClient


async def main() -> None:
    # In production: a smaller rate. Sentry finds httpx by itself.
    sentry_sdk.init(traces_sample_rate=1.0)

    async with AsyncClient() as client:
        with sentry_sdk.start_transaction(op="task", name="bill a call"):
            record = await client.calls.get("5607532d-5037-4066-befc-a8b40218dd4f")
    print(f"{record.billed_duration} s for {record.total_amount}")


if __name__ == "__main__":
    asyncio.run(main())
