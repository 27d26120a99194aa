"""What the clients of other languages do under the same faults, limits and late records.

    pip install -e . -r tests/benchmarks/requirements.txt
    python -m tests.benchmarks.other_clients [--rounds 3] [--only WORD]...

Prints three Markdown tables: each fault of one call, calls one after another, and a list of 1,000 calls while
records come late. Each client is a small program in `tests/benchmarks/clients`, with its SDK as shipped. All
use a fake Plivo on loopback. A client that is not installed is left out. They are found by:

    NODE_PATH    a folder node_modules that has `plivo` (npm install plivo)
    PLIVO_PHP    a clone of plivo-php, with Guzzle on PHP's include path, or its autoload.php in PHP_GUZZLE
    PLIVO_RUBY   a clone of plivo-ruby, with the gems faraday, jwt and htmlentities
    PLIVO_GO     the program that `go build` makes of clients/go_sdk.go
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from attrs import frozen

from plivo_async.testing import Drop, FakePlivo, FakeRateLimit, Fault, StubResponse
from tests.benchmarks.local_server import CALL_UUID

_PROGRAMS = Path(__file__).parent / "clients"
_PATIENCE_SECONDS = 120
_STALL_SECONDS = 12.0
_LISTED = 1000
_LATE = 20
_LATENCY_SECONDS = 0.02

_HTML = StubResponse(200, "<html>maintenance</html>", headers={"Content-Type": "text/html"})
_BUSY = {"Retry-After": "1"}
FAULTS: Mapping[str, list[Fault]] = {
    "one 500": [500],
    "one 503 with `Retry-After: 1`": [StubResponse(503, headers=_BUSY)],
    "503 five times": [503] * 5,
    "one 429 with `Retry-After: 1`": [StubResponse(429, headers=_BUSY)],
    "one connection closed before the response": [Drop()],
    "one body cut short": [Drop(after=100)],
    "one response that stalls for 12 s": [StubResponse(200, delay=_STALL_SECONDS)],
    "one HTML page with status 200": [_HTML],
    "one empty body with status 200": [StubResponse(200, b"")],
    "one JSON error with status 200": [StubResponse(200, {"error": "internal error"})],
    "404": [404],
}
# The name of a list, how many records come late, and the faults of its requests.
_LISTS: tuple[tuple[str, int, list[Fault]], ...] = (
    (f"{_LATE} records come late", _LATE, []),
    ("page 11 gets a 503 first", 0, [*[StubResponse(200)] * 10, 503]),
)


@frozen
class Client:
    """A client that is measured: its name, its command, and what its environment has in addition."""

    name: str
    command: list[str]
    environment: Mapping[str, str] = {}


def _clients() -> list[Client]:
    found = [
        Client("plivo_async", [sys.executable, str(_PROGRAMS / "ours.py")]),
        Client("Python", [sys.executable, str(_PROGRAMS / "python_sdk.py")]),
    ]
    scripts = (("Node", "NODE_PATH", "node"), ("PHP", "PLIVO_PHP", "php"), ("Ruby", "PLIVO_RUBY", "ruby"))
    for name, variable, interpreter in scripts:
        if os.environ.get(variable) and shutil.which(interpreter):
            program = next(_PROGRAMS.glob(f"{name.lower()}_sdk.*"))
            found.append(Client(name, [interpreter, str(program)]))
    if program_of_go := os.environ.get("PLIVO_GO"):
        found.append(Client("Go", [program_of_go]))
    if shutil.which("curl"):
        curl = [sys.executable, str(_PROGRAMS / "curl.py")]
        found += [Client("curl", curl), Client("curl --retry 2", curl, {"CURL_RETRY": "1"})]
    return found


class _Counter:
    """Passes connections on to a server, and counts them."""

    def __init__(self, url: str) -> None:
        self.connections = 0
        self._port = urlsplit(url).port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))
        self._ended = asyncio.Event()

    async def _run(self) -> None:
        async with await asyncio.start_server(self._pass_on, sock=self._listener):
            await self._ended.wait()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self._port)
        with suppress(asyncio.CancelledError):
            await asyncio.gather(_copy(reader, to_server), _copy(from_server, writer))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()
        self._loop.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextmanager
def _served(fake: FakePlivo) -> Iterator[_Counter]:
    with fake.serve() as url, _Counter(url) as counter:
        yield counter


def run(client: Client, fake: FakePlivo, url: str, *arguments: str) -> dict[str, Any]:
    """Return what a client reports."""
    environment = os.environ | {"NO_PROXY": "127.0.0.1", **client.environment}
    ended = subprocess.run(
        [*client.command, url, fake.auth_id, fake.auth_token, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=_PATIENCE_SECONDS,
        check=True,
    )
    lines = ended.stdout.splitlines()
    result: dict[str, Any] = json.loads(lines[-1])
    return result | {"printed": len(lines) - 1}


def _cell(result: dict[str, Any], fake: FakePlivo) -> str:
    outcome = "record" if result["records"] else "; ".join(result["errors"]) or "nothing"
    count = len(fake.requests)
    return f"{outcome[:60]} ({count} request{'s' * (count != 1)}, {result['seconds']:.1f} s)"


def faults(clients: list[Client]) -> Iterator[str]:
    """Yield a table: what one call returns after each fault."""
    yield from _head("Fault", clients)
    for name, script in FAULTS.items():
        cells = [name]
        for client in clients:
            fake = FakePlivo()
            fake.script(script)
            with fake.serve() as url:
                cells.append(_cell(run(client, fake, url, "get", "1", CALL_UUID), fake))
        yield _row(cells)


def sequences(clients: list[Client], rounds: int) -> Iterator[str]:
    """Yield a table: 200 calls one after another, and 150 of them at a limit of 100 per 5 s."""
    yield from _head("Quantity", clients)
    cells: dict[str, list[str]] = {}
    for client in clients:
        fake = FakePlivo(latency=_LATENCY_SECONDS, rate_limit=None)
        seconds = []
        for _ in range(rounds):
            with fake.serve() as url:
                result = run(client, fake, url, "get", "200", CALL_UUID)
            assert result["records"] == 200, result
            seconds.append(result["seconds"])
        with _served(fake) as counter:
            amount = run(client, fake, counter.url, "get", "200", CALL_UUID)["amount"]
        overhead = (statistics.median(seconds) / 200 - _LATENCY_SECONDS) * 1000
        fake = FakePlivo(rate_limit=FakeRateLimit(requests=100, per=5.0, kind="sliding"))
        with fake.serve() as url:
            limited = run(client, fake, url, "get", "150", CALL_UUID)
        after_outage = FakePlivo()
        after_outage.script([503] * 3)
        with after_outage.serve() as url:
            later = run(client, after_outage, url, "get", "4", CALL_UUID)
        for name, cell in (
            ("200 calls: ms each beyond the latency", f"{overhead:.1f}"),
            ("200 calls: connections", str(counter.connections)),
            ("an amount", f"`{amount}`"),
            ("150 calls at 100 per 5 s: records", str(limited["records"])),
            ("the same: 429s", str(fake.over_limit)),
            ("the same: seconds", f"{limited['seconds']:.1f}"),
            ("the same: errors", ", ".join(sorted(set(limited["errors"]))) or "none"),
            ("4 calls, 503 for the first 3 requests: records", str(later["records"])),
            ("these: errors", ", ".join(later["errors"]) or "none"),
        ):
            cells.setdefault(name, [name]).append(cell)
    yield from map(_row, cells.values())


def lists(clients: list[Client]) -> Iterator[str]:
    """Yield a table: the rows of a list of 1,000 calls, with late records, and with a fault on page 11."""
    yield from _head("Rows", clients)
    cells: dict[str, list[str]] = {}
    for client in clients:
        for name, late, script in _LISTS:
            fake = FakePlivo(())
            now = fake.now
            ids = fake.generate(_LISTED, since=now - timedelta(days=6), until=now - timedelta(hours=1))
            for number in range(late):
                fake.publish_later(ids[number * (_LISTED // late)], after_lists=1 + 2 * number)
            fake.script(script)
            with fake.serve() as url:
                result = run(client, fake, url, "list")
            listed, expected = result["ids"], set(ids)
            facts = {
                "missing": len(expected - set(listed)),
                "doubled": len(listed) - len(set(listed)),
                "requests": len(fake.requests),
                "errors": ", ".join(result["errors"]) or "none",
            }
            for fact, value in facts.items():
                cells.setdefault(f"{name}: {fact}", [f"{name}: {fact}"]).append(str(value))
    yield from map(_row, cells.values())


def _head(first: str, clients: list[Client]) -> Iterator[str]:
    yield _row([first, *(client.name for client in clients)])
    yield _row(["---"] * (len(clients) + 1))


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", default=[], help="clients whose name has this word")
    options = parser.parse_args()
    clients = [
        client
        for client in _clients()
        if not options.only or any(word in client.name for word in options.only)
    ]
    for table in (faults(clients), sequences(clients, options.rounds), lists(clients)):
        for line in table:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
