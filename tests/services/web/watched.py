"""The service of an example, with one more path that shows what is open in its process.

The environment variable SERVICE has the name of the example. Servers of ASGI import `app`. As a program, this
module serves an application of aiohttp on the socket in the environment variable FD.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import socket
from typing import Any

from aiohttp import web

from plivo_async import AsyncClient

PATH = "/_open"
SERVICE = os.environ.get("SERVICE", "")


def open_here() -> bytes:
    # `isinstance` would wake lazy objects of the frameworks.
    clients: list[Any] = [one for one in gc.get_objects() if type(one) is AsyncClient]
    pools = [client._core.sender.pool for client in clients]
    return json.dumps({"tasks": len(asyncio.all_tasks()), "busy": sum(pool.busy for pool in pools)}).encode()


class Watched:
    """An ASGI application around that of the service."""

    def __init__(self, service: Any) -> None:
        self._service = service

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            await self._service(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": open_here()})


def asgi_app(module: Any) -> Watched:
    return Watched(getattr(module, "application" if SERVICE == "django_service" else "app"))


async def watch(request: web.Request) -> web.Response:
    return web.Response(body=open_here())


def run_aiohttp(module: Any) -> None:
    app = module.make_app()
    app.router.add_get(PATH, watch)
    listener = socket.socket(fileno=int(os.environ["FD"]))
    web.run_app(app, sock=listener, access_log=None, handler_cancellation=os.environ["CANCELS"] == "yes")


if __name__ == "__main__":
    run_aiohttp(importlib.import_module(SERVICE))
elif SERVICE:
    app = asgi_app(importlib.import_module(SERVICE))
