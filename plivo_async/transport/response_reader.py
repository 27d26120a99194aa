"""Reads responses from the bytes received. Pure: no I/O.

`simple_response` reads the response to a GET that h11 did not write, if it can; any other response goes to
h11 as it was received.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import h11

from plivo_async._httpx import httpx
from plivo_async.transport.response_head import InvalidHeadError, find_head
from plivo_async.transport.simple_response import Headers, read_simple_response

_CHUNKED_STEP_BYTES = 2 * 1024
# Enough for h11 to read the response to a GET that it did not write.
_ANY_GET = h11.Request(method="GET", target="/", headers=[("host", "")])


class ResponseHead(NamedTuple):
    """Status and headers of a final response; `http_version` such as b"1.1"."""

    status_code: int
    reason: bytes
    headers: Headers
    http_version: bytes


class ResponseReader:
    """Reads the responses of one connection, one after another.

    Args:
        machine: The state of the connection, shared with what writes the requests.

    Attributes:
        received: Bytes that neither h11 nor a caller has yet.
        simple: Whether this exchange bypasses h11.
        missing: How many bytes of the body no caller has yet, if the exchange bypasses h11.
    """

    def __init__(self, machine: h11.Connection) -> None:
        self._machine = machine
        self.received = bytearray()
        self.simple = False
        self.missing = 0
        self._chunked = False
        # Two framing headers may be an attempt at smuggling (RFC 9112 section 6.3): do not reuse.
        self._ambiguous = False

    @property
    def clean(self) -> bool:
        """Whether the exchange is complete, and leaves nothing that the next one could take for its own."""
        if self.received:
            return False
        if self.simple:
            return not self.missing
        machine = self._machine
        return (
            not self._ambiguous
            and machine.our_state is h11.DONE
            and machine.their_state is h11.DONE
            and not machine.trailing_data[0]
        )

    @property
    def unasked(self) -> bool:
        """Whether more was received than the response."""
        return bool(self.received or self._machine.trailing_data[0])

    @property
    def in_body(self) -> bool:
        """Whether h11 expects more of the body."""
        return self._machine.their_state is h11.SEND_BODY

    def rest(self) -> None:
        """End an exchange that h11 read."""
        self._machine.start_next_cycle()

    def simple_head(self) -> ResponseHead | None:
        """Return the head of a response to a GET that h11 did not write; None if h11 has to read it."""
        found = read_simple_response(bytes(self.received))
        if found is not None:
            self.received[:] = found.content
            self.missing = len(found.content) + found.missing
            return ResponseHead(found.status_code, found.reason, found.headers, b"1.1")
        self.simple = False
        self._machine.send(_ANY_GET)
        self._machine.send(h11.EndOfMessage())
        return None

    def head(self, response: h11.Response) -> ResponseHead:
        """Return the head that h11 has read."""
        names = {name for name, _ in response.headers}
        self._chunked = b"transfer-encoding" in names
        self._ambiguous = self._chunked and b"content-length" in names
        return ResponseHead(
            response.status_code, response.reason, response.headers.raw_items(), response.http_version
        )

    def take(self, most: int) -> bytes:
        """Return up to so many received bytes of a body that bypasses h11."""
        taken = bytes(self.received[:most])
        del self.received[: len(taken)]
        self.missing -= len(taken)
        return taken

    def next_event(self, request: httpx.Request) -> h11.Event | None:
        """Return what h11 reads next; None if it has to be fed first.

        Raises:
            httpx.RemoteProtocolError: The response is not HTTP.
        """
        try:
            event = self._machine.next_event()
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error), request=request) from error
        if event is h11.PAUSED:
            raise httpx.RemoteProtocolError("the server switched protocols", request=request)
        # Not by isinstance: h11.Event is an abstract class, slow to check.
        return None if event is h11.NEED_DATA else cast(h11.Event, event)

    def feed(self, request: httpx.Request, *, ended: bool) -> bool:
        """Hand h11 what it may read next, never so much that it takes long.

        Args:
            request: For the error.
            ended: Whether the server ended the connection, so that nothing follows what was received.

        Returns:
            Whether there was anything.

        Raises:
            httpx.RemoteProtocolError: The head is too long, or holds a character that it must not.
        """
        size = len(self.received)
        if self._machine.their_state is not h11.SEND_BODY:
            try:
                size = find_head(self.received)
            except InvalidHeadError as error:
                raise httpx.RemoteProtocolError(str(error), request=request) from None
        elif self._chunked:
            size = min(size, _CHUNKED_STEP_BYTES)
        if size:
            self._machine.receive_data(bytes(self.received[:size]))
            del self.received[:size]
        elif ended:
            # The end of a body, or too early an end; h11 decides.
            self._machine.receive_data(bytes(self.received))
            self.received.clear()
            self._machine.receive_data(b"")
            return True
        return size > 0
