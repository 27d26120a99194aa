"""The fake on a loopback socket."""

from __future__ import annotations

import asyncio
import gc
import itertools
import logging
import re
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

import httpx
import pytest
import uvicorn

from plivo_async import AsyncClient, ConfigurationError, NetworkError
from plivo_async.testing import (
    Drop,
    FakePlivo,
    FakeRateLimit,
    InstantRetryPolicy,
    StubResponse,
    protocol,
)

_HANG = 30.0


def client_of(fake: FakePlivo, url: str, **options: Any) -> AsyncClient:
    options.setdefault("retry", InstantRetryPolicy())
    return AsyncClient(fake.auth_id, fake.auth_token, base_url=url, trust_env=False, **options)


async def fetch(fake: FakePlivo, url: str, times: int = 1, **options: Any) -> list[str]:
    async with client_of(fake, url, **options) as client:
        records = await asyncio.gather(*(client.calls.get(fake.call_uuids[0]) for _ in range(times)))
        return [record.call_uuid for record in records]


def connect(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=_HANG)


def raw_request(fake: FakePlivo) -> bytes:
    request = httpx.Request("GET", f"http://x/v1/Account/{fake.auth_id}/Call/{fake.call_uuids[0]}/")
    authorized = next(httpx.BasicAuth(fake.auth_id, fake.auth_token).auth_flow(request))
    head = [f"GET {authorized.url.path} HTTP/1.1".encode()]
    head += [name + b": " + value for name, value in authorized.headers.raw]
    return b"\r\n".join([*head, b"", b""])


def read_to_end(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    threads = set(threading.enumerate())
    yield
    # Sockets and loops that nobody closed warn when they are collected, and a warning is an error.
    gc.collect()
    assert set(threading.enumerate()) == threads


def test_with_serves_from_a_thread() -> None:
    fake = FakePlivo()
    with fake.serve() as url:
        assert url.startswith("http://127.0.0.1:")
        assert asyncio.run(fetch(fake, url)) == [fake.call_uuids[0]]

    assert [request.status for request in fake.requests] == [200]


async def test_async_with_serves_from_the_running_loop() -> None:
    fake = FakePlivo()
    threads = threading.active_count()
    async with fake.serve() as url:
        assert threading.active_count() == threads
        assert await fetch(fake, url) == [fake.call_uuids[0]]


async def test_a_thread_serves_a_client_in_a_running_loop_too() -> None:
    fake = FakePlivo()
    with fake.serve() as url:
        assert await fetch(fake, url) == [fake.call_uuids[0]]


async def test_hundreds_of_connections_at_once_are_accepted() -> None:
    fake = FakePlivo(rate_limit=None)
    async with fake.serve() as url:
        assert len(await fetch(fake, url, 300, max_connections=300)) == 300


async def test_two_servers_of_one_fake_share_its_rate_limit() -> None:
    fake = FakePlivo(rate_limit=FakeRateLimit(requests=1), clock=lambda: 1000.0)
    with fake.serve() as one, fake.serve() as other:
        assert one != other
        await fetch(fake, one)
        async with httpx.AsyncClient(trust_env=False, auth=(fake.auth_id, fake.auth_token)) as client:
            assert (await client.get(other)).status_code == 429


async def test_a_change_takes_effect_while_it_serves() -> None:
    fake = FakePlivo()
    with fake.serve() as url:
        async with client_of(fake, url, retry=None) as client:
            fake.add({"call_uuid": "late"})
            assert (await client.calls.get("late")).call_uuid == "late"
            fake.script([503, 503])
            assert (await fetch(fake, url)) == [fake.call_uuids[0]]
    assert fake.statuses == {200: 2, 503: 2}


def test_threads_may_read_and_change_while_it_serves() -> None:
    fake = FakePlivo(rate_limit=None)
    stop = threading.Event()

    def disturb() -> None:
        for number in itertools.count():
            if stop.is_set():
                return
            fake.add({"call_uuid": f"c{number % 500}"})
            fake.script([], call_uuid=f"c{number % 500}")
            kept = len(fake.requests)
            assert kept <= fake.statuses.total()
            assert fake.call_uuids[0] in fake.call_uuids

    thread = threading.Thread(target=disturb)
    with fake.serve() as url:
        thread.start()
        fetched = asyncio.run(fetch(fake, url, 200))
        stop.set()
        thread.join(_HANG)

    assert len(fetched) == 200
    assert fake.statuses == {200: 200}


def test_a_port_can_be_chosen_and_one_in_use_is_an_error() -> None:
    with FakePlivo().serve() as url:
        port = int(url.rsplit(":", 1)[1])
        with pytest.raises(OSError, match="in use"):
            FakePlivo().serve(port).__enter__()
    with FakePlivo().serve(port) as again:
        assert again == url


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", r"http://127\.0\.0\.1:\d+"),
        ("::", r"http://\[::1\]:\d+"),
        ("::1", r"http://\[::1\]:\d+"),
        ("localhost", r"http://localhost:\d+"),
    ],
)
async def test_a_host_can_be_chosen(host: str, url: str) -> None:
    fake = FakePlivo()
    async with fake.serve(host=host) as found:
        assert re.fullmatch(url, found)
        assert await fetch(fake, found) == [fake.call_uuids[0]]


def test_an_empty_host_is_refused_because_a_socket_would_take_it_for_every_interface() -> None:
    with pytest.raises(ConfigurationError, match="host must not be empty"):
        FakePlivo().serve(host="")


async def test_a_port_in_use_is_an_error_in_a_running_loop_too() -> None:
    async with FakePlivo().serve() as url:
        with pytest.raises(OSError, match="in use"):
            await FakePlivo().serve(int(url.rsplit(":", 1)[1])).__aenter__()


def test_a_server_can_be_entered_again() -> None:
    fake = FakePlivo()
    server = fake.serve()
    for _ in range(2):
        with server as url:
            assert asyncio.run(fetch(fake, url)) == [fake.call_uuids[0]]


def test_after_the_block_nobody_listens() -> None:
    with FakePlivo().serve() as url:
        pass

    with pytest.raises(ConnectionRefusedError):
        connect(url)


def test_kept_alive_connections_are_closed_at_the_end() -> None:
    fake = FakePlivo()
    with fake.serve() as url:
        connection = connect(url)
        connection.sendall(raw_request(fake))
        while b'"source_ip"' not in connection.recv(65536):
            pass
    with connection:
        assert _closed(connection)


def test_connections_without_a_request_are_closed_at_the_end() -> None:
    with FakePlivo().serve() as url:
        connections = [connect(url) for _ in range(20)]

    for connection in connections:
        with connection:
            assert _closed(connection)


def test_requests_in_progress_are_cancelled_at_the_end() -> None:
    started = threading.Event()

    async def sleep(_: float) -> None:
        started.set()
        await asyncio.Event().wait()

    fake = FakePlivo(latency=1.0, sleep=sleep)
    with fake.serve() as url:
        connection = connect(url)
        connection.sendall(raw_request(fake))
        assert started.wait(_HANG)
    with connection:
        assert _closed(connection)


async def test_requests_in_progress_are_cancelled_in_the_running_loop_too() -> None:
    started = asyncio.Event()

    async def sleep(_: float) -> None:
        started.set()
        await asyncio.Event().wait()

    fake = FakePlivo(latency=1.0, sleep=sleep)
    async with fake.serve() as url:
        call = asyncio.create_task(fetch(fake, url, retry=None))
        await started.wait()

    with pytest.raises(NetworkError):
        await asyncio.wait_for(call, _HANG)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_client_that_disconnects_causes_no_error(caplog: pytest.LogCaptureFixture) -> None:
    started, gone = asyncio.Event(), asyncio.Event()

    async def sleep(_: float) -> None:
        started.set()
        await gone.wait()

    fake = FakePlivo(latency=1.0, sleep=sleep)
    async with fake.serve() as url:
        call = asyncio.create_task(fetch(fake, url, retry=None))
        await started.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        gone.set()

    assert caplog.records == []


@pytest.mark.parametrize(
    ("drop", "received"),
    [
        (Drop(), rb""),
        (
            Drop(after=0),
            rb"HTTP/1\.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 807\r\n\r\n",
        ),
        (Drop(after=14), rb'HTTP/1\.1 200 OK\r\n[^{]*\r\n\r\n{"answer_time"'),
    ],
)
def test_a_drop_closes_the_connection_after_its_bytes(
    drop: Drop, received: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    fake = FakePlivo()
    fake.script([drop])
    with fake.serve() as url, connect(url) as connection:
        connection.sendall(raw_request(fake))
        answer = read_to_end(connection)

    assert re.fullmatch(received, answer)
    assert caplog.records == []


@pytest.mark.parametrize("drop", [Drop(), Drop(after=0), Drop(after=100)])
async def test_the_client_retries_after_a_drop_on_a_socket(drop: Drop) -> None:
    fake = FakePlivo()
    fake.script([drop, drop])
    async with fake.serve() as url:
        assert await fetch(fake, url) == [fake.call_uuids[0]]
    assert fake.statuses == {None: 2, 200: 1}


@pytest.mark.parametrize("drop", [Drop(), Drop(after=100)])
async def test_the_client_gives_up_after_endless_drops(drop: Drop) -> None:
    fake = FakePlivo()
    fake.script(itertools.repeat(drop))
    async with fake.serve() as url:
        with pytest.raises(NetworkError) as caught:
            await fetch(fake, url)

    assert caught.value.attempts == 3


async def test_a_status_without_a_body_goes_over_a_socket() -> None:
    fake = FakePlivo()
    fake.script([204, StubResponse(200, b"", headers={"Retry-After": "1"})])
    async with (
        fake.serve() as url,
        httpx.AsyncClient(trust_env=False, auth=(fake.auth_id, fake.auth_token)) as client,
    ):
        assert [(await client.get(url)).status_code for _ in range(2)] == [204, 200]


async def test_head_and_post_get_responses_on_one_connection() -> None:
    fake = FakePlivo()
    async with fake.serve() as url, httpx.AsyncClient(trust_env=False) as client:
        for method in ("HEAD", "POST", "GET"):
            answer = await client.request(method, url, content=b"x" * 100_000 if method == "POST" else None)
            assert answer.status_code == 401


def test_signal_handlers_stay_as_they_are() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with FakePlivo().serve():
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


async def test_signal_handlers_stay_as_they_are_in_the_running_loop_too() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with FakePlivo().serve():
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_nothing_is_logged_and_uvicorns_loggers_stay_as_they_are(caplog: pytest.LogCaptureFixture) -> None:
    def state() -> list[object]:
        loggers = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.error", "uvicorn.access")]
        return [(logger.level, logger.handlers, logger.propagate, logger.disabled) for logger in loggers]

    before = state()
    fake = FakePlivo()
    with caplog.at_level(logging.DEBUG), fake.serve() as url:
        fake.script([500])
        asyncio.run(fetch(fake, url))

    assert not [record for record in caplog.records if "uvicorn" in record.name or "testing" in record.name]
    assert state() == before


def test_an_exception_in_a_function_of_the_tests_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> float:
        raise ZeroDivisionError("of the test's own making")

    fake = FakePlivo(latency=broken)
    with fake.serve() as url, httpx.Client(trust_env=False) as client:
        assert client.get(url).status_code == 500

    (record,) = caplog.records
    assert (record.name, record.levelname) == ("plivo_async.testing", "ERROR")
    assert "of the test's own making" in caplog.text


async def test_a_task_cancelled_by_anything_else_is_not_hidden(caplog: pytest.LogCaptureFixture) -> None:
    async def sleep(_: float) -> None:
        raise asyncio.CancelledError

    fake = FakePlivo(latency=1.0, sleep=sleep)
    async with fake.serve() as url, httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(url)).status_code == 500

    assert "CancelledError" in caplog.text


class Without(MetaPathFinder):
    """Makes a package look as if it were not installed."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        if fullname.partition(".")[0] == self.package:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] == "uvicorn" or name == "plivo_async.testing.protocol":
            monkeypatch.delitem(sys.modules, name)


@pytest.mark.usefixtures("forgotten")
async def test_without_uvicorn_the_error_names_the_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", [Without("uvicorn"), *sys.meta_path])
    server = FakePlivo().serve()

    with pytest.raises(ConfigurationError, match=r'pip install "plivo-async\[testing\]"'):
        server.__enter__()
    with pytest.raises(ConfigurationError, match=r'pip install "plivo-async\[testing\]"'):
        await server.__aenter__()


@pytest.mark.usefixtures("forgotten")
def test_another_missing_module_is_not_reported_as_uvicorn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "h11")
    monkeypatch.setattr(sys, "meta_path", [Without("h11"), *sys.meta_path])

    with pytest.raises(ModuleNotFoundError, match="h11"):
        FakePlivo().serve().__enter__()


def test_no_response_waits_until_the_client_has_acknowledged_its_head(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listeners: list[socket.socket] = []

    def serving(app: Any, listener: socket.socket) -> Any:
        listeners.append(listener)
        return original(app, listener)

    original = protocol.serving
    monkeypatch.setattr(protocol, "serving", serving)
    with FakePlivo().serve() as url, connect(url):
        without_nagle = listeners[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    assert without_nagle


async def test_another_asgi_server_can_serve_it_and_closes_after_the_head_for_a_drop() -> None:
    fake = FakePlivo()
    fake.script([200, Drop(), Drop(after=100)])
    server = uvicorn.Server(uvicorn.Config(fake, lifespan="on", log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        assert await fetch(fake, url) == [fake.call_uuids[0]]
        for received in (0, 100):
            with pytest.raises(NetworkError, match=rf"received {received} bytes"):
                await fetch(fake, url, retry=None)
        server.should_exit = True
        await serving

    assert fake.statuses == {200: 1, None: 2}


def _closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True
