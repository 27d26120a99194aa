from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
import respx
import trustme
from respx.models import AllMockedAssertionError

from plivo_async import AsyncClient, Failed, Fetched, NotFoundError, RequestTimeoutError, TLSError
from tests.offline import CALL_UUID, RECORD, TOKEN, URL, down, ok
from tests.services.watched.clients import ACCOUNT, CALL_UUIDS, USES, client_of
from tests.watched_server import Server, serving

modes = pytest.mark.parametrize("using", ["httpcore", "httpx"])
PAGE = {"api_id": "a", "meta": {"limit": 20, "offset": 0, "next": None, "previous": None}, "objects": []}


@respx.mock
async def test_the_decorator_answers_the_default_client(no_network: list[str]) -> None:
    route = respx.get(URL).mock(side_effect=[down(), httpx.ReadTimeout("slow"), ok()])
    async with client_of() as client:
        assert (await client.calls.get(CALL_UUID)).call_uuid == CALL_UUID
    assert route.call_count == 3
    assert no_network == []


@respx.mock(using="httpx", base_url=ACCOUNT)
async def test_the_decorator_of_the_httpx_mode_hands_over_its_router(
    respx_mock: respx.MockRouter, no_network: list[str]
) -> None:
    respx_mock.get(f"Call/{CALL_UUID}/").respond(404, json={"api_id": "a", "error": "not found"})
    async with client_of() as client:
        with pytest.raises(NotFoundError):
            await client.calls.get(CALL_UUID)
    assert no_network == []


@modes
async def test_a_batch_and_a_list_are_answered(using: str, no_network: list[str]) -> None:
    async with client_of() as client:
        with respx.mock(using=using, base_url=ACCOUNT) as router:
            router.get(f"Call/{CALL_UUIDS[3]}/").respond(404, json={"error": "no"})
            router.get("Call/").respond(json=PAGE)
            router.get(path__regex=r"/Call/[^/]+/$").mock(side_effect=record_of_the_request)
            outcomes = await client.calls.get_many(CALL_UUIDS)
            assert [call async for call in client.calls.list()] == []
    assert [type(outcome) for outcome in outcomes].count(Fetched) == len(CALL_UUIDS) - 1
    assert isinstance(outcomes[3], Failed)
    assert no_network == []


def record_of_the_request(request: httpx.Request) -> httpx.Response:
    call_uuid = request.url.path.split("/")[-2]
    return httpx.Response(200, content=RECORD.replace(CALL_UUID.encode(), call_uuid.encode()))


@modes
@pytest.mark.parametrize("use", USES)
async def test_a_request_without_a_route_fails_the_test(
    using: str, use: Callable[[AsyncClient], Awaitable[object]], no_network: list[str]
) -> None:
    async with client_of() as client:
        with respx.mock(using=using), pytest.raises(AllMockedAssertionError, match="not mocked"):
            await use(client)
    assert no_network == []


@modes
async def test_a_router_notices_a_route_that_was_not_called(using: str) -> None:
    with pytest.raises(AssertionError, match="some routes were not called"):
        async with client_of() as client, respx.mock(using=using) as router:
            router.get(URL).mock(return_value=ok())
            router.get("https://api.plivo.com/never")
            await client.calls.get(CALL_UUID)


@modes
async def test_several_clients_and_threads_of_calls_share_a_router(using: str, no_network: list[str]) -> None:
    async with client_of() as one, client_of() as other:
        with respx.mock(using=using) as router:
            route = router.get(URL).mock(return_value=ok())
            await asyncio.gather(*(client.calls.get(CALL_UUID) for client in (one, other) for _ in range(5)))
    assert route.call_count == 10
    assert no_network == []


@modes
async def test_a_client_outlives_the_mock(using: str, server: Server) -> None:
    async with client_of(server.url) as client:
        await client.calls.get(CALL_UUID)
        with respx.mock(using=using) as router:
            router.route().respond(404)
            with pytest.raises(NotFoundError):
                await client.calls.get(CALL_UUID)
        await client.calls.get(CALL_UUID)
    assert len(server.requests) == 2


@modes
async def test_requests_may_pass_through(using: str, server: Server) -> None:
    server.statuses = [503]
    with respx.mock(using=using) as router:
        route = router.route(host="127.0.0.1").pass_through()
        async with client_of(server.url) as client:
            await client.calls.get(CALL_UUID)
        ours, route.calls[:] = route.call_count, []
        async with httpx.AsyncClient() as plain:
            for _ in range(2):
                await plain.get(f"{server.url}/v1/")
    assert len(server.requests) == 4
    # In its default mode respx counts twice what it lets pass, for httpx's own transport too.
    assert ours == route.call_count


@modes
async def test_what_passes_heeds_the_timeouts_of_the_client(using: str) -> None:
    async def never(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        closing.append(writer)

    closing: list[asyncio.StreamWriter] = []
    listener = await asyncio.start_server(never, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    async with listener:
        with respx.mock(using=using) as router:
            router.route().pass_through()
            async with client_of(url, timeout=0.05, retry=None) as client:
                with pytest.raises(RequestTimeoutError):
                    await client.calls.get(CALL_UUID)
        for writer in closing:
            writer.close()


@modes
async def test_what_passes_goes_through_the_proxy_of_the_client(using: str) -> None:
    async with serving() as proxy:
        with respx.mock(using=using) as router:
            router.route().pass_through()
            async with client_of("http://localhost:1", proxy=proxy.url) as client:
                assert (await client.calls.get(CALL_UUID)).call_uuid == CALL_UUID
    assert len(proxy.requests) == 1


@modes
async def test_what_passes_heeds_the_cas_of_the_client(using: str, tmp_path: Path) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with serving(context=context) as server:
        with respx.mock(using=using) as router:
            router.route().pass_through()
            async with client_of(server.url) as client:
                with pytest.raises(TLSError) as caught:
                    await client.calls.get(CALL_UUID)
            async with client_of(server.url, verify=tmp_path / "ca.pem") as client:
                await client.calls.get(CALL_UUID)
    assert caught.value.attempts == 1


@modes
async def test_the_request_that_a_route_keeps_is_the_one_that_plivo_would_get(using: str) -> None:
    async with client_of() as client:
        with respx.mock(using=using) as router:
            route = router.post(f"{ACCOUNT}Call/").respond(201, json={})
            await client.request("POST", "Call/", json={"to": "1"})
    request = route.calls.last.request
    assert json.loads(request.content) == {"to": "1"}
    assert request.headers["content-type"] == "application/json"
    assert httpx.BasicAuth("MAXXXXXXXXXXXXXXXXXX", TOKEN)._auth_header == request.headers["authorization"]
