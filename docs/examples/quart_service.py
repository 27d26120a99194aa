# quart_service.py
"""The cost of calls, as a Quart service: hypercorn quart_service:app."""

import asyncio
import logging
from typing import Any

from quart import Quart, Response, current_app

from plivo_async import AsyncClient, InvalidCallUUIDError, NotFoundError, PlivoError

logging.basicConfig()
logger = logging.getLogger("quart_service")
logger.setLevel(logging.INFO)
app = Quart(__name__)
# Seconds that background tasks have at a shutdown, before they are cancelled.
app.config["BACKGROUND_TASK_SHUTDOWN_TIMEOUT"] = 1


# Not `while_serving`, whose generator is used up after one test.
@app.before_serving
async def open_client() -> None:
    app.extensions["plivo"] = AsyncClient()


@app.after_serving
async def close_client() -> None:
    client: AsyncClient = app.extensions.pop("plivo")
    await client.aclose()


def plivo() -> AsyncClient:
    client: AsyncClient = current_app.extensions["plivo"]
    return client


@app.get("/calls/<call_uuid>/cost")
async def cost(call_uuid: str) -> dict[str, Any]:
    record = await plivo().calls.get(call_uuid, deadline=5.0)
    amount = None if record.total_amount is None else str(record.total_amount)
    return {"seconds": record.billed_duration, "amount": amount}


@app.get("/calls/<call_uuid>")
async def call(call_uuid: str) -> Response:
    record = await plivo().calls.get(call_uuid, deadline=5.0)
    return Response(record.to_json(), mimetype="application/json")


@app.post("/calls/<call_uuid>/settle")
async def settle(call_uuid: str) -> tuple[str, int]:
    app.add_background_task(settle_call, plivo(), call_uuid)
    return "", 202


async def settle_call(client: AsyncClient, call_uuid: str) -> None:
    try:
        record = await client.calls.wait(call_uuid, deadline=600.0)
    except PlivoError as error:
        logger.warning("call %s: no record, to be fetched later: %s", call_uuid, error)
    except asyncio.CancelledError:
        logger.warning("call %s: no record, to be fetched later: the service stops", call_uuid)
        raise
    else:
        logger.info("call %s cost %s", call_uuid, record.total_amount)


@app.errorhandler(PlivoError)
async def plivo_error(error: PlivoError) -> tuple[dict[str, str], int]:
    return {"detail": type(error).__name__}, status_of(error)


def status_of(error: PlivoError) -> int:
    match error:
        case NotFoundError():
            return 404
        case InvalidCallUUIDError():
            return 422
        case _:
            return 503 if error.retryable else 502
