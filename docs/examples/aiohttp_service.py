# aiohttp_service.py
"""The cost of calls, as a service of aiohttp.web: python aiohttp_service.py."""

import asyncio
import logging
from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.typedefs import Handler

from plivo_async import AsyncClient, InvalidCallUUIDError, NotFoundError, PlivoError

logging.basicConfig()
logger = logging.getLogger("aiohttp_service")
logger.setLevel(logging.INFO)
PLIVO = web.AppKey("PLIVO", AsyncClient)
TASKS = web.AppKey("TASKS", set[asyncio.Task[None]])
routes = web.RouteTableDef()


async def lifespan(app: web.Application) -> AsyncIterator[None]:
    app[TASKS] = set()
    async with AsyncClient() as app[PLIVO]:
        yield
    # The closed client has ended every wait. Let the tasks log it.
    await asyncio.gather(*app[TASKS])


@routes.get("/calls/{call_uuid}/cost")
async def cost(request: web.Request) -> web.Response:
    record = await request.app[PLIVO].calls.get(request.match_info["call_uuid"], deadline=5.0)
    amount = None if record.total_amount is None else str(record.total_amount)
    return web.json_response({"seconds": record.billed_duration, "amount": amount})


@routes.get("/calls/{call_uuid}")
async def call(request: web.Request) -> web.Response:
    record = await request.app[PLIVO].calls.get(request.match_info["call_uuid"], deadline=5.0)
    return web.json_response(text=record.to_json())


@routes.post("/calls/{call_uuid}/settle")
async def settle(request: web.Request) -> web.Response:
    tasks = request.app[TASKS]
    task = asyncio.create_task(settle_call(request.app[PLIVO], request.match_info["call_uuid"]))
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return web.Response(status=202)


async def settle_call(client: AsyncClient, call_uuid: str) -> None:
    try:
        record = await client.calls.wait(call_uuid, deadline=600.0)
    except PlivoError as error:
        logger.warning("call %s: no record, to be fetched later: %s", call_uuid, error)
    else:
        logger.info("call %s cost %s", call_uuid, record.total_amount)


@web.middleware
async def plivo_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except PlivoError as error:
        return web.json_response({"detail": type(error).__name__}, status=status_of(error))


def status_of(error: PlivoError) -> int:
    match error:
        case NotFoundError():
            return 404
        case InvalidCallUUIDError():
            return 422
        case _:
            return 503 if error.retryable else 502


def make_app() -> web.Application:
    app = web.Application(middlewares=[plivo_errors])
    app.cleanup_ctx.append(lifespan)
    app.add_routes(routes)
    return app


if __name__ == "__main__":
    # A handler whose client has gone is cancelled, and so is its call.
    web.run_app(make_app(), port=8000, handler_cancellation=True)
