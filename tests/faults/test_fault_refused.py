"""A refused connection, and an unknown host name."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest
from attrs import field, frozen

from plivo_async import AsyncClient, DeadlineExceededError, NetworkError, RetryPolicy
from tests.faults.fault_server import Clock, FaultServer
from tests.faults.leaks import leaks_of
from tests.faults.responses_on_the_wire import CALL_UUID, good
from tests.faults.serving import AUTH_ID, TOKEN, busy, open_sockets

SOON = RetryPolicy(backoff_base=0.001)


@pytest.fixture
def port() -> Iterator[int]:
    """A port that is bound, so that nobody else gets it, and refuses every connection."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@frozen(kw_only=True)
class NotedPolicy(RetryPolicy):
    """Notes that an attempt failed."""

    noted: asyncio.Event = field(factory=asyncio.Event)

    def gap(self, attempt: int, retry_after: float | None, random: float) -> float | None:
        self.noted.set()
        return super().gap(attempt, retry_after, random)


def client_at(port: int, **options: object) -> AsyncClient:
    return AsyncClient(AUTH_ID, TOKEN, base_url=f"http://127.0.0.1:{port}", **options)  # type: ignore[arg-type]


async def test_a_refused_connection_is_tried_three_times(port: int) -> None:
    sockets = open_sockets()
    async with client_at(port, retry=SOON) as client:
        with pytest.raises(NetworkError) as caught:
            await client.calls.get(CALL_UUID)
        error = caught.value
        assert (type(error), error.attempts, error.retryable) == (NetworkError, 3, True)
        assert isinstance(error.__cause__, ConnectionRefusedError)
        assert busy(client) == 0
    assert open_sockets() == sockets
    assert leaks_of(error) == []


async def test_a_call_recovers(clock: Clock) -> None:
    policy = NotedPolicy(backoff_base=30.0, backoff_max=30.0)
    server = FaultServer(clock, good)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server.port = bound.getsockname()[1]
        client = client_at(server.port, retry=policy)
        call = asyncio.create_task(client.calls.get(CALL_UUID))
        await policy.noted.wait()
    async with server, client:
        clock.forward(30.0)
        record = await call
        assert record.call_uuid == CALL_UUID
        assert len(server.requests) == 1


async def test_a_refused_call_may_be_cancelled_at_any_step(port: int) -> None:
    sockets = open_sockets()
    for steps in range(10):
        async with client_at(port) as client:
            call = asyncio.create_task(client.calls.get(CALL_UUID))
            for _ in range(steps):
                await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert busy(client) == 0
            assert asyncio.all_tasks() == {asyncio.current_task()}
        assert open_sockets() == sockets


async def test_a_refusal_is_the_cause_if_the_next_wait_exceeds_the_deadline(port: int) -> None:
    later = RetryPolicy(backoff_base=30.0, backoff_max=30.0)
    async with client_at(port, retry=later, deadline=5.0) as client:
        with pytest.raises(DeadlineExceededError) as caught:
            await client.calls.get(CALL_UUID)
        assert caught.value.attempts == 1
        assert isinstance(caught.value.__cause__, NetworkError)
        assert isinstance(caught.value.__cause__.__cause__, ConnectionRefusedError)


async def test_an_unknown_host_is_a_network_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    async with AsyncClient(AUTH_ID, TOKEN, base_url="https://nobody.invalid", retry=SOON) as client:
        with pytest.raises(NetworkError) as caught:
            await client.calls.get(CALL_UUID)
        assert caught.value.attempts == 3
        assert isinstance(caught.value.__cause__, socket.gaierror)
    assert leaks_of(caught.value) == []
