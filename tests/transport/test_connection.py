"""A connection on a fake transport, for events that a real socket cannot reproduce."""

from __future__ import annotations

import asyncio
import select

import h11
import httpx
import pytest

from plivo_async.transport.connection import Connection

GET = httpx.Request("GET", "http://127.0.0.1/", headers={"host": "127.0.0.1"})


class Wire(asyncio.Transport):
    """A transport that records its use and, like that of uvloop, refuses any once it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.reading = True
        self.open = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.check()
        self.sent += data

    def pause_reading(self) -> None:
        self.check()
        self.reading = False

    def resume_reading(self) -> None:
        self.check()
        self.reading = True

    def is_closing(self) -> bool:
        return not self.open

    def close(self) -> None:
        self.open = False

    abort = close

    def check(self) -> None:
        if not self.open:
            raise RuntimeError("the handler is closed")


def connected() -> tuple[Connection, Wire]:
    connection, wire = Connection(lambda _: None), Wire()
    connection.connection_made(wire)
    return connection, wire


async def test_reading_pauses_while_the_body_is_not_read() -> None:
    connection, wire = connected()
    await connection.send(GET, None)
    connection.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 600000\r\n\r\n" + bytes(300_000))
    reading_before = wire.reading

    await connection.head(GET, None)
    assert await connection.body(GET, None)
    more = asyncio.create_task(connection.body(GET, None))
    await asyncio.sleep(0)

    assert (reading_before, wire.reading) == (False, True)
    connection.data_received(bytes(300_000))
    assert await more == bytes(300_000)


async def test_a_request_waits_while_the_write_buffer_is_full() -> None:
    connection, wire = connected()
    connection.pause_writing()
    sending = asyncio.create_task(connection.send(GET, None))
    await asyncio.sleep(0)
    assert wire.sent
    assert not sending.done()

    connection.resume_writing()

    await sending


async def test_a_large_body_is_sent_in_pieces_each_with_its_own_timeout() -> None:
    connection, wire = connected()
    body = bytes(150_000)
    connection.pause_writing()
    sending = asyncio.create_task(connection.send(httpx.Request("POST", "http://h/", content=body), None))
    await asyncio.sleep(0)
    assert 0 < len(wire.sent) < 70_000

    connection.resume_writing()
    await sending

    assert wire.sent.endswith(body)


async def test_many_small_events_do_not_block_the_event_loop() -> None:
    connection, _ = connected()
    await connection.send(GET, None)
    connection.data_received(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000)
    turns = 0
    heading = asyncio.create_task(connection.head(GET, None))
    while connection._waiter is None:
        await asyncio.sleep(0)
        turns += 1

    assert turns > 30
    connection.abort()
    with pytest.raises(httpx.ReadError):
        await heading


async def test_nothing_is_written_to_a_lost_connection() -> None:
    connection, wire = connected()
    connection.eof_received()

    await connection.send(GET, None)

    assert wire.sent == b""
    with pytest.raises(httpx.RemoteProtocolError, match="without a response"):
        await connection.head(GET, None)
    assert connection.hung_up


async def test_a_closing_transport_is_not_used() -> None:
    connection, wire = connected()
    wire.close()

    await connection.send(GET, None)
    reading = asyncio.create_task(connection.head(GET, None))
    await asyncio.sleep(0)
    connection.connection_lost(ConnectionResetError("reset"))

    with pytest.raises(httpx.ReadError, match="reset"):
        await reading


async def test_reading_does_not_resume_on_a_closing_transport() -> None:
    connection, wire = connected()
    await connection.send(GET, None)
    connection.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 600000\r\n\r\n" + bytes(300_000))
    await connection.head(GET, None)
    await connection.body(GET, None)
    wire.close()

    more = asyncio.create_task(connection.body(GET, None))
    await asyncio.sleep(0)
    connection.connection_lost(ConnectionResetError("reset"))

    with pytest.raises(httpx.ReadError, match="reset"):
        await more


async def test_a_requested_protocol_switch_is_an_error() -> None:
    connection, _ = connected()
    request = httpx.Request("GET", "http://h/", headers={"connection": "upgrade", "upgrade": "websocket"})
    await connection.send(request, None)
    connection.data_received(
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    )

    with pytest.raises(httpx.RemoteProtocolError, match="switched protocols"):
        await connection.head(request, None)


async def test_an_unsolicited_response_ends_the_connection() -> None:
    connection, wire = connected()
    await connection.send(GET, None)
    connection.data_received(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert (await connection.head(GET, None)).status_code == 204
    assert await connection.body(GET, None) == b""
    connection.rest()

    connection.data_received(b"HTTP/1.1 200 OK\r\n\r\n")

    assert connection.lost
    assert not wire.open


async def test_without_poll_a_connection_is_assumed_to_have_no_input(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Windows.
    monkeypatch.delattr(select, "poll")
    connection, _ = connected()

    assert not connection.has_input


async def test_a_body_shorter_than_declared_is_refused() -> None:
    connection, _ = connected()
    request = httpx.Request("POST", "http://h/", content=b"x", headers={"content-length": "5"})

    with pytest.raises(httpx.LocalProtocolError, match="Too little data"):
        await connection.send(request, None)


class Reading(h11.Connection):
    """h11 that records the most bytes it had to read at once."""

    most = 0

    def receive_data(self, data: bytes) -> None:
        super().receive_data(data)
        self.most = max(self.most, len(self.trailing_data[0]))


async def read_all(connection: Connection) -> None:
    await connection.head(GET, None)
    while await connection.body(GET, None):
        pass


SPACES = b" " * 60_000
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\nX:" + SPACES + b"\0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX:" + SPACES[:16_000] + b"\0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX:" + b"\r\n " * 5000 + b"\0\r\n\r\n",
        b"HTTP/1.1 103 OK\r\n\r\nHTTP/1.1 200 OK\r\nX:" + SPACES + b"\0\r\n\r\n",
        CHUNKED + b"0\r\nX:" + SPACES + b"\0\r\n\r\n",
        CHUNKED + b"0\r\nX:" + b"\r\n " * 5000 + b"\0\r\n\r\n",
        CHUNKED + b"5;" + SPACES + b"\n\r\n",
    ],
    ids=["header", "header of 16 KB", "folded header", "second head", "trailer", "folded trailer", "chunk"],
)
async def test_h11_never_sees_a_line_that_would_block_the_event_loop(response: bytes) -> None:
    connection, _ = connected()
    reading = Reading(h11.CLIENT, max_incomplete_event_size=1024)
    connection._use(reading)
    await connection.send(GET, None)
    connection.data_received(response)

    with pytest.raises(httpx.RemoteProtocolError):
        await read_all(connection)
    # h11 takes quadratic time: 30 ms for 3 KB.
    assert reading.most <= 3 * 1024


async def test_a_large_body_in_chunks_is_read_to_its_end() -> None:
    connection, _ = connected()
    await connection.send(GET, None)
    connection.data_received(CHUNKED + b"20000\r\n" + bytes(0x20000) + b"\r\n0\r\n")
    await connection.head(GET, None)
    body = b""
    while len(body) < 0x20000:
        body += await connection.body(GET, None)
    connection.data_received(b"\r\n")

    assert body == bytes(0x20000)
    assert await connection.body(GET, None) == b""
    assert connection.reusable
