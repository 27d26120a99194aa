"""Turns requests into the bytes to send. Pure: no I/O.

h11 writes the first GET on a connection; the next one with the same headers is made from the same bytes.
"""

from __future__ import annotations

import re

import h11

from plivo_async._httpx import httpx
from plivo_async.transport.proxy import Proxy
from plivo_async.transport.simple_response import Headers

_TARGET = re.compile(rb"[!-~]+")


class RequestWriter:
    """Writes the requests of one connection, one after another.

    Args:
        machine: The state of the connection, shared with what reads the responses.
    """

    def __init__(self, machine: h11.Connection) -> None:
        self._machine = machine
        # The headers of a GET, and what h11 wrote of it after the target.
        self.known_headers: Headers | None = None
        self._known_head = b""

    def known_get(self, request: httpx.Request) -> bytes | None:
        """Return a whole GET written without h11; None if h11 wrote none with these headers."""
        target = request.url.raw_path
        if (
            request.headers.raw != self.known_headers
            or request.method != "GET"
            or not _TARGET.fullmatch(target)
        ):
            return None
        return b"GET " + target + self._known_head

    def without_body(self, request: httpx.Request, proxy: Proxy | None) -> bytes:
        """Return a whole request that has no body.

        Raises:
            httpx.LocalProtocolError: HTTP does not allow a header.
        """
        head = self.head(request, proxy)
        end = self.end(request)
        # Not DONE is a connection that the request wants closed or upgraded.
        if request.method == "GET" and proxy is None and not end and self._machine.our_state is h11.DONE:
            self.known_headers = request.headers.raw
            self._known_head = head[len(b"GET ") + len(request.url.raw_path) :]
        return head + end

    def head(self, request: httpx.Request, proxy: Proxy | None) -> bytes:
        """Return the request line and the headers, as the server or this proxy reads them.

        Raises:
            httpx.LocalProtocolError: HTTP does not allow a header.
        """
        headers = request.headers.raw
        target = request.url.raw_path
        if request.method == "CONNECT":
            target = request.headers["host"].encode("ascii")
        elif proxy is not None:
            target = str(request.url).encode("ascii")
            headers = [*headers, *proxy.headers]
        try:
            event = h11.Request(method=request.method, target=target, headers=headers)
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error), request=request) from None
        return self._event(request, event)

    def data(self, request: httpx.Request, piece: bytes) -> bytes:
        """Return a piece of the body, framed.

        Raises:
            httpx.LocalProtocolError: The body is longer than the headers declare.
        """
        return self._event(request, h11.Data(data=piece))

    def end(self, request: httpx.Request) -> bytes:
        """Return the end of the request.

        Raises:
            httpx.LocalProtocolError: The body is shorter than the headers declare.
        """
        return self._event(request, h11.EndOfMessage())

    def _event(self, request: httpx.Request, event: h11.Event) -> bytes:
        try:
            return self._machine.send(event) or b""
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error), request=request) from None
