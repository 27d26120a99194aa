"""Faults of connections, of HTTP's framing, and of time."""

from __future__ import annotations

from plivo_async import DeadlineExceededError, RequestTimeoutError
from tests.faults.fault import Ends, Fault
from tests.faults.fault_server import Wire
from tests.faults.responses_on_the_wire import RECORD, chunked, drips, floods, head, sends


async def reset_before_reading(wire: Wire) -> None:
    await wire.unread()
    await wire.reset()


async def fin_before_reading(wire: Wire) -> None:
    await wire.unread()
    await wire.fin()


HALF = RECORD[:200]
SIZED = head(b"Content-Length: %d" % len(RECORD))
CHUNKED = head(b"Transfer-Encoding: chunked")
HTML = b"<html><body><h1>Bad Gateway</h1></body></html>"

CONNECTION_FAULTS = [
    Fault("reset before reading", reset_before_reading),
    Fault("fin before reading", fin_before_reading),
    Fault("reset after the request", sends(b"", Wire.reset)),
    Fault("fin after the request", sends(b"", Wire.fin)),
    Fault("reset in the status line", sends(b"HTTP/1.1 20", Wire.reset)),
    Fault("fin in the status line", sends(b"HTTP/1.1 20", Wire.fin)),
    Fault("reset in the headers", sends(SIZED[:40], Wire.reset)),
    Fault("fin in the headers", sends(SIZED[:40], Wire.fin)),
    Fault("reset before the body", sends(SIZED, Wire.reset)),
    Fault("fin before the body", sends(SIZED, Wire.fin)),
    Fault("reset in the body", sends(SIZED + HALF, Wire.reset)),
    Fault("fin in the body", sends(SIZED + HALF, Wire.fin)),
    Fault("fin one byte before the end", sends(SIZED + RECORD[:-1], Wire.fin)),
    Fault("reset in a chunk", sends(CHUNKED + chunked(RECORD)[:100], Wire.reset)),
    Fault("fin in a chunk", sends(CHUNKED + chunked(RECORD)[:100], Wire.fin)),
    Fault("fin between chunks", sends(CHUNKED + chunked(HALF), Wire.fin)),
    Fault("fin before the last chunk", sends(CHUNKED + chunked(RECORD), Wire.fin)),
    Fault("fin in the last chunk", sends(CHUNKED + chunked(RECORD) + b"0\r\n", Wire.fin)),
    Fault("fin after 103", sends(b"HTTP/1.1 103 Early Hints\r\n\r\n", Wire.fin)),
    Fault("reset in the body of a 503", sends(head(b"Content-Length: 9", status=b"503 Busy"), Wire.reset)),
]

FRAMING_FAULTS = [
    Fault("garbage", sends(b"\xde\xad\xbe\xef\r\n\r\n", Wire.stall)),
    Fault("a TLS alert", sends(b"\x15\x03\x01\x00\x02\x02\x28", Wire.stall)),
    Fault("HTTP/0.9", sends(HTML, Wire.fin)),
    Fault("HTTP/2", sends(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + bytes(18), Wire.stall)),
    Fault("an SSH banner", sends(b"SSH-2.0-OpenSSH_9.7\r\n", Wire.fin)),
    Fault("an SMTP banner", sends(b"220 mail.example ESMTP\r\n\r\n", Wire.stall)),
    Fault("a status that is no number", sends(b"HTTP/1.1 abc OK\r\n\r\n", Wire.stall)),
    Fault("a status of four digits", sends(b"HTTP/1.1 2000 OK\r\n\r\n", Wire.stall)),
    Fault("a header without colon", sends(head(b"no colon here"), Wire.stall)),
    Fault("a space before a colon", sends(head(b"Content-Length : 5") + b"abcde", Wire.stall)),
    Fault("NUL in a header", sends(head(b"X: a\x00b"), Wire.stall)),
    Fault("a header of 200 KB", sends(head(b"X: " + b"x" * 200_000), Wire.stall)),
    Fault("headers without end", floods(b"HTTP/1.1 200 OK\r\n", b"X: x\r\n" * 1000)),
    Fault("one header line without end", floods(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 9000)),
    Fault("101 that nobody asked for", sends(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", Wire.stall)),
    Fault("a chunk size that is no number", sends(CHUNKED + b"zz\r\n" + RECORD, Wire.stall)),
    Fault("a negative chunk size", sends(CHUNKED + b"-5\r\nabcde\r\n", Wire.stall)),
    Fault("a chunk size of 30 digits", sends(CHUNKED + b"f" * 30 + b"\r\nabcde", Wire.stall)),
    Fault("a chunk longer than its size", sends(CHUNKED + b"5\r\nabcdefgh\r\n0\r\n\r\n", Wire.stall)),
    Fault("a chunk extension without end", floods(CHUNKED + b"5;", b"x" * 9000)),
    Fault("trailers without end", floods(CHUNKED + chunked(RECORD) + b"0\r\n", b"X: x\r\n" * 1000)),
    Fault("a negative length", sends(head(b"Content-Length: -5"), Wire.stall)),
    Fault("a length that is no number", sends(head(b"Content-Length: abc"), Wire.stall)),
    Fault("two lengths", sends(head(b"Content-Length: 5", b"Content-Length: 6") + b"abcdef", Wire.stall)),
    Fault("a length list that disagrees", sends(head(b"Content-Length: 5, 6") + b"abcdef", Wire.stall)),
    Fault("an unknown transfer coding", sends(head(b"Transfer-Encoding: gzip, chunked"), Wire.stall)),
]

SLOW_FAULTS = [
    Fault("a stall before the status", sends(b"", Wire.stall), RequestTimeoutError),
    Fault("a stall in the status line", sends(b"HTTP/1.1 2", Wire.stall), RequestTimeoutError),
    Fault("a stall in the headers", sends(SIZED[:40], Wire.stall), RequestTimeoutError),
    Fault("a stall before the body", sends(SIZED, Wire.stall), RequestTimeoutError),
    Fault("a stall in the body", sends(SIZED + HALF, Wire.stall), RequestTimeoutError),
    Fault("a stall in a chunk", sends(CHUNKED + chunked(RECORD)[:99], Wire.stall), RequestTimeoutError),
    Fault("a stall after the last chunk", sends(CHUNKED + chunked(RECORD), Wire.stall), RequestTimeoutError),
    Fault("a stall after 100", sends(b"HTTP/1.1 100 Continue\r\n\r\n", Wire.stall), RequestTimeoutError),
    Fault(
        "headers byte by byte",
        drips(b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        DeadlineExceededError,
        Ends.AT_ITS_DEADLINE,
    ),
    Fault(
        "a body byte by byte",
        drips(head(b"Content-Length: 9999"), b" "),
        DeadlineExceededError,
        Ends.AT_ITS_DEADLINE,
    ),
    Fault("chunks byte by byte", drips(CHUNKED, b"1\r\n \r\n"), DeadlineExceededError, Ends.AT_ITS_DEADLINE),
    Fault(
        "103s without end",
        drips(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        DeadlineExceededError,
        Ends.AT_ITS_DEADLINE,
    ),
    Fault(
        "a flood of 100s",
        floods(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 9),
        DeadlineExceededError,
        Ends.AT_ITS_DEADLINE,
    ),
    Fault(
        "a 503 byte by byte",
        drips(head(b"Content-Length: 9999", status=b"503 Busy"), b" "),
        DeadlineExceededError,
        Ends.AT_ITS_DEADLINE,
    ),
]
