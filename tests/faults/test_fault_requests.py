"""The requests as the server receives them."""

from __future__ import annotations

import asyncio
import uuid
from base64 import b64encode
from pathlib import Path

import pytest

from plivo_async import DeadlineExceededError, InvalidCallUUIDError, PlivoError, RequestTimeoutError
from tests.faults.fault_server import Clock, Wire
from tests.faults.responses_on_the_wire import CALL_UUID, RECORD, good, never_reads, reply, sends
from tests.faults.serving import AUTH_ID, TOKEN, serving

BASIC = b64encode(f"{AUTH_ID}:{TOKEN}".encode())
BAD_UUIDS = [
    *("", "..", "/", "a/b", "a?b", "a#b", "%2F", "a\r\nX: y", "a\n", " a", "é", "٣", "a" * 129),
    *(None, b"a", 7),
]


def fields_of(head: bytes) -> dict[bytes, bytes]:
    lines = head.split(b"\r\n")[1:]
    return {name.lower(): value for name, value in (line.split(b": ", 1) for line in lines)}


async def test_a_request_has_exactly_the_documented_headers(clock: Clock) -> None:
    async with serving(clock, good) as (server, client):
        await client.calls.get(uuid.UUID(CALL_UUID))
        (head,) = server.requests
        fields = fields_of(head)
        assert head.startswith(f"GET /v1/Account/{AUTH_ID}/Call/{CALL_UUID}/ HTTP/1.1\r\n".encode())
        assert fields.pop(b"user-agent").startswith(b"plivo_async/")
        assert fields == {
            b"host": f"127.0.0.1:{server.port}".encode(),
            b"accept": b"application/json",
            b"accept-encoding": b"identity",
            b"authorization": b"Basic " + BASIC,
        }


async def test_a_cookie_is_not_sent_back(clock: Clock) -> None:
    async with serving(clock, sends(reply(RECORD, b"Set-Cookie: a=b; Path=/"))) as (server, client):
        for _ in range(2):
            await client.calls.get(CALL_UUID)
        assert b"cookie" not in fields_of(server.requests[1])


async def test_a_netrc_file_is_ignored(clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    async with serving(clock, good) as (server, client):
        await client.calls.get(CALL_UUID)
        assert fields_of(server.requests[0])[b"authorization"] == b"Basic " + BASIC


async def test_a_redirect_is_not_followed(clock: Clock) -> None:
    moved = sends(reply(b"", b"Location: /elsewhere/", status=b"302 Found"))
    async with serving(clock, moved, good) as (server, client):
        with pytest.raises(PlivoError, match="/elsewhere/"):
            await client.calls.get(CALL_UUID)
        assert len(server.requests) == 1


@pytest.mark.parametrize("call_uuid", BAD_UUIDS, ids=repr)
async def test_a_bad_call_uuid_is_refused_before_any_traffic(call_uuid: object, clock: Clock) -> None:
    async with serving(clock, good) as (server, client):
        with pytest.raises(InvalidCallUUIDError):
            await client.calls.get(call_uuid)  # type: ignore[arg-type]
        assert server.connections == 0


async def test_a_request_that_the_server_does_not_read_times_out(clock: Clock) -> None:
    async with serving(clock, never_reads) as (server, client):
        with pytest.raises(RequestTimeoutError, match="write timeout") as caught:
            await client.request("POST", "Call/", json="x" * 20_000_000)
        # A POST is not sent again: it may have arrived.
        assert (caught.value.attempts, server.connections) == (1, 1)


async def test_waiting_for_a_connection_is_no_failure(clock: Clock) -> None:
    async def after_a_while(wire: Wire) -> None:
        await wire.request()
        for _ in range(400):
            await wire.server.clock.tick()
        await wire.send(reply())

    async with serving(clock, after_a_while, good, max_connections=1) as (server, client):
        first = asyncio.create_task(client.calls.get(CALL_UUID, timeout=50.0))
        await server.asked.wait()
        # It waits 40 s, longer than each of its timeouts.
        await client.calls.get(CALL_UUID, retry=None)
        await first
        assert (len(server.requests), server.connections) == (2, 1)


async def test_waiting_for_a_connection_counts_towards_the_deadline(clock: Clock) -> None:
    async with serving(clock, sends(b"", Wire.stall), max_connections=1) as (server, client):
        first = asyncio.create_task(client.calls.get(CALL_UUID, timeout=50.0, retry=None))
        await server.asked.wait()
        started = clock()
        with pytest.raises(DeadlineExceededError) as caught:
            await client.calls.get(CALL_UUID, deadline=5.0)
        assert 5.0 <= clock() - started < 10.0
        assert caught.value.__cause__ is None
        with pytest.raises(RequestTimeoutError):
            await first
        assert len(server.requests) == 1
