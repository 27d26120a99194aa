"""Turns requests into the bytes to send. Pure: no I/O.

h11 writes the first GET on a connection; the next one with the same headers is made from the same bytes. The
headers of a trace differ from one request to the next, and are written after the others.
"""

from __future__ import annotations

import re

import h11

from plivo_async._httpx import httpx
from plivo_async.transport.proxy import Proxy
from plivo_async.transport.simple_response import Headers

_TARGET = re.compile(rb"[!-~]+")
# A fragment (RFC 9110 section 7.1), or a user in front of a host (section 4.2.4).
_FORBIDDEN_IN_TARGET = re.compile(rb"#|\A[^/?]*(?://[^/?]*)?@")
# What h11 quotes of a header may be a secret.
_VALUE = re.compile(r" b['\"].*", re.DOTALL)
# https://www.w3.org/TR/trace-context/ and https://www.w3.org/TR/baggage/
_TRACE_HEADERS = frozenset({b"traceparent", b"tracestate", b"baggage"})
# A field value (RFC 9110 section 5.5) without obs-text.
_PLAIN_VALUE = re.compile(rb"[!-~](?:[ -~]*[!-~])?")


class RequestWriter:
    """Writes the requests of one connection, one after another.

    Args:
        machine: The state of the connection, shared with what reads the responses.
    """

    def __init__(self, machine: h11.Connection) -> None:
        self._machine = machine
        # The headers of a GET without those of a trace, and what h11 wrote of them after the target.
        self.known_headers: Headers | None = None
        self._known_head = b""

    def known_get(self, request: httpx.Request) -> bytes | None:
        """Return a whole GET written without h11; None if h11 wrote none with these headers."""
        headers, trace, target = request.headers.raw, b"", request.url.raw_path
        if headers != self.known_headers:
            headers, trace = _without_trace(headers)
        if (
            headers != self.known_headers
            or request.method != "GET"
            or "target" in request.extensions
            or not _TARGET.fullmatch(target)
        ):
            return None
        return b"GET " + target + self._known_head + trace + b"\r\n"

    def without_body(self, request: httpx.Request, proxy: Proxy | None) -> bytes:
        """Return a whole request that has no body.

        Raises:
            httpx.LocalProtocolError: HTTP does not allow the target or a header.
        """
        head = self.head(request, proxy)
        try:
            end = self.end(request)
        except httpx.LocalProtocolError:
            # A traceback may show this frame.
            del head
            raise
        # Not DONE is a connection that the request wants closed or upgraded.
        if (
            request.method == "GET"
            and proxy is None
            and not end
            and self._machine.our_state is h11.DONE
            and "target" not in request.extensions
        ):
            self.known_headers, trace = _without_trace(request.headers.raw)
            start = len(b"GET ") + len(request.url.raw_path)
            self._known_head = head[start : -len(trace + b"\r\n")]
        return head + end

    def head(self, request: httpx.Request, proxy: Proxy | None) -> bytes:
        """Return the request line and the headers, as the server or this proxy reads them.

        Raises:
            httpx.LocalProtocolError: HTTP does not allow the target or a header.
        """
        try:
            return self._machine.send(_head_event(request, proxy)) or b""
        except h11.LocalProtocolError as error:
            reason = _VALUE.sub("", str(error))
        # Raised out here, where no exception of h11, whose frames hold the headers, becomes its context.
        raise httpx.LocalProtocolError(reason, request=request)

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


def _without_trace(headers: Headers) -> tuple[Headers, bytes]:
    """Return headers without those of a trace at their end, and these as they are written."""
    count = len(headers)
    while count and headers[count - 1][0] in _TRACE_HEADERS and _PLAIN_VALUE.fullmatch(headers[count - 1][1]):
        count -= 1
    return headers[:count], b"".join(b"%s: %s\r\n" % header for header in headers[count:])


def _head_event(request: httpx.Request, proxy: Proxy | None) -> h11.Request:
    headers = request.headers.raw
    if proxy is not None:
        headers = [*headers, *proxy.headers]
    return h11.Request(method=request.method, target=_target(request, proxy), headers=headers)


def _target(request: httpx.Request, proxy: Proxy | None) -> bytes:
    """Return the target of the request line; that of a proxy is absolute (RFC 9112 section 3.2)."""
    url = request.url
    target = request.extensions.get("target")
    if target is None:
        target = request.headers["host"].encode("ascii") if request.method == "CONNECT" else url.raw_path
    elif not isinstance(target, bytes) or _FORBIDDEN_IN_TARGET.search(target):
        raise h11.LocalProtocolError("the extension 'target' must be bytes, without user and fragment")
    if proxy is None or not (target == b"*" or target.startswith(b"/")):
        return target
    # Not str(url): that has the user, the password and the fragment too.
    return b"%s://%s%s" % (url.raw_scheme, url.netloc, b"" if target == b"*" else target)
