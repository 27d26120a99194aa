"""A connection behaves the same whether or not it bypasses h11."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import h11
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async.transport.connection import Connection
from plivo_async.transport.request_writer import RequestWriter
from tests.transport.responses import cut, make_response
from tests.transport.test_connection import GET, Wire, connected

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BEGUN = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123"


class H11Writer(RequestWriter):
    """A writer that leaves every request to h11."""

    def known_get(self, request: httpx.Request) -> None:
        return None


class H11Connection(Connection):
    """A connection that never bypasses h11."""

    def _use(self, machine: h11.Connection) -> None:
        super()._use(machine)
        self._writer = H11Writer(machine)


async def exchange(connection: Connection, pieces: Sequence[bytes], ends: bool) -> list[Any]:
    """Send a GET, receive these pieces, then the end of the connection if it `ends`; return the outcome."""
    seen: list[Any] = []

    async def read() -> None:
        await connection.send(GET, None)
        response = await connection.head(GET, None)
        seen.extend(response)
        body = b""
        while chunk := await connection.body(GET, None):
            body += chunk
        seen.append(body)

    reading = asyncio.create_task(read())
    for piece in pieces:
        await settle(reading)
        if piece:
            connection.data_received(piece)
    await settle(reading)
    if ends:
        connection.eof_received()
        await settle(reading)
    if reading.done():
        error = reading.exception()
        seen.append(type(error))
        seen.append(connection.reusable)
    reading.cancel()
    await asyncio.wait([reading])
    return seen


async def settle(task: asyncio.Task[None]) -> None:
    for _ in range(3):
        if not task.done():
            await asyncio.sleep(0)


async def warmed(connection: Connection) -> tuple[Connection, Wire]:
    """Connect, and complete one exchange."""
    wire = Wire()
    connection.connection_made(wire)
    await exchange(connection, [OK], ends=False)
    connection.rest()
    return connection, wire


async def compare(chance: random.Random) -> None:
    """Run up to four exchanges on a connection of each kind, as long as both are reusable."""
    bypassing, wire = await warmed(Connection(lambda _: None))
    plain, plain_wire = await warmed(H11Connection(lambda _: None))
    for _ in range(4):
        pieces, ends = cut(chance, make_response(chance)), chance.random() < 0.3
        expected = await exchange(plain, pieces, ends)
        assert await exchange(bypassing, pieces, ends) == expected, (pieces, ends)
        assert wire.sent == plain_wire.sent
        if not expected or expected[-1] is not True:
            break
        bypassing.rest()
        plain.rest()


@given(st.randoms(use_true_random=False))
def test_both_read_the_same(chance: random.Random) -> None:
    asyncio.run(compare(chance))


async def test_a_second_get_is_written_without_h11() -> None:
    connection, wire = await warmed(Connection(lambda _: None))
    first = wire.sent
    await exchange(connection, [OK], ends=False)

    assert wire.sent == first * 2
    assert connection._reader.simple


@pytest.mark.parametrize(
    "request_",
    [
        httpx.Request("GET", GET.url, headers={"host": "other.example"}),
        httpx.Request("HEAD", GET.url, headers={"host": "127.0.0.1"}),
        httpx.Request("GET", GET.url, headers={"host": "127.0.0.1"}, content=b"body"),
        httpx.Request(
            "GET",
            GET.url,
            headers={"host": "127.0.0.1"},
            extensions={"target": b"/"},
            stream=httpx.ByteStream(b""),
        ),
    ],
    ids=["other headers", "another method", "a body", "an unread stream"],
)
async def test_any_other_request_is_written_as_h11_writes_it(request_: httpx.Request) -> None:
    connection, wire = await warmed(Connection(lambda _: None))
    plain, plain_wire = await warmed(H11Connection(lambda _: None))
    await connection.send(request_, None)
    await plain.send(request_, None)

    assert wire.sent == plain_wire.sent


@pytest.mark.parametrize(
    "fields", [{"connection": "close"}, {"upgrade": "h2c"}, {"transfer-encoding": "chunked"}]
)
async def test_a_get_that_changes_the_framing_is_not_remembered(fields: dict[str, str]) -> None:
    connection, _ = connected()
    await connection.send(httpx.Request("GET", GET.url, headers={"host": "127.0.0.1", **fields}), None)

    assert connection._writer.known_headers is None


async def test_a_received_body_is_taken_at_once() -> None:
    connection, _ = await warmed(Connection(lambda _: None))
    await connection.send(GET, None)
    connection.data_received(OK)
    await connection.head(GET, None)

    assert connection.take_body(1000) == b"ok"
    assert connection.reusable


async def test_a_body_under_way_is_not_taken() -> None:
    connection, _ = await warmed(Connection(lambda _: None))
    await connection.send(GET, None)
    connection.data_received(BEGUN)
    await connection.head(GET, None)

    assert connection.take_body(1000) is None
    assert not connection.reusable
    assert await connection.body(GET, None) == b"123"
    connection.data_received(b"456789more")
    assert await connection.body(GET, None) == b"456789"
    assert await connection.body(GET, None) == b""
    assert not connection.reusable


async def test_a_body_that_h11_reads_is_not_taken() -> None:
    connection, _ = connected()
    await connection.send(GET, None)
    connection.data_received(OK)
    await connection.head(GET, None)

    assert connection.take_body(1000) is None


async def test_an_end_within_the_body_reports_the_missing_bytes() -> None:
    connection, _ = await warmed(Connection(lambda _: None))
    await connection.send(GET, None)
    connection.data_received(BEGUN)
    connection.eof_received()
    await connection.head(GET, None)
    await connection.body(GET, None)

    with pytest.raises(httpx.RemoteProtocolError, match="6 bytes of the body missing"):
        await connection.body(GET, None)
