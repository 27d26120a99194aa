# starlette_service.py
"""The cost of calls, as a Starlette service: uvicorn starlette_service:app."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TypedDict

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from plivo_async import AsyncClient, InvalidCallUUIDError, NotFoundError, PlivoError

logging.basicConfig()
logger = logging.getLogger("starlette_service")
logger.setLevel(logging.INFO)


class State(TypedDict):
    plivo: AsyncClient
    tasks: set[asyncio.Task[None]]


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncGenerator[State, None]:
    tasks = set[asyncio.Task[None]]()
    async with AsyncClient() as client:
        yield {"plivo": client, "tasks": tasks}
    # The closed client has ended every wait. Let the tasks log it.
    await asyncio.gather(*tasks)


async def cost(request: Request[State]) -> Response:
    client = request.state["plivo"]
    record = await client.calls.get(request.path_params["call_uuid"], deadline=5.0)
    amount = None if record.total_amount is None else str(record.total_amount)
    return JSONResponse({"seconds": record.billed_duration, "amount": amount})


async def call(request: Request[State]) -> Response:
    client = request.state["plivo"]
    record = await client.calls.get(request.path_params["call_uuid"], deadline=5.0)
    return Response(record.to_json(), media_type="application/json")


async def settle(request: Request[State]) -> Response:
    client, tasks = request.state["plivo"], request.state["tasks"]
    # Starlette's own background tasks would hold up the shutdown for as long as the wait.
    task = asyncio.create_task(settle_call(client, request.path_params["call_uuid"]))
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return Response(status_code=202)


async def settle_call(client: AsyncClient, call_uuid: str) -> None:
    try:
        record = await client.calls.wait(call_uuid, deadline=600.0)
    except PlivoError as error:
        logger.warning("call %s: no record, to be fetched later: %s", call_uuid, error)
    else:
        logger.info("call %s cost %s", call_uuid, record.total_amount)


async def plivo_error(request: Request, error: Exception) -> Response:
    return JSONResponse({"detail": type(error).__name__}, status_of(error))


def status_of(error: Exception) -> int:
    match error:
        case NotFoundError():
            return 404
        case InvalidCallUUIDError():
            return 422
        case PlivoError(retryable=True):
            return 503
        case _:
            return 502


app = Starlette(
    lifespan=lifespan,
    routes=[
        Route("/calls/{call_uuid}/cost", cost),
        Route("/calls/{call_uuid}", call),
        Route("/calls/{call_uuid}/settle", settle, methods=["POST"]),
    ],
    exception_handlers={PlivoError: plivo_error},
)
