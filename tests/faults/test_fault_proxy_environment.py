"""HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY."""

from __future__ import annotations

import asyncio
import socket

import pytest

from plivo_async import AsyncClient, ConfigurationError, NetworkError, PlivoError
from tests.faults.fault_server import Clock, FaultServer, Wire
from tests.faults.leaks import leaks_of
from tests.faults.responses_on_the_wire import CALL_UUID, good, reply, sends
from tests.faults.serving import AUTH_ID, TOKEN, client_of

PASSWORD = "pr0xy-pass"

forbids = sends(reply(b"", status=b"403 Forbidden"), Wire.fin)
https_names = pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])


@pytest.fixture
def no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """No host name has an address: who goes there without a proxy gets no further."""

    async def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", unknown)


@https_names
@pytest.mark.parametrize("scheme", ["http://", ""])
async def test_a_proxy_from_the_environment_opens_a_tunnel(
    scheme: str, name: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FaultServer(clock, forbids) as proxy:
        monkeypatch.setenv(name, f"{scheme}127.0.0.1:{proxy.port}")
        async with AsyncClient(AUTH_ID, TOKEN, retry=None) as client:
            with pytest.raises(PlivoError, match="403"):
                await client.calls.get(CALL_UUID)
        assert proxy.requests[0].startswith(b"CONNECT api.plivo.com:443 ")


async def test_the_variable_of_the_scheme_comes_before_all_proxy(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FaultServer(clock, forbids) as proxy, FaultServer(clock, forbids) as other:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", other.url)
        async with AsyncClient(AUTH_ID, TOKEN, retry=None) as client:
            with pytest.raises(PlivoError, match="403"):
                await client.calls.get(CALL_UUID)
        assert (proxy.connections, other.connections) == (1, 0)


@pytest.mark.parametrize(
    "exception", ["api.plivo.com", ".plivo.com", "*", "example.com, plivo.com", "api.plivo.com:8443"]
)
async def test_no_proxy_exempts_a_host(
    exception: str, clock: Clock, no_names: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FaultServer(clock, forbids) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", exception)
        async with AsyncClient(AUTH_ID, TOKEN, retry=None, base_url="https://api.plivo.com:8443") as client:
            with pytest.raises(NetworkError) as caught:
                await client.calls.get(CALL_UUID)
        assert isinstance(caught.value.__cause__, socket.gaierror)
        assert proxy.connections == 0


async def test_the_environment_is_ignored_without_trust_env(
    clock: Clock, no_names: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FaultServer(clock, forbids) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        async with AsyncClient(AUTH_ID, TOKEN, retry=None, trust_env=False) as client:
            with pytest.raises(NetworkError):
                await client.calls.get(CALL_UUID)
        assert proxy.connections == 0


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"])
async def test_loopback_is_never_proxied_by_the_environment(
    name: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FaultServer(clock, forbids) as proxy, FaultServer(clock, good) as server:
        monkeypatch.setenv(name, proxy.url)
        async with client_of(server) as client:
            await client.calls.get(CALL_UUID)
        assert (proxy.connections, server.connections) == (0, 1)


async def test_the_proxy_argument_takes_precedence(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    async with FaultServer(clock, forbids) as given, FaultServer(clock, forbids) as other:
        monkeypatch.setenv("HTTPS_PROXY", other.url)
        monkeypatch.setenv("NO_PROXY", "*")
        async with AsyncClient(AUTH_ID, TOKEN, retry=None, proxy=given.url) as client:
            with pytest.raises(PlivoError, match="403"):
                await client.calls.get(CALL_UUID)
        assert (given.connections, other.connections) == (1, 0)


@pytest.mark.parametrize(
    "url", ["socks5://user:pr0xy-pass@127.0.0.1", "http://user:pr0xy-pass@", "http://[pr0xy-pass"]
)
def test_the_error_of_an_unusable_proxy_omits_its_password(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", url)
    with pytest.raises(ConfigurationError, match="HTTPS_PROXY") as caught:
        AsyncClient(AUTH_ID, TOKEN)
    assert PASSWORD not in f"{caught.value!r} {caught.value} {vars(caught.value)}"
    assert leaks_of(caught.value) == []
