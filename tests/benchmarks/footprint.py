"""What importing the package costs, and what a record takes in memory."""

from __future__ import annotations

import gc
import json
import random
import statistics
import subprocess
import sys
import tracemalloc
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from tests.benchmarks.local_server import RECORD

_IMPORTS = {
    "httpx and cattrs": "import httpx, cattrs",
    "plivo_async": "import httpx, cattrs, plivo_async",
    # The package imports its parts when they are asked for, so this is what a program pays that uses it.
    "plivo_async.AsyncClient": "import httpx, cattrs; from plivo_async import AsyncClient",
    "asyncio": "import httpx, cattrs, asyncio",
}
_CPU = "; import time; print(time.process_time())"


def import_seconds(runs: int, environment: Mapping[str, str]) -> dict[str, float]:
    """CPU seconds of a process that imports httpx and cattrs, and what each other import adds to that."""
    samples: dict[str, list[float]] = {name: [] for name in _IMPORTS}
    names = list(_IMPORTS)
    for name in names:
        _process_seconds(_IMPORTS[name], environment)
    for _ in range(runs):
        for name in names:
            samples[name].append(_process_seconds(_IMPORTS[name], environment))
        # None of them always comes right after the same other one.
        random.shuffle(names)
    base, *more = map(statistics.median, samples.values())
    return dict(zip(_IMPORTS, [base, *(total - base for total in more)], strict=True))


def _process_seconds(code: str, environment: Mapping[str, str]) -> float:
    command = [sys.executable, "-c", code + _CPU]
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def record_bytes(records: int) -> float:
    """Live bytes per decoded record, no two of them alike."""
    from plivo_async.record.converter import decode_record, make_converter

    converter = make_converter()
    bodies = _Bodies()
    kept = [decode_record(bodies.next(), converter)] * records
    tracemalloc.start()
    try:
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for index in range(records):
            kept[index] = decode_record(bodies.next(), converter)
        gc.collect()
        return (tracemalloc.get_traced_memory()[0] - before) / records
    finally:
        tracemalloc.stop()


class _Bodies:
    """Bodies with the keys of the documented record and values of their own, from a fixed seed."""

    def __init__(self) -> None:
        self._record = json.loads(RECORD.read_bytes())
        self._random = random.Random(2)

    def next(self) -> bytes:
        rng = self._random
        call_uuid = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        answered = datetime(2022, 10, 12, tzinfo=UTC) + timedelta(seconds=rng.randrange(10**7))
        seconds = rng.randrange(1000, 10000)
        record = self._record | {
            "call_uuid": call_uuid,
            "api_id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            "resource_uri": f"/v1/Account/MA2025RK4E639VJFZAGV/Call/{call_uuid}/",
            "initiation_time": str(answered - timedelta(seconds=rng.randrange(60))),
            "answer_time": str(answered),
            "end_time": str(answered + timedelta(seconds=seconds)),
            "call_duration": seconds,
            "bill_duration": seconds,
            "billed_duration": seconds + rng.randrange(1000, 2000),
            "from_number": f"+1{rng.randrange(10**9, 10**10)}",
            "to_number": f"+44{rng.randrange(10**9, 10**10)}",
            "total_amount": f"{rng.randrange(10**6) / 10**5:.5f}",
            "total_rate": f"{rng.randrange(10**6) / 10**5:.5f}",
            "source_ip": ".".join(str(rng.randrange(256)) for _ in range(4)),
        }
        return json.dumps(record).encode("utf-8")
