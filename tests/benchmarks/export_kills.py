"""Kills exports with SIGKILL at random moments, resumes them, retries failures, and counts what is missing.

    python -m tests.benchmarks.export_kills [KILLS] [SEED]

Exits 1 if anything is.
"""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from plivo_async.testing import FakePlivo, StubResponse

SIZE = 2000
COMMAND = str(Path(sys.executable).with_name("plivo-async"))


def written(path: Path) -> list[str]:
    """The ids in a finished export."""
    with path.open(newline="") as file:
        if path.suffix == ".csv":
            return [row["call_uuid"] for row in csv.DictReader(file, strict=True)]
        return [json.loads(line)["call_uuid"] for line in file]


def main(kills: int, seed: int) -> int:
    """Exports one file after the other until so many of them were killed."""
    chance = random.Random(seed)
    fake = FakePlivo(rate_limit=None, latency=lambda: chance.uniform(0.005, 0.03))
    ids = list(fake.generate(SIZE, seed=seed))
    lost = doubled = killed = files = torn = 0
    moments = []
    with tempfile.TemporaryDirectory() as name, fake.serve() as url:
        folder = Path(name)
        (folder / "ids.txt").write_text("\n".join(ids))
        environ = {
            **os.environ,
            "PLIVO_AUTH_ID": fake.auth_id,
            "PLIVO_AUTH_TOKEN": fake.auth_token,
            "PLIVO_ASYNC_BASE_URL": url,
            "PLIVO_ASYNC_RATE": "none",
            "NO_PROXY": "127.0.0.1",
        }
        while killed < kills:
            path = folder / f"{files}.{('ndjson', 'csv')[files % 2]}"
            command = [COMMAND, "export", "-q", "-i", "ids.txt", "-o", path.name, "--resume"]
            # Some calls fail the first time, so that the failed file is killed, too.
            for call_uuid in ids[:50]:
                fake.script([StubResponse(404)], call_uuid=call_uuid)
            files += 1
            while True:
                process = subprocess.Popen(
                    command, cwd=folder, env=environ, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
                )
                wait = chance.uniform(0.0, 1.5)
                began = time.monotonic()
                if killed < kills:
                    try:
                        process.wait(wait)
                    except subprocess.TimeoutExpired:
                        process.kill()
                err = process.communicate()[1]
                torn += b"removed an incomplete last line" in err
                if process.returncode in (0, 6):
                    break
                assert process.returncode == -9, (process.returncode, err)
                killed += 1
                moments.append(time.monotonic() - began)
            # What failed is asked for once more, by either way, with another server in the environment.
            retry = [COMMAND, "retry", "-q", "--all", path.name]
            elsewhere = {**environ, "PLIVO_ASYNC_BASE_URL": "http://127.0.0.1:9"}
            way, where = ((command, environ), (retry, elsewhere))[files % 4 // 2]
            again = subprocess.run(way, cwd=folder, env=where, check=False, capture_output=True)
            assert again.returncode == 0, again.stderr
            assert list(folder.glob(f"{path.name}.*")) == []
            counts = Counter(written(path))
            lost += len(set(ids) - counts.keys())
            doubled += sum(count - 1 for count in counts.values())
    sys.stdout.write(
        f"{killed} kills, {min(moments):.2f} to {max(moments):.2f} s after the start, in {files} exports of "
        f"{SIZE:,} ids: {lost} lost, {doubled} doubled, {torn} times a torn line repaired\n"
    )
    return 1 if lost or doubled else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, (*sys.argv[1:3], *("50", "1")[len(sys.argv) - 1 :]))))
