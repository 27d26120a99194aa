# django_service.py
"""The cost of calls, as a Django project in one file: uvicorn django_service:application.

Django's ASGI handler has no lifespan. `application` adds one: through it the server builds and closes the
client. `plivo()` returns it to the views.
"""

import asyncio
import functools
import logging
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from plivo_async import AsyncClient, InvalidCallUUIDError, NotFoundError, PlivoError

logging.basicConfig()
logger = logging.getLogger("django_service")
logger.setLevel(logging.INFO)

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["localhost", "127.0.0.1"],
        ROOT_URLCONF=__name__,
        SECRET_KEY=os.environ.get("DJANGO_SECRET_KEY", "only-for-development"),
    )

clients: dict[str, AsyncClient] = {}
tasks = set[asyncio.Task[None]]()


def plivo() -> AsyncClient:
    if "plivo" not in clients:
        raise ImproperlyConfigured("run this service on an ASGI server with lifespan, such as uvicorn")
    return clients["plivo"]


@asynccontextmanager
async def lifespan() -> AsyncGenerator[None, None]:
    async with AsyncClient() as clients["plivo"]:
        try:
            yield
        finally:
            clients.clear()
    # The closed client has ended every wait. Let the tasks log it.
    await asyncio.gather(*tasks)


Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
django = get_asgi_application()


async def application(scope: Any, receive: Receive, send: Send) -> None:
    if scope["type"] != "lifespan":
        await django(scope, receive, send)
        return
    await receive()
    try:
        async with lifespan():
            await send({"type": "lifespan.startup.complete"})
            await receive()
    except PlivoError as error:
        # Such as missing credentials. Without this message the server would start.
        await send({"type": "lifespan.startup.failed", "message": str(error)})
    else:
        await send({"type": "lifespan.shutdown.complete"})


View = Callable[[ASGIRequest, str], Coroutine[Any, Any, HttpResponseBase]]


def maps_errors(view: View) -> View:
    @functools.wraps(view)
    async def mapped(request: ASGIRequest, call_uuid: str) -> HttpResponseBase:
        try:
            return await view(request, call_uuid)
        except PlivoError as error:
            return JsonResponse({"detail": type(error).__name__}, status=status_of(error))

    return mapped


def status_of(error: PlivoError) -> int:
    match error:
        case NotFoundError():
            return 404
        case InvalidCallUUIDError():
            return 422
        case _:
            return 503 if error.retryable else 502


@require_GET
@maps_errors
async def cost(request: ASGIRequest, call_uuid: str) -> HttpResponseBase:
    record = await plivo().calls.get(call_uuid, deadline=5.0)
    return JsonResponse({"seconds": record.billed_duration, "amount": record.total_amount})


@require_GET
@maps_errors
async def call(request: ASGIRequest, call_uuid: str) -> HttpResponseBase:
    record = await plivo().calls.get(call_uuid, deadline=5.0)
    return HttpResponse(record.to_json(), content_type="application/json")


@require_POST
async def settle(request: ASGIRequest, call_uuid: str) -> HttpResponseBase:
    task = asyncio.create_task(settle_call(plivo(), call_uuid))
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return HttpResponse(status=202)


async def settle_call(client: AsyncClient, call_uuid: str) -> None:
    try:
        record = await client.calls.wait(call_uuid, deadline=600.0)
    except PlivoError as error:
        logger.warning("call %s: no record, to be fetched later: %s", call_uuid, error)
    else:
        logger.info("call %s cost %s", call_uuid, record.total_amount)


urlpatterns = [
    path("calls/<str:call_uuid>/cost", cost),
    path("calls/<str:call_uuid>", call),
    path("calls/<str:call_uuid>/settle", settle),
]
