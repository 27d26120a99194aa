"""Measures one `client.calls.get`: CPU against other clients, import time, memory, a soak.

From a clone, in a virtual environment:

    pip install -e . -r tests/benchmarks/requirements.txt
    python -m tests.benchmarks.one_call

Every client asks the same local server process for the documented record, over plain http on loopback.
Each measurement is a process of its own; in each round all clients take their turn at every number of
calls in flight. The result is that process's user and system CPU time, its imports and warm-up left
out, over the calls completed. Ours runs with retry, deadline, decoding into a record, and a rate limiter
with a limit out of reach. aiohttp, httpx and httpx-aiohttp do `client.get(...)` and `.json()`. "aiohttp by
hand" has our timeouts, a deadline by `asyncio.timeout` and decoding into our record too. The SDK runs
in plain threads with a connection for each, which is kinder than what it ships with. All are allowed as many
connections as calls are in flight. `--against PATH` adds the package of another checkout, for example of an
earlier commit, with the installed libraries.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from tests.benchmarks import local_server
from tests.benchmarks.footprint import import_seconds, record_bytes
from tests.benchmarks.tables import AGAINST, CONTENDERS, HTTPX, OURS, cpu_lines, other_lines

_ROOT = Path(__file__).parents[2]
_LEVELS = (1, 20, 100, 500)
_MANY = 500
_PACKAGES = (
    "plivo-async", "httpx", "httpcore", "h11", "anyio", "sniffio", "attrs", "cattrs",
    "httpx-aiohttp", "aiohttp", "plivo", "requests", "urllib3",
)  # fmt: skip


def main() -> None:
    options = _parser().parse_args()
    rounds = options.rounds or (1 if options.quick else 4)
    warm_up, seconds = (0.2, 0.4) if options.quick else (0.2, 0.6)
    names = [name for name in CONTENDERS if name == OURS or not options.only or name in options.only]
    if options.against is not None:
        names.insert(1, AGAINST)
    facts = _facts()
    _say(*(f"{name}: {value}" for name, value in facts.items()), "")
    samples: dict[str, dict[int, list[float]]] = {name: {level: [] for level in _LEVELS} for name in names}
    with local_server.running(options.delay / 1000) as port:
        for number in range(rounds):
            for level in _LEVELS:
                for name in names:
                    # A call of plain httpx takes a second of CPU here: one run is enough to see it.
                    if name == HTTPX and level >= _MANY and (options.quick or number):
                        continue
                    arguments = [name, str(level), str(port), str(warm_up), str(seconds)]
                    if name == AGAINST:
                        arguments = [OURS, *arguments[1:], str(options.against.resolve(strict=True))]
                    measured = _run("contenders", arguments)
                    samples[name][level].append(measured["cpu_seconds_per_call"])
    _say(*cpu_lines(samples), "")
    if options.only:
        return
    imports = import_seconds(5 if options.quick else 15, _environment())
    soak = _run("soak", ["--json", "--seconds", "5" if options.quick else "60"])
    results = {
        "environment": facts,
        "delay_seconds": options.delay / 1000,
        "cpu_seconds_per_call": samples,
        "import_seconds": imports,
        "bytes_per_record": record_bytes(5_000 if options.quick else 20_000),
        "soak": soak,
    }
    _say(*other_lines(results))
    if options.quick:
        _say("", "One short round each: enough to see that all runs, too little to judge by.")
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure one call against other clients.")
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--rounds", type=int, help="rounds to take the median of (4)")
    parser.add_argument("--delay", type=float, default=0.0, help="milliseconds before each answer (0)")
    parser.add_argument("--against", type=Path, metavar="PATH", help="a checkout to compare with")
    parser.add_argument(
        "--only", nargs="+", choices=CONTENDERS, metavar="NAME", help="compare with these, measure CPU only"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample to FILE")
    return parser


def _facts() -> dict[str, str]:
    facts = {
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "System": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }
    for name in _PACKAGES:
        try:
            facts[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            facts[name] = "not installed"
    return facts


def _environment() -> dict[str, str]:
    """Ours without what would tilt the scales: proxies, and Python options such as not to cache bytecode."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTHON") and not name.lower().endswith("_proxy")
    }


def _run(module: str, arguments: Iterable[str]) -> dict[str, Any]:
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *arguments]
    done = subprocess.run(
        command, cwd=_ROOT, env=_environment(), stdout=subprocess.PIPE, text=True, check=True
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join([*lines, ""]))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
