"""What surrounds every attempt: `async (request, call_next) -> response`, in the vocabulary of httpx."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

import httpx

from plivo_async.errors import ConfigurationError
from plivo_async.exported import exported
from plivo_async.text import short_repr

CallNext = Callable[[httpx.Request], Awaitable[httpx.Response]]


@exported
class Middleware(Protocol):
    """A callable around the rest of the chain.

    It is given an `httpx.Request` and what comes next, and returns an `httpx.Response` whose body is read.
    It may send on another request, call next again, or not at all. Failures pass through it as exceptions
    of httpx.
    """

    async def __call__(self, request: httpx.Request, call_next: CallNext, /) -> httpx.Response: ...


def compose(middleware: Iterable[Middleware], send: CallNext) -> CallNext:
    """One callable out of many, the first one outermost, `send` innermost.

    Raises: ConfigurationError for what cannot be called.
    """
    chain = send
    for layer in reversed(_layers(middleware)):
        chain = _around(layer, chain)
    return chain


def _layers(middleware: Any) -> list[Middleware]:
    layers: list[Any] = list(middleware) if hasattr(middleware, "__iter__") else [None]
    if not all(map(callable, layers)):
        raise ConfigurationError(f"middleware must be a list of callables, not {short_repr(middleware)}")
    return layers


def _around(layer: Middleware, call_next: CallNext) -> CallNext:
    def call(request: httpx.Request) -> Awaitable[httpx.Response]:
        def call_on(sent: httpx.Request) -> Awaitable[httpx.Response]:
            if sent is not request:
                # A request of the middleware's own, under the same deadline, limits and time-outs.
                sent.extensions = {**request.extensions, **sent.extensions}
            return call_next(sent)

        return layer(request, call_on)

    return call
