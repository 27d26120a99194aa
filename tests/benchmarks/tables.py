"""The benchmark's results as text, each next to its goal."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

OURS, HTTPX, AIOHTTP, SDK = "plivo_async", "httpx", "httpx-aiohttp", "plivo"
CONTENDERS = (OURS, HTTPX, AIOHTTP, SDK)

SHARE_OF_HTTPX = {1: 0.8, 20: 0.4, 100: 0.1}
SHARE_OF_SDK = 0.7
GROWTH = 1.3
IMPORT_MS = 15
RECORD_BYTES = 1.7 * 1024

Samples = Mapping[str, Mapping[int, Sequence[float]]]


def cpu_lines(samples: Samples) -> Iterable[str]:
    """The table of CPU per call, then of ours in shares of the others'."""
    levels = list(samples[OURS])
    medians = {
        name: {n: statistics.median(runs) for n, runs in samples[name].items() if runs} for name in samples
    }
    yield "CPU per call, microseconds of user and system time, median (lowest-highest) of the rounds"
    yield from _table(
        ["in flight", *CONTENDERS],
        [[str(n), *(_spread(samples[name][n]) for name in CONTENDERS)] for n in levels],
    )
    yield ""
    yield "plivo_async as a share of the others (goal)"
    rows = []
    for n in levels:
        ours = medians[OURS][n]
        goals = {HTTPX: SHARE_OF_HTTPX.get(n), AIOHTTP: None, SDK: SHARE_OF_SDK}
        rows.append([str(n), *(_share(ours, medians[name].get(n), goal) for name, goal in goals.items())])
    yield from _table(["in flight", HTTPX, AIOHTTP, SDK], rows)
    if {1, 500} <= medians[OURS].keys():
        yield ""
        growth = _share(medians[OURS][500], medians[OURS][1], GROWTH)
        yield f"plivo_async at 500 in flight as a share of itself at 1: {growth}"


def other_lines(results: Mapping[str, Any]) -> Iterable[str]:
    """The lines on import, memory and cancellation."""
    base, *added = ((name, seconds * 1e3) for name, seconds in results["import_seconds"].items())
    size = results["bytes_per_record"]
    yield f"Import, CPU over the {base[1]:.0f} ms of {base[0]} (goal for plivo_async: at most {IMPORT_MS} ms)"
    for name, milliseconds in added:
        verdict = f" ({_verdict(milliseconds, IMPORT_MS)})" if name.startswith(OURS) else ""
        yield f"  {name}: {milliseconds:.1f} ms{verdict}"
    yield (
        f"Memory: {size / 1024:.2f} KiB per decoded record "
        f"({_verdict(size, RECORD_BYTES)}: at most {RECORD_BYTES / 1024:.1f} KiB)"
    )
    counts = results["cancellations"]
    yield "Random cancellations, pool of 10: " + ", ".join(
        f"{count} {name}" for name, count in counts.items()
    )


def _spread(runs: Sequence[float]) -> str:
    if not runs:
        return "not measured"
    middle = f"{statistics.median(runs) * 1e6:,.0f}"
    return middle if len(runs) == 1 else f"{middle} ({min(runs) * 1e6:,.0f}-{max(runs) * 1e6:,.0f})"


def _share(ours: float, other: float | None, goal: float | None) -> str:
    if other is None:
        return "not measured"
    share = f"{ours / other:.3g}x"
    return share if goal is None else f"{share} ({_verdict(ours / other, goal)}: at most {goal}x)"


def _verdict(value: float, goal: float) -> str:
    return "met" if value <= goal else "NOT MET"


def _table(heads: list[str], rows: list[list[str]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, ["-" * width for width in widths], *rows):
        yield "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
