"""Responses as bytes, and the steps that send them."""

from __future__ import annotations

import gzip
from pathlib import Path

from tests.faults.fault_server import Step, Wire

CALL_UUID = "5607532d-5037-4066-befc-a8b40218dd4f"
RECORD = (Path(__file__).parents[1] / "fixtures" / "call_documented.json").read_bytes()
GZIPPED = gzip.compress(RECORD)


def reply(body: bytes = RECORD, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """A well-formed response with its length."""
    return head(b"Content-Length: %d" % len(body), *headers, status=status) + body


def head(*headers: bytes, status: bytes = b"200 OK") -> bytes:
    lines = [b"HTTP/1.1 " + status, b"Content-Type: application/json", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def chunked(*chunks: bytes) -> bytes:
    """A body in chunks; b"" is the last one."""
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


def sends(data: bytes, then: Step = Wire.keep) -> Step:
    """Read the request, send these bytes, then run `then`."""

    async def step(wire: Wire) -> None:
        await wire.request()
        await wire.send(data)
        await then(wire)

    return step


def drips(first: bytes, drop: bytes) -> Step:
    """Read the request, then send `first` and, at intervals, `drop` again and again."""

    async def step(wire: Wire) -> None:
        await wire.request()
        await wire.send(first)
        while not wire.hung_up:
            await wire.send(drop)
            for _ in range(10):
                await wire.server.clock.tick()

    return step


def floods(first: bytes, data: bytes) -> Step:
    """Read the request, then send `first` and `data` again and again, as fast as the client reads."""

    async def step(wire: Wire) -> None:
        await wire.request()
        await wire.send(first)
        while not wire.hung_up:
            await wire.send(data)
            await wire.server.clock.tick()

    return step


good = sends(reply())


async def never_reads(wire: Wire) -> None:
    """Leave the request in the socket for 30 s: longer than the write timeout."""
    await wire.unread()
    wire.transport.pause_reading()
    for _ in range(300):
        await wire.server.clock.tick()
    wire.transport.resume_reading()
    await wire.stall()
