"""What a call is known by, in its events and its log records, and where these go."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from plivo_async.client_notes import ClientNotes, Reported
from plivo_async.events import Event
from plivo_async.logs import log_call
from plivo_async.route import route_of

request_logger = logging.getLogger("plivo_async.request")
# Of requests that no client sends, such as those of a MiddlewareTransport.
_NO_CLIENT = ClientNotes()


class CallReport:
    """Reports what happens to one call to the hook of its client, and to the logs.

    Args:
        client: What is noted of all calls of its client.
        method: The HTTP method.
        path: Relative to the account.
        call_uuid: The call that the request is about; None for another request.
        operation: The method of the client that was called, such as `calls.get`.
        clock: Of the event loop.

    Attributes:
        is_watched: Whether its events or DEBUG records are of interest. Asked once: for many calls it is no.
    """

    # Defaults of the class, so that a call of which nothing is reported sets none of them.
    _attempt = 0
    _sequence = 0
    _route: str | None = None

    def __init__(
        self,
        client: ClientNotes = _NO_CLIENT,
        method: str = "",
        path: str = "",
        call_uuid: str | None = None,
        operation: str = "",
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._path = path
        self._clock = clock
        self.method = method
        self.call_uuid = call_uuid
        self.operation = operation
        self.is_watched: bool = client.on_event is not None or request_logger.isEnabledFor(logging.DEBUG)

    @property
    def route(self) -> str:
        """The path as a template."""
        if self._route is None:
            self._route = route_of(self._path)
        return self._route

    def _log(self, logger: logging.Logger, level: int, message: str, *facts: object, **extra: Any) -> None:
        if logger.isEnabledFor(level):
            extra.setdefault("attempt", self._attempt or None)
            extra.update(method=self.method, route=self.route)
            log_call(logger, level, self.call_uuid, message, *facts, **extra)

    def _emit(self, kind: Callable[..., Event], **facts: Any) -> None:
        hook = self._client.on_event
        if hook is not None:
            event = kind(
                sequence=self._sequence,
                call_uuid=self.call_uuid,
                method=self.method,
                route=self.route,
                **facts,
            )
            with Reported(event):
                hook(event)
