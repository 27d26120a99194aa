# fastapi_service.py
"""The cost of calls, as a FastAPI service: uvicorn fastapi_service:app."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Annotated, TypedDict

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from plivo_async import AsyncClient, CallDetailRecord, InvalidCallUUIDError, NotFoundError, PlivoError

logging.basicConfig()
logger = logging.getLogger("fastapi_service")
logger.setLevel(logging.INFO)
Tasks = set[asyncio.Task[None]]


class State(TypedDict):
    plivo: AsyncClient
    tasks: Tasks


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[State, None]:
    tasks = Tasks()
    async with AsyncClient() as client:
        yield {"plivo": client, "tasks": tasks}
    # The closed client has ended every wait. Let the tasks log it.
    await asyncio.gather(*tasks)


app = FastAPI(lifespan=lifespan)


# `async`, because FastAPI calls a plain function in a thread.
async def plivo(request: Request) -> AsyncClient:
    client: AsyncClient = request.state.plivo
    return client


async def background_tasks(request: Request) -> Tasks:
    tasks: Tasks = request.state.tasks
    return tasks


Plivo = Annotated[AsyncClient, Depends(plivo)]
BackgroundTasks = Annotated[Tasks, Depends(background_tasks)]


class Cost(BaseModel):
    seconds: int | None
    amount: Decimal | None


@app.get("/calls/{call_uuid}/cost")
async def cost(call_uuid: str, client: Plivo) -> Cost:
    record = await client.calls.get(call_uuid, deadline=5.0)
    return Cost(seconds=record.billed_duration, amount=record.total_amount)


@app.get("/calls/{call_uuid}")
async def call(call_uuid: str, client: Plivo) -> CallDetailRecord:
    return await client.calls.get(call_uuid, deadline=5.0)


@app.post("/calls/{call_uuid}/settle", status_code=202)
async def settle(call_uuid: str, client: Plivo, tasks: BackgroundTasks) -> None:
    # FastAPI's own background tasks would hold up the shutdown for as long as the wait.
    task = asyncio.create_task(settle_call(client, call_uuid))
    tasks.add(task)
    task.add_done_callback(tasks.discard)


async def settle_call(client: AsyncClient, call_uuid: str) -> None:
    try:
        record = await client.calls.wait(call_uuid, deadline=600.0)
    except PlivoError as error:
        logger.warning("call %s: no record, to be fetched later: %s", call_uuid, error)
    else:
        logger.info("call %s cost %s", call_uuid, record.total_amount)


@app.exception_handler(PlivoError)
async def plivo_error(request: Request, error: PlivoError) -> JSONResponse:
    return JSONResponse({"detail": type(error).__name__}, status_of(error))


def status_of(error: PlivoError) -> int:
    match error:
        case NotFoundError():
            return 404
        case InvalidCallUUIDError():
            return 422
        case _:
            return 503 if error.retryable else 502
