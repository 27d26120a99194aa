# lambda_asgi.py
"""A FastAPI service on AWS Lambda, behind a function URL. The handler is `lambda_asgi.handler`."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from mangum import Mangum

from plivo_async import AsyncClient, CallDetailRecord, NotFoundError, RateLimit

app = FastAPI()
# One for each execution environment. Building does no I/O, and Mangum runs all invocations in one loop.
client = AsyncClient(rate_limit=RateLimit(requests=30, per=5.0))


def plivo() -> AsyncClient:
    return client


@app.get("/calls/{call_uuid}")
async def call(call_uuid: str, client: Annotated[AsyncClient, Depends(plivo)]) -> CallDetailRecord:
    try:
        return await client.calls.get(call_uuid, deadline=5.0)
    except NotFoundError as error:
        raise HTTPException(404, str(error)) from error


# With a lifespan Mangum would start and stop the app in each invocation, with a new connection each time.
handler = Mangum(app, lifespan="off")
