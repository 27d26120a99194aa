# hangup_service.py
"""A service for Plivo's hang-up callbacks, on FastAPI: uvicorn hangup_service:app.

It needs PLIVO_AUTH_ID, PLIVO_AUTH_TOKEN, and in PUBLIC_URL the address that Plivo calls, such as
https://app.example.com.
"""

import logging
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, TypedDict

from call_collector import CallCollector
from fastapi import Depends, FastAPI, HTTPException, Request

from plivo_async import AsyncClient, DecodeError, SignatureError
from plivo_async.webhooks import HangupEvent, public_url, verify

logger = logging.getLogger("hangup_service")
MAX_BODY_BYTES = 64 * 1024


class State(TypedDict):
    collector: CallCollector
    public_url: str
    auth_token: str


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[State, None]:
    # uvicorn shows no log records but its own.
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "INFO"))
    # Read here, so that the module can be imported without them.
    public_url, auth_token = os.environ["PUBLIC_URL"], os.environ["PLIVO_AUTH_TOKEN"]
    database = Path(os.environ.get("DATABASE", "calls.db"))
    seconds = float(os.environ.get("RECONCILE_SECONDS", "600"))
    async with AsyncClient() as client, CallCollector(client, database, seconds) as collector:
        yield {"collector": collector, "public_url": public_url, "auth_token": auth_token}


app = FastAPI(lifespan=lifespan)


async def verified_body(request: Request) -> bytes:
    body = b""
    # Anybody can post here, so the size is checked before the signature.
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413)
    url = public_url(request.state.public_url, str(request.url))
    try:
        verify(request.method, url, request.headers, body, auth_token=request.state.auth_token)
    except SignatureError as error:
        logger.warning("a callback was refused: %s", error)
        raise HTTPException(403) from error
    return body


@app.post("/plivo/hangup", status_code=204)
async def hangup(body: Annotated[bytes, Depends(verified_body)], request: Request) -> None:
    collector: CallCollector = request.state.collector
    try:
        collector.announce(HangupEvent.from_form(body))
    except DecodeError as error:
        # Plivo would send the same again. The next list has the call.
        logger.warning("a callback was not read: %s", error)
