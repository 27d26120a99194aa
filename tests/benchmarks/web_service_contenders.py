"""The services compared, each on uvicorn in a process of its own, with one route: the cost of a call.

As a program: the name of a contender and the port of Plivo. It prints its own port, and serves until its
input ends. `GET /_open` shows what is open in the process, and its CPU time.
"""

from __future__ import annotations

import asyncio
import functools
import os
import socket
import sys
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI, HTTPException, Request

from tests.benchmarks.local_server import AUTH_ID

_TOKEN = "a-token-of-nobody"
_MAX_CONNECTIONS = 100
_SECONDS = 5.0
_EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def ours(url: str) -> Any:
    """The example of the pages, whose client has no rate limit here, because this Plivo has none."""
    sys.path.insert(0, str(_EXAMPLES))
    service: Any = __import__("fastapi_service")
    os.environ |= {"PLIVO_AUTH_ID": AUTH_ID, "PLIVO_AUTH_TOKEN": _TOKEN, "PLIVO_ASYNC_BASE_URL": url}
    service.AsyncClient = functools.partial(service.AsyncClient, rate_limit=None)
    return service.app


def plain_httpx(url: str) -> Any:
    """The same route on a client of httpx: as many connections, no retry, no deadline, no record."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[dict[str, Any], None]:
        limits = httpx.Limits(
            max_connections=_MAX_CONNECTIONS,
            max_keepalive_connections=_MAX_CONNECTIONS,
            keepalive_expiry=30.0,
        )
        base = f"{url}/v1/Account/{AUTH_ID}/"
        async with httpx.AsyncClient(
            auth=(AUTH_ID, _TOKEN), base_url=base, limits=limits, timeout=_SECONDS
        ) as client:
            yield {"plivo": client}

    app = FastAPI(lifespan=lifespan)

    @app.get("/calls/{call_uuid}/cost")
    async def cost(call_uuid: str, request: Request) -> dict[str, Any]:
        response = await request.state.plivo.get(f"Call/{call_uuid}/")
        if response.status_code != 200:
            raise HTTPException(502)
        record = response.json()
        return {"seconds": record["billed_duration"], "amount": record["total_amount"]}

    return app


def plivo_sdk(url: str) -> Any:
    """The same route on the official SDK, in the threads that FastAPI runs a plain function in."""
    import plivo
    from plivo.rest import client as sdk

    # The SDK has no option for it.
    sdk.API_VOICE_BASE_URI = sdk.PLIVO_API_BASE_URI = f"{url}/v1/Account"
    client = plivo.RestClient(AUTH_ID, _TOKEN)
    app = FastAPI()

    @app.get("/calls/{call_uuid}/cost")
    def cost(call_uuid: str) -> dict[str, Any]:
        record = client.calls.get(call_uuid)
        return {"seconds": record.billed_duration, "amount": record.total_amount}

    return app


CONTENDERS: dict[str, Callable[[str], Any]] = {
    "plivo_async": ours,
    "httpx": plain_httpx,
    "plivo SDK": plivo_sdk,
}


def open_here() -> str:
    return f"{len(asyncio.all_tasks())} {len(list(Path('/proc/self/fd').iterdir()))} {time.process_time()}"


def watched(app: Any) -> Callable[[Any, Any, Any], Awaitable[None]]:
    """The app, and what is open in the process: tasks, sockets and other files, CPU seconds."""

    async def around(scope: Any, receive: Any, send: Any) -> None:
        if scope.get("path") != "/_open":
            await app(scope, receive, send)
            return
        body = open_here().encode()
        head = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})

    return around


def serve(name: str, plivo_port: int) -> None:
    app = watched(CONTENDERS[name](f"http://127.0.0.1:{plivo_port}"))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", http="h11"))

    def end_with_input() -> None:
        sys.stdin.read()
        server.should_exit = True

    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        threading.Thread(target=end_with_input, daemon=True).start()
        server.run([listener])


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
