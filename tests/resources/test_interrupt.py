from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

# Prints a line for each outcome, and what is left after Ctrl-C.
PROGRAM = """
import asyncio, signal, sys

from plivo_async import AsyncClient
from plivo_async.testing import FakePlivo

# The tests may run in the background, where a shell has SIGINT ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
taken = 0


async def main(url, fake):
    global taken
    async with AsyncClient(fake.auth_id, fake.auth_token, base_url=url, rate_limit=None) as client:
        try:
            if sys.argv[1] == "awaited":
                print("taken", flush=True)
                await client.calls.get_many(fake.call_uuids)
            async with client.calls.get_many(fake.call_uuids) as batch:
                async for outcome in batch:
                    taken += 1
                    print("taken", flush=True)
        except asyncio.CancelledError:
            print("tasks left:", len(asyncio.all_tasks()) - 1)
            record = await client.calls.get(fake.call_uuids[0])
            print("client usable:", record.call_uuid == fake.call_uuids[0])
            raise


fake = FakePlivo(latency=0.01, rate_limit=None)
fake.generate(100_000)
with fake.serve() as url:
    try:
        asyncio.run(main(url, fake))
    except KeyboardInterrupt:
        print("interrupted after", taken)
"""


@pytest.mark.parametrize("how", ["iterated", "awaited"])
def test_ctrl_c_leaves_what_was_taken_no_task_and_a_client_that_can_be_used(how: str) -> None:
    command = [sys.executable, "-W", "error", "-c", PROGRAM, how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        killing = threading.Timer(60, process.kill)
        killing.start()
        for _ in range(1 if how == "awaited" else 50):
            assert process.stdout.readline() == "taken\n"
        process.send_signal(signal.SIGINT)
        # Not by communicate(), which knows nothing of the lines that readline() has read ahead.
        out, err = process.stdout.read(), process.stderr.read()
        killing.cancel()
    lines = [line for line in out.splitlines() if line != "taken"]
    taken = out.splitlines().count("taken") + 50
    assert lines == [
        "tasks left: 0",
        "client usable: True",
        f"interrupted after {0 if how == 'awaited' else taken}",
    ]
    assert (err, process.returncode) == ("", 0)
