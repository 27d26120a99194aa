"""Middleware: `async (request, call_next) -> response` around the rest of the chain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

from plivo_async._httpx import httpx
from plivo_async.errors import ConfigurationError
from plivo_async.exported import exported
from plivo_async.text import short_repr

CallNext = Callable[[httpx.Request], Awaitable[httpx.Response]]


@exported
class Middleware(Protocol):
    """A callable around the rest of the chain: `async (request, call_next) -> response`.

    A middleware may pass on another request, and may call `call_next` once, several times or never. A request
    that it builds gets the extensions of the one it received, and so the deadline and the timeouts of the
    call. `CallInfo.of(request)` has the call UUID, the deadline and the attempts. Network failures reach a
    middleware as exceptions of httpx.
    """

    async def __call__(self, request: httpx.Request, call_next: CallNext, /) -> httpx.Response:
        """Handle a request.

        Args:
            request: The request to send.
            call_next: Sends a request through the rest of the chain.

        Returns:
            A response whose body is read.
        """
        ...


def compose(
    middleware: Iterable[Middleware], send: CallNext, *, name: str = "middleware", ours: bool = False
) -> CallNext:
    """Make one callable of many.

    Args:
        middleware: The first one outermost.
        send: Innermost.
        name: Of the argument, for the error.
        ours: Whether each of them passes on the request that it received, so that nothing has to be copied.

    Raises:
        ConfigurationError: One of them cannot be called.
    """
    chain = send
    for layer in reversed(_layers(middleware, name)):
        chain = _bound(layer, chain) if ours else _around(layer, chain)
    return chain


def _layers(middleware: Any, name: str) -> list[Middleware]:
    layers: list[Any] = list(middleware) if hasattr(middleware, "__iter__") else [None]
    if not all(map(callable, layers)):
        raise ConfigurationError(f"{name} must be a list of callables, not {short_repr(middleware)}")
    return layers


def _bound(layer: Middleware, call_next: CallNext) -> CallNext:
    def call(request: httpx.Request) -> Awaitable[httpx.Response]:
        return layer(request, call_next)

    return call


def _around(layer: Middleware, call_next: CallNext) -> CallNext:
    def call(request: httpx.Request) -> Awaitable[httpx.Response]:
        def call_on(sent: httpx.Request) -> Awaitable[httpx.Response]:
            if sent is not request:
                sent.extensions = {**request.extensions, **sent.extensions}
            return call_next(sent)

        return layer(request, call_on)

    return call
