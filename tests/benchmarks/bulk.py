"""Measures many calls at once: under the account's rate limit, without one, and with a million ids.

From a clone, in a virtual environment:

    pip install -e . -r tests/benchmarks/requirements.txt
    python -m tests.benchmarks.bulk

Under the limit: every client fetches the same 1,500 records from a local server process of its own that
allows 300 requests per 5 s and answers after 50 ms, on loopback. At best that takes 20.05 s. The window is
fixed (and begins with the first request), sliding, or a bucket; a 429 has a Retry-After or none. plivo_async
runs with its defaults, aiolimiter is configured with the same limit. httpx + gather starts all calls at once
and has a connection for each; httpx-retries, with its defaults and with a backoff, and aiolimiter have 32
calls under way, as a batch of plivo_async has; the SDK runs in a thread pool.

"Of the optimum" is the share of records fetched by the time that took, or by the best possible time if that
is later: a record lost never counts. 429s are the server's count. "The other's served" is what a second
client of the same account got of what it asked for, a third of the limit in steady steps, while the first
one ran.

Runs wait most of their time, so several run at once, those of plivo_async apart from the others, begun one
after the other. Without a limit they run one by one. `--quick` has fewer records, scenarios and contenders,
and 120 requests per 2 s: the machine's noise and each adaptation weigh more there, so shares are no goal.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

from tests.benchmarks.bulk_contenders import FOREIGN_ID
from tests.benchmarks.bulk_scenarios import FULL, GATHER, OURS, QUICK, Account, Scenario, scenarios
from tests.benchmarks.bulk_server import BulkServer
from tests.benchmarks.bulk_tables import memory_lines, paced_lines, throughput_lines
from tests.benchmarks.bulk_throughput import CONTENDERS
from tests.benchmarks.local_server import AUTH_ID

_HERE = Path(__file__).parent
_PARTS = ("paced", "throughput", "memory")
_PACKAGES = (
    "plivo-async", "httpx", "httpcore", "h11", "anyio", "sniffio",
    "httpx-retries", "aiolimiter", "plivo", "requests", "urllib3",
)  # fmt: skip
_ANSWER_SECONDS = 0.05
# An end for what hangs; the slowest takes a minute.
_LONGEST_RUN_SECONDS = 300.0
# Between the begins of what runs at once, in windows: bursts that meet would hold each other up.
_STAGGER_WINDOWS = 0.19
_AT_ONCE = (5, 4, 1)


def main() -> None:
    options = _parser().parse_args()
    parts = options.only or _PARTS
    results: dict[str, Any] = {"environment": _facts(), "load": [os.getloadavg()[0]]}
    _say(*(f"{name}: {value}" for name, value in results["environment"].items()), "")
    with ThreadPoolExecutor(1) as beside:
        memory = None
        if "memory" in parts:
            memory = beside.submit(_script, "bulk_memory.py", "100000" if options.quick else "1000000")
        if "paced" in parts:
            results["paced"] = _paced(options.quick, options.ours)
            _say(*paced_lines(results["paced"]))
        if memory is not None:
            results["memory"] = memory.result()
            _say(*memory_lines(results["memory"]), "")
    if "throughput" in parts:
        results["throughput"] = _throughput(options.quick)
        _say(f"No limit, answers after {_ANSWER_SECONDS * 1e3:g} ms")
        _say(*throughput_lines(results["throughput"]), "")
    results["load"].append(os.getloadavg()[0])
    _say("Load of the machine before and after: {:.1f}, {:.1f}".format(*results["load"]))
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure many calls at once against other clients.")
    parser.add_argument("--quick", action="store_true", help="less of everything, in a minute")
    parser.add_argument("--only", action="append", choices=_PARTS, help="this part; may be repeated")
    parser.add_argument("--ours", action="store_true", help="under the limit plivo_async alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every result to FILE")
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


def _paced(quick: bool, only_ours: bool) -> list[dict[str, Any]]:
    """All runs under a limit: plivo_async, then the others that wait, then what keeps a core busy."""
    account = QUICK if quick else FULL
    runs = [(scenario, name) for scenario in scenarios(quick) for name in scenario.contenders]
    groups = [[run for run in runs if run[1] == OURS]]
    if not only_ours:
        groups.append([run for run in runs if run[1] not in (OURS, GATHER)])
        groups.append([run for run in runs if run[1] == GATHER])
    return [
        result
        for group, most in zip(groups, _AT_ONCE, strict=False)
        for result in _at_once(account, group, most)
    ]


def _at_once(account: Account, runs: Iterable[tuple[Scenario, str]], most: int) -> list[dict[str, Any]]:
    def run(scenario: Scenario, contender: str) -> dict[str, Any]:
        with turn:
            time.sleep(_STAGGER_WINDOWS * account.per)
        return _paced_run(account, scenario, contender)

    turn = threading.Lock()
    with ThreadPoolExecutor(most) as pool:
        return list(pool.map(lambda arguments: run(*arguments), runs))


def _paced_run(account: Account, scenario: Scenario, contender: str) -> dict[str, Any]:
    configured = [round(account.requests * scenario.configured), account.per]
    with BulkServer(account.delay, scenario.limit(account)) as server:
        job = {"port": server.port, "ids": account.ids, "configured": configured}
        if not scenario.foreign:
            result = _script("bulk_contenders.py", contender, json.dumps(job))
        else:
            other = {"port": server.port, "per_second": scenario.foreign}
            with subprocess.Popen(
                _command("bulk_contenders.py", "foreign", json.dumps(other)),
                env=_environment(),
                stdin=subprocess.PIPE,
            ) as foreign:
                assert foreign.stdin is not None
                try:
                    result = _script("bulk_contenders.py", contender, json.dumps(job))
                finally:
                    foreign.stdin.close()
    result |= {
        "scenario": str(scenario),
        "group": scenario.group,
        "contender": contender,
        "quick": account is QUICK,
        "ids": account.ids,
        "optimum": account.optimum(scenario.kind, scenario.foreign),
        **server.counted[AUTH_ID],
    }
    if scenario.foreign:
        result["foreign"] = server.counted[FOREIGN_ID]
    return result


def _throughput(quick: bool) -> dict[str, dict[int, Any]]:
    levels = (20, 1000) if quick else (20, 100, 300, 1000)
    warm_up, seconds = ("3", "1") if quick else ("20", "5")
    results: dict[str, dict[int, Any]] = {name: {} for name in CONTENDERS}
    for level in levels:
        for name in CONTENDERS:
            with BulkServer(_ANSWER_SECONDS) as server:
                arguments = [name, str(level), str(server.port), warm_up, seconds]
                results[name][level] = _script("bulk_throughput.py", *arguments)
    return results


def _environment() -> dict[str, str]:
    """Ours without what would tilt the scales: proxies, and Python options such as not to cache bytecode."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTHON") and not name.lower().endswith("_proxy")
    }


def _command(script: str, *arguments: str) -> list[str]:
    return [sys.executable, str(_HERE / script), *arguments]


def _script(script: str, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        _command(script, *arguments),
        env=_environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=_LONGEST_RUN_SECONDS if script != "bulk_memory.py" else None,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join([*lines, ""]))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
