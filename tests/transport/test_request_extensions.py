"""Where a request goes: its URL, and what httpx's extensions add to that."""

from __future__ import annotations

import ssl
from typing import Any

import httpx
import pytest
import trustme

from plivo_async import ConfigurationError, ConnectionPool
from plivo_async.transport.request_extensions import origin_of
from tests.transport.pool_server import BODY, Server, serving


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://h.example/a", ("http", "h.example", 80, None)),
        ("https://H.example:443", ("https", "h.example", 443, None)),
        ("https://me:secret@h.example:8443/#a", ("https", "h.example", 8443, None)),
        ("http://[::1]", ("http", "::1", 80, None)),
        # Refused when connecting: no other port is meant.
        ("http://h.example:0", ("http", "h.example", 0, None)),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: tuple[Any, ...]) -> None:
    assert origin_of(httpx.Request("GET", url)) == origin


@pytest.mark.parametrize("scheme", ["htps", "htpp", "wss", "ws", "ftp", "file", "httpss", ""])
async def test_nothing_is_sent_by_another_scheme(scheme: str, server: Server) -> None:
    url = server.url.replace("http", scheme) if scheme else server.url.partition(":")[2]
    async with httpx.AsyncClient(transport=ConnectionPool(), auth=("me", "secret")) as http:
        with pytest.raises(httpx.UnsupportedProtocol, match="http:// or https://") as caught:
            await http.get(url)
    assert "secret" not in str(caught.value)
    assert server.opened == 0


@pytest.mark.parametrize("url", ["http://", "https:///a", "http://:80/", "/a", "http:h.example"])
async def test_a_url_without_a_host_is_refused(url: str) -> None:
    async with httpx.AsyncClient(transport=ConnectionPool()) as http:
        with pytest.raises(httpx.UnsupportedProtocol):
            await http.get(url)


@pytest.mark.parametrize("name", ["", b"h.example", None, 1], ids=repr)
def test_a_server_name_that_is_none_is_refused(name: object) -> None:
    request = httpx.Request("GET", "https://h.example", extensions={"sni_hostname": name})
    with pytest.raises(ConfigurationError, match="sni_hostname"):
        origin_of(request)


def test_a_server_name_means_nothing_without_tls() -> None:
    request = httpx.Request("GET", "http://h.example", extensions={"sni_hostname": "other.example"})
    assert origin_of(request) == ("http", "h.example", 80, None)


async def test_tracing_is_refused() -> None:
    async with httpx.AsyncClient(transport=ConnectionPool()) as http:
        with pytest.raises(ConfigurationError, match="trace"):
            await http.get("http://127.0.0.1:9/", extensions={"trace": print})


async def test_the_certificate_has_to_have_the_server_name() -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("one.example", "two.example").configure_cert(context)
    names: list[str | None] = []
    context.sni_callback = lambda _, name, __: names.append(name)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with (
        serving(context) as server,
        httpx.AsyncClient(transport=ConnectionPool(verify=trusting)) as http,
    ):
        for name in ["one.example", "two.example", "one.example"]:
            response = await http.get(server.url, extensions={"sni_hostname": name})
            assert response.content == BODY
        # Neither the connection to the one nor that to the other is used.
        with pytest.raises(httpx.ConnectError, match="not valid for '127.0.0.1'"):
            await http.get(server.url)
        with pytest.raises(httpx.ConnectError, match=r"not valid for 'three\.example'"):
            await http.get(server.url, extensions={"sni_hostname": "three.example"})

    assert names == ["one.example", "two.example", None, "three.example"]
