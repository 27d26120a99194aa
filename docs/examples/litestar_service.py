# litestar_service.py
"""The cost of calls, as a Litestar service: uvicorn litestar_service:app."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from litestar import Litestar, Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.logging import LoggingConfig
from litestar.params import FromPath

from plivo_async import AsyncClient, InvalidCallUUIDError, NotFoundError, PlivoError

logger = logging.getLogger("litestar_service")


@asynccontextmanager
async def lifespan(app: Litestar) -> AsyncGenerator[None, None]:
    tasks = set[asyncio.Task[None]]()
    async with AsyncClient() as client:
        app.state.update({"plivo": client, "tasks": tasks})
        yield
    # The closed client has ended every wait. Let the tasks log it.
    await asyncio.gather(*tasks)
    app.state.clear()


async def plivo(state: State) -> AsyncClient:
    client: AsyncClient = state.plivo
    return client


@dataclass
class Cost:
    seconds: int | None
    amount: Decimal | None


@get("/calls/{call_uuid:str}/cost")
async def cost(call_uuid: FromPath[str], client: NamedDependency[AsyncClient]) -> Cost:
    record = await client.calls.get(call_uuid, deadline=5.0)
    return Cost(record.billed_duration, record.total_amount)


@get("/calls/{call_uuid:str}")
async def call(call_uuid: FromPath[str], client: NamedDependency[AsyncClient]) -> dict[str, Any]:
    record = await client.calls.get(call_uuid, deadline=5.0)
    return record.to_dict()


@post("/calls/{call_uuid:str}/settle", status_code=202)
async def settle(call_uuid: FromPath[str], client: NamedDependency[AsyncClient], state: State) -> None:
    # Litestar's own background tasks would hold up the shutdown for as long as the wait.
    task = asyncio.create_task(settle_call(client, call_uuid))
    state.tasks.add(task)
    task.add_done_callback(state.tasks.discard)


async def settle_call(client: AsyncClient, call_uuid: str) -> None:
    try:
        record = await client.calls.wait(call_uuid, deadline=600.0)
    except PlivoError as error:
        logger.warning("call %s: no record, to be fetched later: %s", call_uuid, error)
    else:
        logger.info("call %s cost %s", call_uuid, record.total_amount)


def plivo_error(request: Request[Any, Any, Any], error: PlivoError) -> Response[dict[str, str]]:
    return Response({"detail": type(error).__name__}, status_code=status_of(error))


def status_of(error: PlivoError) -> int:
    match error:
        case NotFoundError():
            return 404
        case InvalidCallUUIDError():
            return 422
        case _:
            return 503 if error.retryable else 502


app = Litestar(
    [cost, call, settle],
    lifespan=[lifespan],
    dependencies={"client": Provide(plivo)},
    exception_handlers={PlivoError: plivo_error},
    # By default a thread writes the log, and the last lines are lost when the process ends by a signal.
    logging_config=LoggingConfig(
        root={"level": "INFO", "handlers": ["console"]},
        loggers={"litestar": {"level": "INFO", "handlers": ["console"], "propagate": False}},
        log_exceptions="always",
        # These are responses, not faults of the service.
        disable_stack_trace={NotFoundError, InvalidCallUUIDError},
    ),
)
