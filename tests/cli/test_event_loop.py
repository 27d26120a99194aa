from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from plivo_async.cli.app import run
from plivo_async.cli.event_loop import DaemonExecutor, run_loop


@pytest.fixture
def blocked() -> Iterator[threading.Event]:
    """An event that nobody sets before the end of the test."""
    event = threading.Event()
    yield event
    event.set()


def test_the_loop_ends_while_a_thread_is_blocked(blocked: threading.Event) -> None:
    async def main() -> str:
        waiting = asyncio.get_running_loop().run_in_executor(None, blocked.wait)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(waiting, 0.01)
        return "ended"

    assert run_loop(main()) == "ended"
    assert not blocked.is_set()


def test_a_blocked_thread_is_not_joined_when_python_ends(blocked: threading.Event) -> None:
    known = set(threading.enumerate())
    executor = DaemonExecutor()
    executor.submit(blocked.wait)
    executor.shutdown()

    (thread,) = (thread for thread in threading.enumerate() if thread not in known)
    assert thread.daemon
    blocked.set()
    thread.join(30)
    assert not thread.is_alive()


def test_functions_run_in_threads_and_return_or_raise() -> None:
    executor = DaemonExecutor()

    assert executor.submit(threading.current_thread).result(30) is not threading.main_thread()
    assert executor.submit(max, 3, 5, key=lambda number: -number).result(30) == 3
    with pytest.raises(ZeroDivisionError):
        executor.submit(divmod, 1, 0).result(30)


def test_at_most_32_threads_run_and_the_rest_waits_for_one(blocked: threading.Event) -> None:
    executor = DaemonExecutor()
    before = threading.active_count()
    waiting = [executor.submit(blocked.wait) for _ in range(40)]

    assert threading.active_count() - before == 32
    cancelled = waiting.pop()
    assert cancelled.cancel()
    blocked.set()
    assert all(future.result(30) for future in waiting)


def test_a_deadline_ends_the_command_although_the_name_server_does_not_respond(
    blocked: threading.Event, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def look_up(*_: object, **__: object) -> list[Any]:
        blocked.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setenv("PLIVO_AUTH_ID", "MA1")
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", "t")

    assert run(["get", "--deadline", "0.1", "--base-url", "https://plivo.example", "a-call"]) == 3
    assert "DeadlineExceededError" in capsys.readouterr().err
    assert not blocked.is_set()


def test_too_many_open_files_for_an_event_loop_are_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(asyncio.events, "new_event_loop", fail)
    monkeypatch.setenv("PLIVO_AUTH_ID", "MA1")
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", "t")

    assert run(["get", "a-call"]) == 1
    assert capsys.readouterr().err == "plivo-async: Too many open files\n"
