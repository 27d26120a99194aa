"""Opens a TCP socket to the first address of a host that accepts one (Happy Eyeballs, RFC 8305)."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Iterable
from typing import Any

_HEAD_START_SECONDS = 0.25
_SHOWN_ADDRESSES = 3

# The family, and the address that `sock_connect` takes.
Address = tuple[int, Any]
# Is told each step of the opening, such as "looking up api.plivo.com", in any thread.
Note = Callable[[str], None]

_STANDARD_LOOK_UP = asyncio.BaseEventLoop.getaddrinfo


def _ignore(_step: str) -> None:
    pass


async def open_socket(host: str, port: int, note: Note = _ignore) -> socket.socket:
    """Open a connected, non-blocking socket.

    `loop.create_connection` would do, but if it is cancelled while it races addresses, it leaves a socket to
    the garbage collector.

    Raises:
        OSError: No address accepted a connection, or the name has none (`socket.gaierror`).
    """
    addresses = await _addresses(host, port, note)
    return await (_connect(addresses[0]) if len(addresses) == 1 else _race(addresses))


async def _addresses(host: str, port: int, note: Note) -> list[Address]:
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        found = await _look_up(host, port, note)
        if not found:
            # The resolver of a user or of a tool may return it in place of an error.
            raise socket.gaierror(socket.EAI_NONAME, "the look-up found no address") from None
        addresses = interleave((family, address) for family, _, _, _, address in found)
        note(f"connecting to {host} ({_shown(addresses)})")
        return addresses
    address: Address = (socket.AF_INET if literal.version == 4 else socket.AF_INET6, (host, port))
    note(f"connecting to {_shown([address])}")
    return [address]


async def _look_up(host: str, port: int, note: Note) -> list[tuple[Any, ...]]:
    loop = asyncio.get_running_loop()
    if getattr(loop.getaddrinfo, "__func__", None) is not _STANDARD_LOOK_UP:
        # Of uvloop, which has threads of its own for it, or of a user.
        note(f"looking up {host}")
        return list(await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))

    def begin() -> list[tuple[Any, ...]]:
        note(f"looking up {host}")
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))

    # As asyncio does it. But a look-up that waits behind other work must not pass for a slow name server.
    note(f"waiting for a free executor thread to look up {host}")
    return await loop.run_in_executor(None, begin)


def _shown(addresses: list[Address]) -> str:
    shown = [
        f"[{target[0]}]:{target[1]}" if family == socket.AF_INET6 else f"{target[0]}:{target[1]}"
        for family, target in addresses[:_SHOWN_ADDRESSES]
    ]
    more = len(addresses) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def interleave(addresses: Iterable[Address]) -> list[Address]:
    """Alternate between address families, in case one is unreachable; keep the order within each.

    RFC 8305 section 4.
    """
    by_family: dict[int, list[Address]] = {}
    for address in addresses:
        by_family.setdefault(address[0], []).append(address)
    turns = [(turn, address) for group in by_family.values() for turn, address in enumerate(group)]
    return [address for _, address in sorted(turns, key=lambda pair: pair[0])]


async def _connect(address: Address) -> socket.socket:
    family, target = address
    opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        opened.setblocking(False)
        await asyncio.get_running_loop().sock_connect(opened, target)
    except BaseException:
        opened.close()
        raise
    return opened


async def _race(addresses: list[Address]) -> socket.socket:
    attempts: list[asyncio.Task[socket.socket]] = []
    running: set[asyncio.Task[socket.socket]] = set()
    winner: asyncio.Task[socket.socket] | None = None
    try:
        while winner is None and (running or len(attempts) < len(addresses)):
            if len(attempts) < len(addresses):
                attempts.append(asyncio.create_task(_connect(addresses[len(attempts)])))
                running.add(attempts[-1])
            head_start = _HEAD_START_SECONDS if len(attempts) < len(addresses) else None
            done, running = await asyncio.wait(
                running, timeout=head_start, return_when=asyncio.FIRST_COMPLETED
            )
            winner = next((attempt for attempt in done if attempt.exception() is None), None)
        await _give_up(attempts, winner)
    except BaseException:
        await _give_up(attempts, None)
        raise
    if winner is None:
        raise _all_failed([attempt.exception() for attempt in attempts])
    return winner.result()


async def _give_up(attempts: list[asyncio.Task[socket.socket]], winner: object) -> None:
    losers = [attempt for attempt in attempts if attempt is not winner]
    for attempt in losers:
        attempt.cancel()
        attempt.add_done_callback(_close)
    if losers:
        await asyncio.wait(losers)


def _close(attempt: asyncio.Task[socket.socket]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


def _all_failed(failures: list[BaseException | None]) -> OSError:
    known = [failure for failure in failures if isinstance(failure, OSError)]
    return OSError(known[0].errno, "; ".join(dict.fromkeys(map(str, known))))
