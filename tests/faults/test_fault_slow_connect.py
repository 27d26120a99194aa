"""A connection that is not opened in time: the error has the step that did not end."""

from __future__ import annotations

import asyncio
import functools
import socket
import threading
from collections.abc import AsyncIterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from plivo_async import AsyncClient, DeadlineExceededError, PlivoError, RequestTimeoutError
from tests.faults.certificates import Authority
from tests.faults.fault_server import Clock, FaultServer, Wire
from tests.faults.responses_on_the_wire import CALL_UUID
from tests.faults.serving import AUTH_ID, TOKEN
from tests.transport.test_connect import resolve_to, silent_port

URL = "https://api.plivo.example"


def client_of(url: str = URL, **options: Any) -> AsyncClient:
    chosen: dict[str, Any] = {"timeout": 5.0, "retry": None, **options}
    return AsyncClient(AUTH_ID, TOKEN, base_url=url, **chosen)


@pytest.fixture
async def connecting(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set when the system is asked for a connection."""
    asked, loop = asyncio.Event(), asyncio.get_running_loop()
    connect = loop.sock_connect

    async def sock_connect(opened: socket.socket, address: Any) -> None:
        asked.set()
        await connect(opened, address)

    monkeypatch.setattr(loop, "sock_connect", sock_connect)
    return asked


@pytest.fixture
async def end_of_test() -> AsyncIterator[threading.Event]:
    """Set before the event loop waits for the threads of its executor."""
    ended = threading.Event()
    yield ended
    ended.set()


@pytest.fixture
async def looking_up(monkeypatch: pytest.MonkeyPatch, end_of_test: threading.Event) -> asyncio.Event:
    """A name server that does not respond. The event is set when it is asked."""
    asked, loop = asyncio.Event(), asyncio.get_running_loop()

    def look_up(*_: object, **__: object) -> list[Any]:
        loop.call_soon_threadsafe(asked.set)
        end_of_test.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


async def error_of(client: AsyncClient) -> RequestTimeoutError:
    async with client:
        with pytest.raises(RequestTimeoutError) as caught:
            await client.calls.get(CALL_UUID)
        return caught.value


async def deadline_error_of(client: AsyncClient) -> DeadlineExceededError:
    async with client:
        with pytest.raises(DeadlineExceededError) as caught:
            await client.calls.get(CALL_UUID)
        return caught.value


class TestANameServerThatDoesNotRespond:
    async def test_is_named_at_the_connect_timeout(self, looking_up: asyncio.Event, clock: Clock) -> None:
        client = client_of(timeout=5.0)
        error = await error_after(client, looking_up, clock, RequestTimeoutError)
        assert error.message == "connect timeout: looking up api.plivo.example took longer than 5 s"

    async def test_is_named_at_the_deadline(self, looking_up: asyncio.Event, clock: Clock) -> None:
        client = client_of(timeout=60.0, deadline=5.0)
        error = await error_after(client, looking_up, clock, DeadlineExceededError)
        assert error.message == (
            "no response within the deadline, after 1 attempt; the last one was still "
            "looking up api.plivo.example"
        )

    async def test_of_a_proxy_is_that_of_the_proxy(self, looking_up: asyncio.Event, clock: Clock) -> None:
        client = client_of(timeout=5.0, proxy="http://proxy.example:3128")
        error = await error_after(client, looking_up, clock, RequestTimeoutError)
        assert "looking up proxy.example took longer than 5 s" in error.message


async def error_after(
    client: AsyncClient, moment: asyncio.Event, clock: Clock, kind: type[PlivoError]
) -> PlivoError:
    """The error of a call if much time passes after a moment."""
    async with client:
        call = asyncio.create_task(client.calls.get(CALL_UUID))
        await moment.wait()
        clock.forward(30.0)
        with pytest.raises(kind) as caught:
            await call
        return caught.value


async def test_a_look_up_that_no_thread_is_free_for_is_told_from_a_slow_one(
    looking_up: asyncio.Event, end_of_test: threading.Event, clock: Clock
) -> None:
    queued = asyncio.Event()

    class Executor(ThreadPoolExecutor):
        def submit(self, *given: Any, **more: Any) -> Future[Any]:
            queued.set()
            return super().submit(*given, **more)

    loop = asyncio.get_running_loop()
    loop.set_default_executor(Executor(1))
    other_work = loop.run_in_executor(None, end_of_test.wait)
    queued.clear()
    error = await error_after(client_of(), queued, clock, RequestTimeoutError)
    text = "waiting for a free executor thread to look up api.plivo.example took longer than 5 s"
    assert error.message == f"connect timeout: {text}"
    assert not looking_up.is_set()
    end_of_test.set()
    await other_work


class TestAHostThatDoesNotRespond:
    async def test_is_named_by_its_address(self, connecting: asyncio.Event, clock: Clock) -> None:
        with silent_port() as port:
            client = client_of(f"https://127.0.0.1:{port}")
            error = await error_after(client, connecting, clock, RequestTimeoutError)
        assert f"connect timeout: connecting to 127.0.0.1:{port} took longer than 5 s" in error.message

    async def test_is_named_by_its_name_and_addresses(
        self, connecting: asyncio.Event, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with silent_port() as port:
            resolve_to(monkeypatch, port, port)
            error = await error_after(client_of(), connecting, clock, RequestTimeoutError)
        address = f"127.0.0.1:{port}"
        assert f"connecting to api.plivo.example ({address}, {address}) took longer" in error.message

    async def test_is_named_at_the_deadline(self, connecting: asyncio.Event, clock: Clock) -> None:
        with silent_port() as port:
            client = client_of(f"https://127.0.0.1:{port}", timeout=60.0, deadline=5.0)
            error = await error_after(client, connecting, clock, DeadlineExceededError)
        assert error.message.endswith(f"the last one was still connecting to 127.0.0.1:{port}")

    async def test_is_not_named_once_it_was_reached(self, clock: Clock) -> None:
        """A connection that is open says nothing of a response that is late."""

        async def late(wire: Wire) -> None:
            await wire.request()
            await wire.stall()

        async with FaultServer(clock, late) as server:
            error = await deadline_error_of(client_of(server.url, timeout=60.0, deadline=5.0))
        assert error.message == "no response within the deadline, after 1 attempt"


async def say_nothing(wire: Wire) -> None:
    await wire.unread()
    await wire.stall()


async def test_a_tls_handshake_is_named(clock: Clock, authority: Authority) -> None:
    async with FaultServer(clock, say_nothing) as server:
        url = f"https://127.0.0.1:{server.port}"
        error = await error_of(client_of(url, timeout=5.0, verify=authority.file))
    assert (
        "connect timeout: performing the TLS handshake with 127.0.0.1 took longer than 5 s" in error.message
    )


async def test_a_tunnel_is_named_with_its_proxy(clock: Clock) -> None:
    async with FaultServer(clock, say_nothing) as server:
        error = await error_of(client_of(timeout=5.0, proxy=server.url))
    step = f"opening a tunnel to api.plivo.example:443 through the proxy 127.0.0.1:{server.port}"
    assert f"connect timeout: {step} took longer than 5 s" in error.message


async def test_a_connection_that_the_system_gives_up_has_the_system_s_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def give_up(*_: object) -> None:
        raise TimeoutError(110, "Connection timed out")

    monkeypatch.setattr("plivo_async.transport.socket_protocol.open_socket", give_up)
    error = await error_of(client_of("https://127.0.0.1:9"))
    assert "connect timeout: [Errno 110] Connection timed out" in error.message


def test_a_look_up_of_another_event_loop_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one that asks a name server without a thread."""
    asked = asyncio.Event()

    class Loop(asyncio.SelectorEventLoop):
        async def getaddrinfo(self, *_: Any, **__: Any) -> list[Any]:
            asked.set()
            await asyncio.Event().wait()
            raise AssertionError

    async def main() -> PlivoError:
        clock = Clock(asyncio.get_running_loop())
        return await error_after(client_of(), asked, clock, RequestTimeoutError)

    monkeypatch.setattr(socket, "getaddrinfo", functools.partial(pytest.fail, "looked up in a thread"))
    with asyncio.Runner(loop_factory=Loop) as runner:
        error = runner.run(main())
    assert "looking up api.plivo.example took longer" in error.message
