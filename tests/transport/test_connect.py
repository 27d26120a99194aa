"""Real sockets on loopback, with a resolver that returns the addresses of the test."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from plivo_async.transport.connect import interleave, open_socket

V4, V6 = socket.AF_INET, socket.AF_INET6


@pytest.fixture
def port() -> Iterator[int]:
    with listening() as port:
        yield port


@contextmanager
def listening() -> Generator[int, None, None]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1024)
        yield server.getsockname()[1]


@contextmanager
def closed_port() -> Generator[int, None, None]:
    """A port that refuses connections: bound, without a listener."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@contextmanager
def silent_port() -> Generator[int, None, None]:
    """A port that never accepts: its backlog is full."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        yield full.getsockname()[1]


def resolve_to(monkeypatch: pytest.MonkeyPatch, *ports: int) -> None:
    async def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        return [(V4, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)


def others() -> set[asyncio.Task[Any]]:
    current = asyncio.current_task()
    return {task for task in asyncio.all_tasks() if task is not current}


async def test_an_address_needs_no_resolver(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch)
    with await open_socket("127.0.0.1", port) as opened:
        assert opened.getpeername() == ("127.0.0.1", port)
        assert not opened.getblocking()


async def test_a_name_is_resolved(port: int) -> None:
    with await open_socket("localhost", port) as opened:
        assert opened.getpeername()[1] == port


async def test_each_step_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What did not end is in the message of a connection that was not opened in time."""
    found = [
        (V6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", 443, 0, 0)),
        *[(V4, socket.SOCK_STREAM, 6, "", (f"192.0.2.{number}", 443)) for number in range(1, 5)],
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    steps, connecting = list[str](), asyncio.Event()

    def note(step: str) -> None:
        steps.append(step)
        if len(steps) == 3:
            connecting.set()

    opening = asyncio.create_task(open_socket("many.example", 443, note))
    await connecting.wait()
    opening.cancel()
    await asyncio.wait([opening])
    assert steps == [
        "waiting for a free executor thread to look up many.example",
        "looking up many.example",
        "connecting to many.example ([2001:db8::1]:443, 192.0.2.1:443, 192.0.2.2:443 and 2 more)",
    ]


async def test_an_unknown_name_is_an_os_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    with pytest.raises(OSError, match="not known"):
        await open_socket("no.such.host", 443)


async def test_a_resolver_that_finds_nothing_is_an_os_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard one raises, but one of a user may return an empty list."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])

    with pytest.raises(socket.gaierror, match="no address"):
        await open_socket("plivo.test", 443)


async def test_a_refused_address_gives_way_to_the_next(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with closed_port() as closed:
        resolve_to(monkeypatch, closed, port)
        with await open_socket("two.example", 443) as opened:
            assert opened.getpeername()[1] == port


async def test_a_silent_address_gives_way_to_the_next(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with silent_port() as silent:
        resolve_to(monkeypatch, silent, port)
        with await open_socket("two.example", 443) as opened:
            assert opened.getpeername()[1] == port
    assert not others()


async def test_the_first_address_wins_if_all_accept(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as second:
        resolve_to(monkeypatch, port, second)
        with await open_socket("two.example", 443) as opened:
            assert opened.getpeername()[1] == port


async def test_all_refused_is_one_error_of_their_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    with closed_port() as first, closed_port() as second:
        resolve_to(monkeypatch, first, second)
        with pytest.raises(ConnectionRefusedError) as caught:
            await open_socket("two.example", 443)
    assert f"{first})" in str(caught.value)
    assert f"{second})" in str(caught.value)


@pytest.mark.parametrize("addresses", [1, 2, 3])
async def test_cancelling_at_any_step_leaves_no_socket_and_no_task(
    addresses: int, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A leaked socket raises a ResourceWarning, which fails the run.
    with silent_port() as silent:
        resolve_to(monkeypatch, *[silent] * (addresses - 1), port)
        for step in range(40):
            opening = asyncio.create_task(open_socket("many.example", 443))
            for _ in range(step):
                await asyncio.sleep(0)
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                (await opening).close()
                raise asyncio.CancelledError
            assert not others()


async def test_a_winner_is_closed_if_the_caller_is_cancelled_twice(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with silent_port() as silent:
        resolve_to(monkeypatch, silent, silent, port)
        for step in range(40):
            opening = asyncio.create_task(open_socket("many.example", 443))
            for _ in range(step):
                await asyncio.sleep(0)
            opening.cancel()
            await asyncio.sleep(0)
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                (await opening).close()
                raise asyncio.CancelledError
        for _ in range(5):
            await asyncio.sleep(0)
        assert not others()


def test_the_families_take_turns_and_each_keeps_its_order() -> None:
    assert interleave([(V6, 1), (V6, 2), (V6, 3), (V4, 4), (V4, 5)]) == [
        *[(V6, 1), (V4, 4), (V6, 2), (V4, 5), (V6, 3)]
    ]


async def test_a_second_connected_socket_is_closed(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async def connect_together(address: tuple[int, Any]) -> socket.socket:
        if address[1][1] == port:
            await second_asked.wait()
        second_asked.set()
        opened = socket.create_connection(address[1])
        connected.append(opened)
        return opened

    second_asked = asyncio.Event()
    connected: list[socket.socket] = []
    monkeypatch.setattr("plivo_async.transport.connect._connect", connect_together)
    monkeypatch.setattr("plivo_async.transport.connect._HEAD_START_SECONDS", 0.0)
    with listening() as second:
        resolve_to(monkeypatch, port, second)
        winner = await open_socket("two.example", 443)
    assert [opened.fileno() == -1 for opened in connected if opened is not winner] == [True]
    winner.close()


async def test_the_last_refusal_is_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(address: tuple[int, Any]) -> socket.socket:
        # The first refusal arrives well after the second.
        if address[1][1] == 1:
            await second_refused.wait()
            for _ in range(5):
                await asyncio.sleep(0)
        second_refused.set()
        raise ConnectionRefusedError(111, f"refused by {address[1][1]}")

    second_refused = asyncio.Event()
    monkeypatch.setattr("plivo_async.transport.connect._connect", refuse)
    monkeypatch.setattr("plivo_async.transport.connect._HEAD_START_SECONDS", 0.0)
    resolve_to(monkeypatch, 1, 2)
    with pytest.raises(ConnectionRefusedError, match="refused by 1; .*refused by 2"):
        await open_socket("two.example", 443)
