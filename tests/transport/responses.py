"""Random HTTP responses, most of them nearly valid, and h11's reading of them."""

from __future__ import annotations

import random
from collections.abc import Sequence

import h11
from attrs import frozen

Headers = list[tuple[bytes, bytes]]

_STATUS_LINES = [
    *[b"HTTP/1.1 200 OK"] * 8,
    *[b"HTTP/1.1 404 Not Found", b"HTTP/1.1 503 ", b"HTTP/1.1 500", b"HTTP/1.1 201 Created"],
    *[b"HTTP/1.1 204 No Content", b"HTTP/1.1 304 Not Modified", b"HTTP/1.1 999 x", b"HTTP/1.1 100 Continue"],
    *[
        b"HTTP/1.0 200 OK",
        b"HTTP/2.0 200 OK",
        b"HTTP/1.1 200  two  spaces ",
        b"HTTP/1.1  200 OK",
        b"http/1.1 200 OK",
    ],
    *[b"HTTP/1.1 200 O\xffK", b"HTTP/1.1 200 \tOK", b"HTTP/1.1 20 OK", b"HTTP/1.1 101 Switching Protocols"],
]
_FIELDS = [
    *[b"Content-Type: application/json", b"Date: Wed, 12 Oct 2022 16:27:48 GMT", b"Server: local"] * 4,
    *[b"Connection: keep-alive", b"connection: Keep-Alive", b"Connection: close", b"Connection: x, close"],
    *[b"Connection: keep-alive, upgrade", b"Upgrade: websocket", b"Keep-Alive: timeout=5", b"X:", b"X: "],
    *[b"X:a", b"X:  a", b"X: a ", b"X: a\tb", b"X : a", b" folded", b"\tfolded", b"X: \xe9", b"X", b": x"],
    *[
        b"Content-Encoding: gzip",
        b"Trailer: X",
        b"X: a\x00",
        b"X: a\rb",
        b"X: a\x0bb",
        b"Transfer-encoding : chunked",
    ],
    *[
        b"Content-Length: 3",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"TE: trailers",
    ],
]
_ENDS = [*[b"\r\n"] * 30, b"\n", b"\r\r\n", b"\n\r\n", b"\r"]
_BYTES = [
    b"\r",
    b"\n",
    b"\r\n",
    b"\0",
    b" ",
    b"\t",
    b":",
    b";",
    b"0",
    b"9",
    b"a",
    b"\xff",
    b",",
    b"-",
    b"\x0b",
]
_BODIES = [b"", b"a", b"abc", b'{"a":1}', b"x" * 40, b"\r\n", b"0\r\n\r\n", bytes(range(256))]


def make_response(chance: random.Random) -> bytes:
    """Build a response, often a plain one, sometimes with a few bytes added, removed or replaced."""
    response = bytearray(_well_formed(chance) if chance.random() < 0.5 else _odd(chance))
    if chance.random() < 0.4:
        for _ in range(chance.randint(1, 2)):
            start = chance.randint(0, len(response))
            response[start : start + chance.randint(0, 2)] = chance.choice([b"", *_BYTES])
    return bytes(response)


def cut(chance: random.Random, data: bytes) -> list[bytes]:
    """Split the data as a network may deliver it."""
    places = sorted(chance.randint(0, len(data)) for _ in range(chance.choice([0, 0, 1, 1, 2, 5])))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


def _well_formed(chance: random.Random) -> bytes:
    body = chance.choice(_BODIES)
    if chance.random() < 0.6:
        framing = b"Content-Length: %d" % len(body)
    else:
        framing = b"Transfer-Encoding: chunked"
        body = _chunked(chance, body)
    fields = [chance.choice(_FIELDS[:13]), framing, chance.choice(_FIELDS[:13])]
    return b"\r\n".join([chance.choice(_STATUS_LINES[:12]), *fields, b"", body])


def _odd(chance: random.Random) -> bytes:
    body = chance.choice(_BODIES)
    fields = chance.choices(_FIELDS, k=chance.randint(0, 4))
    framing = chance.random()
    if framing < 0.4:
        length = len(body) + chance.choice([0, 0, 0, -1, 1])
        form = chance.choice(
            [b"%d", b"%d", b"%d", b"0%d", b"+%d", b"%d, 3", b" %d", b"%d ", b"%dx", b"0000000000%d"]
        )
        fields.append(b"Content-Length: " + form % length)
    elif framing < 0.8:
        fields.append(
            b"Transfer-Encoding: " + chance.choice([b"chunked", b"chunked", b"Chunked", b"chunked ", b"x"])
        )
        body = _chunked(chance, body)
    chance.shuffle(fields)
    lines = b"".join(line + chance.choice(_ENDS) for line in [chance.choice(_STATUS_LINES), *fields, b""])
    return chance.choice([b"", b"", b"", b"\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n"]) + lines + body


def _chunked(chance: random.Random, body: bytes) -> bytes:
    chunks = b""
    while body:
        size = chance.randint(1, len(body))
        form = chance.choice(
            [b"%x", b"%x", b"%x", b"%X", b"0%x", b"%x;a=b", b"%x ", b"0x%x", b"-%x", b"%x\n"]
        )
        chunks += (form % size if chance.random() < 0.2 else b"%x" % size) + b"\r\n" + body[:size] + b"\r\n"
        body = body[size:]
    ends = [b"0\r\n\r\n"] * 6 + [
        b"",
        b"0\r\n",
        b"00\r\n\r\n",
        b"0\r\nX: y\r\n\r\n",
        b"0\r\n\r\nmore",
        b"0;a\r\n\r\n",
    ]
    return chunks + chance.choice(ends)


@frozen
class Reading:
    """A response to a GET as h11 reads it."""

    status_code: int
    reason: bytes
    headers: Headers
    http_version: bytes
    content: bytes
    is_complete: bool
    is_reusable: bool


def read_by_h11(pieces: Sequence[bytes]) -> Reading | None:
    """Read a response with h11; None if there is an error or no final response."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    connection.send(h11.EndOfMessage())
    response: h11.Response | None = None
    content = b""
    is_complete = False
    try:
        for piece in pieces:
            if piece:
                connection.receive_data(piece)
            while (event := connection.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                if isinstance(event, h11.Response):
                    response = event
                elif isinstance(event, h11.Data):
                    content += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    is_complete = True
                    break
    except h11.RemoteProtocolError:
        return None
    if response is None:
        return None
    return Reading(
        response.status_code,
        response.reason,
        response.headers.raw_items(),
        response.http_version,
        content,
        is_complete,
        is_complete and connection.their_state is h11.DONE and not connection.trailing_data[0],
    )
