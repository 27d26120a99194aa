"""What a client notes of all its calls: the counts of `stats()`, its hook, and whether there is an outage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from inspect import iscoroutinefunction
from types import TracebackType
from typing import Any

from plivo_async.errors import ConfigurationError
from plivo_async.events import Event
from plivo_async.text import short_repr

COUNTS = (
    *("calls", "succeeded", "failed", "cancelled"),
    *("requests", "responses", "failed_attempts", "retries", "throttled", "pauses"),
    *("permit_seconds", "connection_seconds", "backoff_seconds"),
    *("failures_in_a_row", "batches"),
)
"""The attributes of ClientNotes that are among those of ClientStats."""


def check_hook(on_event: Any) -> Any:
    if on_event is not None and (
        not callable(on_event)
        or iscoroutinefunction(on_event)
        or iscoroutinefunction(getattr(on_event, "__call__", None))  # noqa: B004 - its kind is asked for
    ):
        raise ConfigurationError(
            f"on_event must be a plain function of one event, not {short_repr(on_event)}"
        )
    return on_event


class ClientNotes:
    """What a client and its views note of all their calls.

    Args:
        on_event: Called with each event; None for no events.
        host: The server, for a message.

    Raises:
        ConfigurationError: `on_event` cannot be called, or is a coroutine function.
    """

    def __init__(self, on_event: Callable[[Event], object] | None = None, host: str = "the server") -> None:
        self.host = host
        self.batches = 0
        self.failures_in_a_row = 0
        # When the first of these failures happened.
        self.failing_since = 0.0
        self.on_event: Callable[[Event], object] | None = check_hook(on_event)
        self.calls = 0
        self.succeeded = 0
        self.failed = 0
        self.cancelled = 0
        self.requests = 0
        self.responses = 0
        self.failed_attempts = 0
        self.retries = 0
        self.throttled = 0
        self.pauses = 0
        self.permit_seconds = 0.0
        self.connection_seconds = 0.0
        self.backoff_seconds = 0.0


class Reported:
    """Hands an exception of the hook to the event loop, as asyncio does with those of its callbacks.

    The hook is called at once, not by `call_soon`: an event is there when the call returns, and none is lost
    when the event loop ends.
    """

    __slots__ = ("_event",)

    def __init__(self, event: Event) -> None:
        self._event = event

    def __enter__(self) -> None: ...

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if exc is None or isinstance(exc, KeyboardInterrupt | SystemExit):
            return False
        asyncio.get_running_loop().call_exception_handler(
            {"message": f"on_event raised an exception at {type(self._event).__name__}", "exception": exc}
        )
        return True
