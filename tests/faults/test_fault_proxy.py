"""Requests through an HTTP proxy, and what the proxy gets to see of them."""

from __future__ import annotations

import ssl

from tests.faults.certificates import Authority
from tests.faults.fault_server import Clock
from tests.faults.proxying import HOST, PASSWORD, PROXY_BASIC, proxied, tunnels
from tests.faults.responses_on_the_wire import CALL_UUID, good
from tests.faults.serving import AUTH_ID
from tests.offline import pool_of


def fields_of(head: bytes) -> list[bytes]:
    return head.split(b"\r\n")


async def test_an_https_origin_is_reached_through_a_tunnel(
    clock: Clock, origin: ssl.SSLContext, authority: Authority
) -> None:
    async with proxied(clock, tunnels(origin), verify=authority.file) as (server, client):
        record = await client.calls.get(CALL_UUID)
        assert record.call_uuid == CALL_UUID
        connect, request = map(fields_of, server.requests)
        assert connect[0] == f"CONNECT {HOST}:443 HTTP/1.1".encode()
        assert f"Host: {HOST}:443".encode() in connect
        assert b"Proxy-Authorization: Basic " + PROXY_BASIC in connect
        assert not any(field.lower().startswith(b"authorization") for field in connect)
        assert request[0] == f"GET /v1/Account/{AUTH_ID}/Call/{CALL_UUID}/ HTTP/1.1".encode()
        assert f"Host: {HOST}".encode() in request
        assert not any(field.lower().startswith(b"proxy-") for field in request)


async def test_a_tunnel_is_reused(clock: Clock, origin: ssl.SSLContext, authority: Authority) -> None:
    async with proxied(clock, tunnels(origin), verify=authority.file) as (server, client):
        for _ in range(3):
            await client.calls.get(CALL_UUID)
        assert (server.connections, len(server.requests)) == (1, 4)


async def test_a_tunnel_names_the_port_of_the_origin(
    clock: Clock, origin: ssl.SSLContext, authority: Authority
) -> None:
    async with proxied(clock, tunnels(origin), verify=authority.file, base_url=f"https://{HOST}:8443") as (
        server,
        client,
    ):
        await client.calls.get(CALL_UUID)
        connect, request = map(fields_of, server.requests)
        assert connect[0] == f"CONNECT {HOST}:8443 HTTP/1.1".encode()
        assert f"Host: {HOST}:8443".encode() in request


async def test_the_connection_to_the_proxy_may_use_tls(
    clock: Clock, origin: ssl.SSLContext, authority: Authority
) -> None:
    async with proxied(clock, tunnels(origin), tls=authority.server(), verify=authority.file) as (
        server,
        client,
    ):
        record = await client.calls.get(CALL_UUID)
        assert record.call_uuid == CALL_UUID
        assert server.requests[0].startswith(b"CONNECT ")


async def test_an_http_request_is_forwarded_by_its_whole_url(clock: Clock) -> None:
    async with proxied(clock, good, base_url="http://127.0.0.1:9") as (server, client):
        record = await client.calls.get(CALL_UUID)
        assert record.call_uuid == CALL_UUID
        (request,) = map(fields_of, server.requests)
        assert request[0] == (
            f"GET http://127.0.0.1:9/v1/Account/{AUTH_ID}/Call/{CALL_UUID}/ HTTP/1.1".encode()
        )
        assert b"Host: 127.0.0.1:9" in request
        assert b"Proxy-Authorization: Basic " + PROXY_BASIC in request


async def test_no_repr_shows_the_password_of_the_proxy(clock: Clock) -> None:
    async with proxied(clock, good) as (_, client):
        pool = pool_of(client)
        assert pool is not None
        shown = f"{client!r} {pool!r} {pool._proxy!r} {vars(client)} {vars(pool)} {client._core!r}"
        assert PASSWORD not in shown
        assert PROXY_BASIC.decode() not in shown
