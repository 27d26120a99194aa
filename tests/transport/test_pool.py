"""The pool by itself, over real sockets on loopback."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest

from plivo_async import ClientClosedError, ConfigurationError, ConnectionPool
from plivo_async.transport.response_body import ResponseBody
from tests.transport.pool_server import BODY, HEAD, Server, serving


def sockets() -> int:
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return sum(str(link.readlink()).startswith("socket:") for link in links)


class TestCancellation:
    @pytest.mark.parametrize("scheme", ["http", "https"])
    async def test_thousands_of_random_cancellations_leave_no_slot_no_socket_and_no_task(
        self, scheme: str, tls: tuple[ssl.SSLContext, Path]
    ) -> None:
        chance = random.Random(1)
        context, ca_file = tls
        rounds = 100 if scheme == "http" else 30
        cancelled = 0
        sockets_before, tasks_before = sockets(), asyncio.all_tasks()

        async with serving(context if scheme == "https" else None) as server:
            server.delays = chance
            pool = ConnectionPool(max_connections=5, verify=ca_file)
            async with httpx.AsyncClient(transport=pool) as http:
                loop = asyncio.get_running_loop()
                for _ in range(rounds):
                    asking = [asyncio.create_task(http.get(server.url, timeout=None)) for _ in range(40)]
                    for task in asking[10:]:
                        first = chance.random() * 0.05
                        loop.call_later(first, task.cancel)
                        if chance.random() < 0.3:
                            loop.call_later(first + chance.random() * 0.001, task.cancel)
                    await asyncio.wait(asking)
                    cancelled += sum(task.cancelled() for task in asking)
                    assert all(task.result().content == BODY for task in asking if not task.cancelled())
                    assert pool.busy == 0
        assert cancelled > rounds
        assert (sockets(), asyncio.all_tasks()) == (sockets_before, tasks_before)

    async def test_a_request_cancelled_in_the_queue_takes_no_connection(self, server: Server) -> None:
        server.may_answer.clear()
        async with httpx.AsyncClient(transport=ConnectionPool(max_connections=1)) as http:
            first = asyncio.create_task(http.get(server.url))
            await server.asked.get()
            second = asyncio.create_task(http.get(server.url))
            await asyncio.sleep(0)
            second.cancel()
            server.may_answer.set()
            assert (await first).content == BODY
            assert second.cancelled()
            assert (await http.get(server.url)).content == BODY
        assert server.opened == 1

    async def test_a_cancelled_request_costs_its_connection_and_no_other(self, server: Server) -> None:
        pool = ConnectionPool(max_connections=2)
        async with httpx.AsyncClient(transport=pool) as http:
            await http.get(server.url)
            await server.asked.get()
            server.may_answer.clear()
            asking = asyncio.create_task(http.get(server.url))
            await server.asked.get()
            asking.cancel()
            await asyncio.wait([asking])
            assert (pool.busy, pool.idle) == (0, 0)


class TestReuse:
    async def test_requests_one_after_another_share_one_connection(self, server: Server) -> None:
        async with httpx.AsyncClient(transport=ConnectionPool()) as http:
            for _ in range(5):
                await http.get(server.url)
        assert server.opened == 1

    async def test_never_more_connections_than_allowed(self, server: Server) -> None:
        async with httpx.AsyncClient(transport=ConnectionPool(max_connections=3)) as http:
            await asyncio.gather(*(http.get(server.url) for _ in range(30)))
        assert server.opened == 3

    async def test_queued_requests_are_served_in_fifo_order(self, server: Server) -> None:
        async with httpx.AsyncClient(transport=ConnectionPool(max_connections=1)) as http:
            await asyncio.gather(*(http.get(f"{server.url}{n}") for n in range(9)))
        assert [server.asked.get_nowait() for _ in range(9)] == [f"/{n}" for n in range(9)]

    async def test_the_connection_used_last_is_used_next(self, server: Server) -> None:
        pool = ConnectionPool()
        async with httpx.AsyncClient(transport=pool) as http:
            await asyncio.gather(http.get(server.url), http.get(server.url))
            stack = [connection for _, _, connection in pool._idle._entries]
            for _ in range(3):
                await http.get(server.url)
            assert [connection for _, _, connection in pool._idle._entries] == stack

    async def test_an_idle_connection_is_closed_when_it_expires(self, server: Server) -> None:
        pool = ConnectionPool(keepalive_expiry=0.5)
        async with httpx.AsyncClient(transport=pool) as http:
            await asyncio.gather(http.get(server.url), http.get(server.url))
            assert pool.idle == 2
            await asyncio.wait_for(server.all_closed.wait(), 5)
            assert pool.idle == 0

    async def test_an_idle_connection_that_expires_later_stays_open(self, server: Server) -> None:
        pool = ConnectionPool(keepalive_expiry=60)
        async with httpx.AsyncClient(transport=pool) as http:
            await asyncio.gather(http.get(server.url), http.get(server.url))
            timer = pool._idle._timer
            assert timer is not None
            timer.cancel()
            since, origin, older = pool._idle._entries[0]
            pool._idle._entries[0] = since - 60, origin, older

            pool._idle._expire(asyncio.get_running_loop())

            assert pool.idle == 1
            assert older.lost
            assert pool._idle._timer not in (None, timer)

    async def test_at_the_limit_one_idle_connection_is_closed_for_a_new_one(self, server: Server) -> None:
        pool = ConnectionPool(max_connections=3)
        async with serving() as other, httpx.AsyncClient(transport=pool) as http:
            await asyncio.gather(*(http.get(server.url) for _ in range(3)))
            await http.get(other.url)
            assert pool.idle == 3

    async def test_an_expiry_of_zero_keeps_none_open(self, server: Server) -> None:
        pool = ConnectionPool(keepalive_expiry=0)
        async with httpx.AsyncClient(transport=pool) as http:
            await http.get(server.url)
            assert pool.idle == 0
            await http.get(server.url)
        assert server.opened == 2

    async def test_connections_to_one_origin_serve_no_other(self, server: Server) -> None:
        pool = ConnectionPool(max_connections=1)
        async with serving() as other, httpx.AsyncClient(transport=pool) as http:
            for url in (server.url, other.url, server.url):
                await http.get(url)
            assert (server.opened, other.opened) == (2, 1)

    async def test_a_response_not_read_to_its_end_costs_its_connection(self, server: Server) -> None:
        pool = ConnectionPool()
        async with httpx.AsyncClient(transport=pool) as http:
            async with http.stream("GET", server.url):
                assert pool.busy == 1
            assert (pool.busy, pool.idle) == (0, 0)

    async def test_a_request_that_http_does_not_allow_is_refused(self, server: Server) -> None:
        pool = ConnectionPool()
        async with httpx.AsyncClient(transport=pool) as http:
            with pytest.raises(httpx.LocalProtocolError):
                await http.get(server.url, headers={"x": "a\r\nb: c"})
            assert (pool.busy, pool.idle) == (0, 0)

    async def test_a_request_body_is_sent(self, server: Server) -> None:
        async with httpx.AsyncClient(transport=ConnectionPool()) as http:
            assert (await http.put(server.url, content=b"")).content == BODY


class TestBody:
    async def test_taking_a_received_body_frees_the_slot(self, server: Server) -> None:
        pool = ConnectionPool()
        request = httpx.Request("GET", server.url)
        async with pool:
            await (await pool.handle_async_request(request)).aread()
            # Head and body arrive together: the server writes both in one step.
            response = await pool.handle_async_request(request)
            assert isinstance(response.stream, ResponseBody)
            assert response.stream.take(len(BODY) - 1) is None
            assert response.stream.take(len(BODY)) == BODY
            assert (pool.busy, pool.idle) == (0, 1)
            assert response.stream.take(1000) is None
            assert [chunk async for chunk in response.stream] == []

    async def test_a_body_under_way_is_not_taken(self, server: Server) -> None:
        pool = ConnectionPool()
        async with pool:
            response = await pool.handle_async_request(httpx.Request("GET", server.url))
            assert isinstance(response.stream, ResponseBody)
            assert response.stream.take(1000) is None
            assert pool.busy == 1
            assert await response.aread() == BODY
            assert pool.idle == 1


class TestClosing:
    async def test_closing_ends_active_and_queued_requests(self, server: Server) -> None:
        server.may_answer.clear()
        pool = ConnectionPool(max_connections=1)
        http = httpx.AsyncClient(transport=pool)
        under_way = asyncio.create_task(http.get(server.url))
        await server.asked.get()
        waiting = asyncio.create_task(http.get(server.url))
        await asyncio.sleep(0)
        await pool.aclose()
        with pytest.raises(httpx.ReadError, match="closed on this side"):
            await under_way
        with pytest.raises(ClientClosedError):
            await waiting
        server.may_answer.set()
        assert repr(pool) == "ConnectionPool(max_connections=1, closed)"

    async def test_closing_ends_a_connection_being_made(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def close_meanwhile(host: str, port: int, _note: object) -> Any:
            await pool.aclose()
            return await open_socket(host, port)

        from plivo_async.transport.connect import open_socket

        monkeypatch.setattr("plivo_async.transport.socket_protocol.open_socket", close_meanwhile)
        pool = ConnectionPool()
        with pytest.raises(ClientClosedError):
            await httpx.AsyncClient(transport=pool).get(server.url)
        assert pool.busy == 0

    async def test_closing_leaves_no_timer(self, server: Server) -> None:
        pool = ConnectionPool()
        await httpx.AsyncClient(transport=pool).get(server.url)
        timer = pool._idle._timer
        assert timer is not None

        await pool.aclose()

        assert timer.cancelled()

    async def test_closing_ends_tls_with_a_close_notify(self, tls: tuple[ssl.SSLContext, Path]) -> None:
        context, ca_file = tls

        def serve() -> bytes:
            # In a thread, because asyncio does not report a missing close_notify.
            accepted, _ = listener.accept()
            accepted.settimeout(5)
            with context.wrap_socket(accepted, server_side=True, suppress_ragged_eofs=False) as connection:
                connection.recv(1024)
                connection.sendall(HEAD + BODY)
                return connection.recv(1024)

        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(5)
            serving = asyncio.create_task(asyncio.to_thread(serve))
            pool = ConnectionPool(verify=ca_file)
            await httpx.AsyncClient(transport=pool).get(f"https://127.0.0.1:{listener.getsockname()[1]}/")
            await pool.aclose()
            # Without a close_notify, recv() raises ssl.SSLEOFError.
            assert await serving == b""

    async def test_closing_twice_is_closing_once(self, server: Server) -> None:
        pool = ConnectionPool()
        await httpx.AsyncClient(transport=pool).get(server.url)
        await pool.aclose()
        await pool.aclose()
        assert pool.idle == 0


class TestOptions:
    @pytest.mark.parametrize("value", [0, -1, 1.5, True, "5", None])
    def test_a_wrong_number_of_connections_is_refused(self, value: Any) -> None:
        with pytest.raises(ConfigurationError, match="max_connections"):
            ConnectionPool(max_connections=value)

    @pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), True, "5", None])
    def test_a_wrong_expiry_is_refused(self, value: Any) -> None:
        with pytest.raises(ConfigurationError, match="keepalive_expiry"):
            ConnectionPool(keepalive_expiry=value)

    def test_the_repr_shows_the_limit_and_the_state(self) -> None:
        assert repr(ConnectionPool(max_connections=7)) == "ConnectionPool(max_connections=7, busy=0, idle=0)"
