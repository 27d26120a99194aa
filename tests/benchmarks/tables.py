"""The benchmark's results as text, each next to its goal."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

OURS, AGAINST, HTTPX, SDK = "plivo_async", "plivo_async before", "httpx", "plivo"
AIOHTTP, AIOHTTP_BY_HAND, HTTPX_AIOHTTP = "aiohttp", "aiohttp by hand", "httpx-aiohttp"
# Without AGAINST, which needs a checkout.
CONTENDERS = (OURS, AIOHTTP, AIOHTTP_BY_HAND, HTTPX, HTTPX_AIOHTTP, SDK)

SHARE_OF_HTTPX = {1: 0.8, 20: 0.4, 100: 0.1}
SHARES = {AGAINST: 0.5, AIOHTTP_BY_HAND: 1.1, SDK: 0.7}
GROWTH = 1.3
IMPORT_MS = 15
RECORD_BYTES = 1.7 * 1024

Samples = Mapping[str, Mapping[int, Sequence[float]]]


def cpu_lines(samples: Samples) -> Iterable[str]:
    """The table of CPU per call, then of ours in shares of the others'."""
    names, levels = list(samples), list(samples[OURS])
    yield "CPU per call, microseconds of user and system time, median (lowest-highest) of the rounds"
    yield from _table(
        ["in flight", *names],
        [[str(n), *(_spread(samples[name][n]) for name in names)] for n in levels],
    )
    yield ""
    yield "plivo_async as a share of the others, median of the rounds (goal)"
    others = [name for name in names if name != OURS]
    rows = [
        [str(n), *(_share(samples[OURS][n], samples[name][n], _goal(name, n)) for name in others)]
        for n in levels
    ]
    yield from _table(["in flight", *others], rows)
    if {1, 500} <= samples[OURS].keys():
        yield ""
        growth = _share(samples[OURS][500], samples[OURS][1], GROWTH)
        yield f"plivo_async at 500 in flight as a share of itself at 1: {growth}"


def other_lines(results: Mapping[str, Any]) -> Iterable[str]:
    """The lines on import, memory and the soak."""
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
    left = results["soak"]["left"]
    yield "Left behind by a soak: " + ", ".join(f"{count} {name}" for name, count in left.items())


def _spread(runs: Sequence[float]) -> str:
    if not runs:
        return "not measured"
    middle = f"{statistics.median(runs) * 1e6:,.0f}"
    return middle if len(runs) == 1 else f"{middle} ({min(runs) * 1e6:,.0f}-{max(runs) * 1e6:,.0f})"


def _goal(name: str, in_flight: int) -> float | None:
    return SHARE_OF_HTTPX.get(in_flight) if name == HTTPX else SHARES.get(name)


def _share(ours: Sequence[float], others: Sequence[float], goal: float | None) -> str:
    # Round by round, because a shared machine is not as fast in one round as in the next.
    ratios = [one / other for one, other in zip(ours, others, strict=False)]
    if not ratios:
        return "not measured"
    ratio = statistics.median(ratios)
    share = f"{ratio:.3g}x"
    return share if goal is None else f"{share} ({_verdict(ratio, goal)}: at most {goal}x)"


def _verdict(value: float, goal: float) -> str:
    return "met" if value <= goal else "NOT MET"


def _table(heads: list[str], rows: list[list[str]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, ["-" * width for width in widths], *rows):
        yield "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
