"""Bodies that are too large: refused early, cheaply, and never retried."""

from __future__ import annotations

import tracemalloc
import zlib
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from plivo_async import PlivoError, ResponseTooLargeError, RetryPolicy
from tests.faults.fault_server import Clock, Step, Wire
from tests.faults.responses_on_the_wire import (
    CALL_UUID,
    RECORD,
    chunked,
    floods,
    good,
    head,
    reply,
    sends,
)
from tests.faults.serving import serving

MIB = 1024 * 1024
SOON = RetryPolicy(backoff_base=0.001)

both_statuses = pytest.mark.parametrize("status", [b"200 OK", b"503 Busy", b"404 Not Found"])


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """192 MiB of spaces, as gzip."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(deflater.compress(b" " * MIB) for _ in range(192)) + deflater.flush()


@contextmanager
def costs_little() -> Generator[None, None, None]:
    """Check that server and client never use more than 8 MiB above the start."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        yield
        _, highest = tracemalloc.get_traced_memory()
        assert highest - before < 8 * MIB
    finally:
        tracemalloc.stop()


@both_statuses
@pytest.mark.parametrize("encoding", [b"gzip", b"x-gzip", b"GZIP"])
async def test_a_gzip_bomb_costs_little_memory_and_no_retry(
    status: bytes, encoding: bytes, bomb: bytes, clock: Clock
) -> None:
    data = reply(bomb, b"Content-Encoding: " + encoding, status=status)
    async with serving(clock, sends(data), retry=SOON) as (server, client):
        with costs_little(), pytest.raises(ResponseTooLargeError) as caught:
            await client.calls.get(CALL_UUID)
        error = caught.value
        assert (error.status, error.attempts, error.retryable) == (int(status[:3]), 1, False)
        assert len(server.requests) == 1


async def test_a_gzip_bomb_in_one_chunk_costs_little_memory(bomb: bytes, clock: Clock) -> None:
    data = head(b"Transfer-Encoding: chunked", b"Content-Encoding: gzip") + chunked(bomb, b"")
    async with serving(clock, sends(data)) as (_, client):
        with costs_little(), pytest.raises(ResponseTooLargeError):
            await client.calls.get(CALL_UUID)


@both_statuses
async def test_a_declared_length_is_refused_from_the_header(status: bytes, clock: Clock) -> None:
    data = head(b"Content-Length: %d" % (4 * MIB + 1), status=status)
    async with serving(clock, sends(data, Wire.stall), retry=SOON) as (server, client):
        started = clock()
        with pytest.raises(ResponseTooLargeError, match="declares 4194305 bytes") as caught:
            await client.calls.get(CALL_UUID)
        # Sooner than a read timeout: the call does not wait for the body.
        assert clock() - started < 10.0
        assert (caught.value.status, caught.value.attempts) == (int(status[:3]), 1)
        await server.idle()


@pytest.mark.parametrize(
    "endless",
    [
        floods(head(b"Transfer-Encoding: chunked"), chunked(b" " * 250_000)),
        floods(head(status=b"503 Busy"), b" " * 250_000),
    ],
    ids=["in chunks", "on a 503"],
)
async def test_an_endless_body_costs_little_memory(endless: Step, clock: Clock) -> None:
    async with serving(clock, endless, retry=SOON) as (server, client):
        with costs_little(), pytest.raises(ResponseTooLargeError, match="is longer than max_body=") as caught:
            await client.calls.get(CALL_UUID, max_body=MIB)
        assert (caught.value.attempts, len(server.requests)) == (1, 1)


async def test_a_body_of_the_cap_is_read_and_one_byte_more_is_not(clock: Clock) -> None:
    async with serving(clock, good) as (_, client):
        record = await client.calls.get(CALL_UUID, max_body=len(RECORD))
        assert record.call_uuid == CALL_UUID
        with pytest.raises(ResponseTooLargeError):
            await client.calls.get(CALL_UUID, max_body=len(RECORD) - 1)


@pytest.mark.parametrize("length", [b"9" * 19, b"9" * 20, b"9" * 21, b"9" * 5000])
async def test_an_absurd_length_is_refused_from_the_header(length: bytes, clock: Clock) -> None:
    data = head(b"Content-Length: " + length)
    async with serving(clock, sends(data, Wire.stall), retry=None) as (_, client):
        with pytest.raises(PlivoError) as caught:
            await client.calls.get(CALL_UUID)
        assert caught.value.attempts == 1
