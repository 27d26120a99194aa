"""A protocol switch that the request asked for ends in an error, not in a busy loop."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

SCRIPT = """
    import asyncio, sys
    sys.path.insert(0, sys.argv[1])
    import httpx
    from tests.faults.responses_on_the_wire import sends
    from tests.faults.fault_server import Clock, FaultServer, Wire
    from plivo_async import ConnectionPool

    ANSWER = b"HTTP/1.1 101 Switching Protocols\\r\\nConnection: upgrade\\r\\nUpgrade: websocket\\r\\n\\r\\n"

    async def main():
        clock = Clock(asyncio.get_running_loop())
        async with FaultServer(clock, sends(ANSWER, Wire.stall)) as server:
            async with httpx.AsyncClient(transport=ConnectionPool()) as http:
                try:
                    await http.get(server.url, headers={"Connection": "upgrade", "Upgrade": "websocket"})
                except httpx.RemoteProtocolError:
                    return 0
        return 1

    sys.exit(asyncio.run(main()))
"""


def test_a_protocol_switch_is_an_error() -> None:
    # In its own process: nothing else can end an event loop that spins.
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(SCRIPT), str(Path(__file__).parents[2])],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
