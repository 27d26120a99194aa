"""Complete responses that are no record."""

from __future__ import annotations

from plivo_async import (
    AuthenticationError,
    BadRequestError,
    DecodeError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RecordMismatchError,
    RedirectError,
    ResponseTooLargeError,
    ServerError,
    UnexpectedStatusError,
)
from tests.faults.fault import Ends, Fault
from tests.faults.fault_server import Wire
from tests.faults.faults_on_the_wire import CHUNKED, HALF, HTML
from tests.faults.responses_on_the_wire import GZIPPED, RECORD, chunked, floods, head, reply, sends

BAD_STATUSES = [
    Fault("408", sends(reply(b"{}", status=b"408 Request Timeout")), BadRequestError, status=408),
    Fault("408 and fin", sends(reply(b"", status=b"408 x"), Wire.fin), BadRequestError, status=408),
    Fault(
        "429",
        sends(reply(b'{"error": "slow"}', status=b"429 Too Many Requests")),
        RateLimitError,
        status=429,
    ),
    Fault("500", sends(reply(b'{"error": "oh"}', status=b"500 Oh")), ServerError, status=500),
    Fault("502 with HTML", sends(reply(HTML, status=b"502 Bad Gateway")), ServerError, status=502),
    Fault("503 without body", sends(reply(b"", status=b"503 Busy")), ServerError, status=503),
    Fault("503 with a record", sends(reply(status=b"503 Busy")), ServerError, status=503),
    Fault(
        "504 in chunks",
        sends(head(b"Transfer-Encoding: chunked", status=b"504 x") + chunked(HTML, b"")),
        ServerError,
        status=504,
    ),
    Fault("500 until fin", sends(head(status=b"500 Oh") + HTML, Wire.fin), ServerError, status=500),
]

FINAL_STATUSES = [
    Fault(name, sends(reply(body, *headers, status=name.encode())), error, Ends.AT_ONCE, int(name[:3]))
    for name, error, body, headers in [
        ("201 Created", UnexpectedStatusError, RECORD, ()),
        ("301 Moved", RedirectError, b"", (b"Location: https://elsewhere.example/",)),
        ("307 Temporary Redirect", RedirectError, HTML, (b"Location: /v2/",)),
        ("400 Bad Request", BadRequestError, b'{"Error": "bad"}', ()),
        ("401 Unauthorized", AuthenticationError, b"Could not verify", ()),
        ("403 Forbidden", PermissionDeniedError, HTML, ()),
        ("404 Not Found", NotFoundError, b'{"error": {"error": "no CDR"}}', ()),
        ("405 Method Not Allowed", BadRequestError, b"", ()),
        ("409 Conflict", BadRequestError, b"{}", ()),
        ("422 Unprocessable", BadRequestError, b"[]", ()),
        ("501 Not Implemented", ServerError, HTML, ()),
        ("505 Version", ServerError, b"", ()),
        ("599 Whatever", ServerError, b"\xff\xfe", ()),
        ("999 Beyond", UnexpectedStatusError, b"", ()),
    ]
] + [
    Fault("204 No Content", sends(head(status=b"204 No Content")), UnexpectedStatusError, Ends.AT_ONCE, 204),
    Fault("304 Not Modified", sends(head(status=b"304 Not Modified")), RedirectError, Ends.AT_ONCE, 304),
]

# A body that is empty, cut short or no JSON at all.
DAMAGED_BODIES = [
    Fault(name, sends(reply(body, *headers)), DecodeError, status=200)
    for name, body, headers in [
        ("HTML with 200", HTML, ()),
        ("no body with 200", b"", ()),
        ("white space with 200", b" \r\n", ()),
        ("a byte order mark with 200", b"\xef\xbb\xbf", ()),
        ("half a record", HALF, ()),
        ("bytes after the record", RECORD + b"}", ()),
        ("UTF-16", RECORD.decode().encode("utf-16"), ()),
        ("bad UTF-8", RECORD.replace(b"Error", b"\xff\xfe"), ()),
        ("gzip cut short", GZIPPED[:-20], (b"Content-Encoding: gzip",)),
        ("corrupt gzip", GZIPPED[:50] + b"\xff" * 50 + GZIPPED[100:], (b"Content-Encoding: gzip",)),
        ("gzip with bytes after it", GZIPPED + b"x", (b"Content-Encoding: gzip",)),
        ("no gzip at all", RECORD, (b"Content-Encoding: gzip",)),
    ]
] + [
    Fault("a length too short", sends(head(b"Content-Length: 99") + RECORD), DecodeError, status=200),
    Fault(
        "an HTTP/1.0 body cut short",
        sends(b"HTTP/1.0 200 OK\r\n\r\n" + HALF, Wire.fin),
        DecodeError,
        status=200,
    ),
    Fault(
        "a body cut short that ends with its connection",
        sends(b"HTTP/1.1 200 OK\r\n\r\n" + HALF, Wire.fin),
        DecodeError,
        status=200,
    ),
    Fault(
        "gzip cut short that ends with its connection",
        sends(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + GZIPPED[:-20], Wire.fin),
        DecodeError,
        status=200,
    ),
]

BAD_BODIES = [
    Fault(name, sends(reply(body, *headers)), error, Ends.AT_ONCE, 200)
    for name, error, body, headers in [
        ("an array", DecodeError, b"[" + RECORD + b"]", ()),
        ("null", DecodeError, b"null", ()),
        ("NaN", DecodeError, RECORD.replace(b'"bill_duration": 1', b'"bill_duration": NaN'), ()),
        ("a depth bomb", DecodeError, b"[" * 100_000, ()),
        ("an integer of 5,000 digits", DecodeError, b'{"call_uuid": ' + b"9" * 5000 + b"}", ()),
        ("an error with 200", DecodeError, b'{"error": "CDR for call uuid not found"}', ()),
        ("the record of another call", RecordMismatchError, RECORD.replace(b"5607532d", b"5607532e"), ()),
        ("brotli", DecodeError, RECORD, (b"Content-Encoding: br",)),
    ]
] + [
    Fault(
        "a declared length over the cap",
        sends(head(b"Content-Length: 5000000"), Wire.stall),
        ResponseTooLargeError,
        Ends.AT_ONCE,
        200,
    ),
    Fault(
        "a body without end",
        floods(CHUNKED, chunked(b" " * 250_000)),
        ResponseTooLargeError,
        Ends.AT_ONCE,
        200,
    ),
    Fault(
        "a 503 without end",
        floods(head(status=b"503 Busy"), b" " * 250_000),
        ResponseTooLargeError,
        Ends.AT_ONCE,
        503,
    ),
]
