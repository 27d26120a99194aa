"""A pool under a client that asks for another protocol: it has none to offer, and must not hang."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

SCRIPT = """
    import asyncio, sys
    sys.path.insert(0, sys.argv[1])
    import httpx
    from tests.faults.answers_on_the_wire import says
    from tests.faults.fault_server import Clock, FaultServer, Wire
    from plivo_async import ConnectionPool

    ANSWER = b"HTTP/1.1 101 Switching Protocols\\r\\nConnection: upgrade\\r\\nUpgrade: websocket\\r\\n\\r\\n"

    async def main():
        clock = Clock(asyncio.get_running_loop())
        async with FaultServer(clock, says(ANSWER, Wire.stall)) as server:
            async with httpx.AsyncClient(transport=ConnectionPool()) as http:
                try:
                    await http.get(server.url, headers={"Connection": "upgrade", "Upgrade": "websocket"})
                except httpx.RemoteProtocolError:
                    return 0
        return 1

    sys.exit(asyncio.run(main()))
"""


def test_a_switch_of_protocols_is_an_error() -> None:
    # In a process of its own: an event loop that spins can be ended in no other way.
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(SCRIPT), str(Path(__file__).parents[2])],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
