# aiohttp_hangup_service.py
"""A service for Plivo's hang-up callbacks, on aiohttp.web: python aiohttp_hangup_service.py.

It needs PLIVO_AUTH_ID, PLIVO_AUTH_TOKEN, and in PUBLIC_URL the address that Plivo calls, such as
https://app.example.com.
"""

import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web
from call_collector import CallCollector

from plivo_async import AsyncClient, DecodeError, SignatureError
from plivo_async.webhooks import HangupEvent, public_url, verify

logger = logging.getLogger("aiohttp_hangup_service")
COLLECTOR = web.AppKey("COLLECTOR", CallCollector)
PUBLIC_URL = web.AppKey("PUBLIC_URL", str)
AUTH_TOKEN = web.AppKey("AUTH_TOKEN", str)
MAX_BODY_BYTES = 64 * 1024
routes = web.RouteTableDef()


async def lifespan(app: web.Application) -> AsyncIterator[None]:
    database = Path(os.environ.get("DATABASE", "calls.db"))
    async with AsyncClient() as client, CallCollector(client, database) as app[COLLECTOR]:
        yield


@routes.post("/plivo/hangup")
async def hangup(request: web.Request) -> web.Response:
    body = await request.read()
    url = public_url(request.app[PUBLIC_URL], request.raw_path)
    try:
        verify(request.method, url, request.headers, body, auth_token=request.app[AUTH_TOKEN])
    except SignatureError as error:
        logger.warning("a callback was refused: %s", error)
        raise web.HTTPForbidden from error
    try:
        request.app[COLLECTOR].announce(HangupEvent.from_form(body))
    except DecodeError as error:
        # Plivo would send the same again. The next list has the call.
        logger.warning("a callback was not read: %s", error)
    return web.Response(status=204)


def make_app() -> web.Application:
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app[PUBLIC_URL], app[AUTH_TOKEN] = os.environ["PUBLIC_URL"], os.environ["PLIVO_AUTH_TOKEN"]
    app.cleanup_ctx.append(lifespan)
    app.add_routes(routes)
    return app


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    web.run_app(make_app(), port=int(os.environ.get("PORT", "8000")))
