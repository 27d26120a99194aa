"""The bulk benchmark's results as text, those of plivo_async next to their goals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.benchmarks.bulk_scenarios import ALL, OURS

HONEST_SHARE, WRONG_SHARE = 0.95, 0.92
WRONG_429S = 60
# Of what the other client asked for; a client that yields nothing leaves it a third.
FOREIGN_SERVED = 0.5
FASTER_THAN_HTTPX, AT = 10.0, 1000
MEMORY_MB = 20
LOOK_AHEAD = 8


def share_of_optimum(run: Mapping[str, Any]) -> float:
    """Records fetched, as a share of what the best possible client has by then; lost ones never come."""
    share: float = run["fetched"] / run["ids"] * min(1.0, run["optimum"] / run["seconds"])
    return share


def lost(run: Mapping[str, Any]) -> int:
    """Call UUIDs without a record in the end."""
    number: int = run["ids"] - run["fetched"]
    return number


def missed(run: Mapping[str, Any]) -> list[str]:
    """The goals that a run of plivo_async missed; in a quick run shares are no goal."""
    group, share, full = run["group"], share_of_optimum(run), not run["quick"]
    goals = {"0 lost": lost(run) == 0}
    if group == "honest":
        goals["0 x 429"] = run["limited"] == 0
    if group == "wrong":
        goals[f"< {WRONG_429S} x 429"] = run["limited"] < WRONG_429S
    if group == "honest" and full:
        goals[f">= {HONEST_SHARE:.0%}"] = share >= HONEST_SHARE
    if group == "wrong" and full:
        goals[f">= {WRONG_SHARE:.0%}"] = share >= WRONG_SHARE
    if group == "shared" and full:
        goals[f"the other's >= {FOREIGN_SERVED:.0%}"] = _served(run) >= FOREIGN_SERVED
    return [goal for goal, met in goals.items() if not met]


def paced_lines(runs: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """A table per scenario."""
    tables: dict[str, list[Mapping[str, Any]]] = {}
    for run in runs:
        tables.setdefault(run["scenario"], []).append(run)
    for scenario, rows in tables.items():
        rows.sort(key=lambda run: ALL.index(run["contender"]))
        shared = rows[0]["group"] == "shared"
        yield f"{scenario}: {rows[0]['ids']:,} records, at best in {rows[0]['optimum']:.2f} s"
        heads = ["", "of the optimum", "seconds", "429s", "lost", "CPU, s"]
        heads += ["the other's served"] if shared else []
        yield from table([*heads, "goals"], [_row(run, shared) for run in rows])
        yield ""


def _row(run: Mapping[str, Any], shared: bool) -> list[str]:
    cells = [
        run["contender"],
        f"{share_of_optimum(run):.1%}",
        f"{run['seconds']:.2f}",
        f"{run['limited']:,}",
        f"{lost(run):,}",
        f"{run['cpu_seconds']:.1f}",
    ]
    if shared:
        cells.append(f"{_served(run):.0%}")
    goals = missed(run) if run["contender"] == OURS else None
    return [*cells, "" if goals is None else f"MISSED: {', '.join(goals)}" if goals else "met"]


def _served(run: Mapping[str, Any]) -> float:
    asked: int = run["foreign"]["requests"]
    limited: int = run["foreign"]["limited"]
    return (asked - limited) / asked


def throughput_lines(results: Mapping[str, Mapping[int, Mapping[str, float]]]) -> Iterable[str]:
    """Calls a second and CPU per call, without a limit."""
    ours, others = results[OURS], results["httpx"]
    heads = ["in flight", "plivo_async, calls/s", "CPU/call", "httpx, calls/s", "CPU/call", "ratio", "goal"]
    rows = []
    for level, own in ours.items():
        other = others[level]
        ratio = own["calls_per_second"] / other["calls_per_second"]
        goal = f"{_verdict(ratio >= FASTER_THAN_HTTPX)}: >= {FASTER_THAN_HTTPX:g}x" if level == AT else ""
        rows.append([f"{level:,}", *_speed(own), *_speed(other), f"{ratio:.3g}x", goal])
    yield from table(heads, rows)
    if not all(result["warm"] for level in others for result in (ours[level], others[level])):
        yield "*: measured before each caller had two answers, as the warm-up was over"


def _speed(result: Mapping[str, float]) -> list[str]:
    mark = "" if result["warm"] else "*"
    return [f"{result['calls_per_second']:,.4g}{mark}", f"{result['cpu_seconds_per_call'] * 1e3:,.3g} ms"]


def memory_lines(result: Mapping[str, Any]) -> Iterable[str]:
    """Peak memory and look-ahead."""
    growth, ahead = result["peak_growth_bytes"] / 1e6, result["look_ahead"]
    most = LOOK_AHEAD * result["concurrency"]
    yield f"{result['ids']:,} ids through a fake transport: {result['fetched']:,} records"
    yield f"  peak memory grew by {growth:.1f} MB ({_verdict(growth < MEMORY_MB)}: < {MEMORY_MB} MB)"
    yield f"  at most {ahead} ids were ahead of the results ({_verdict(ahead <= most)}: <= {most})"


def _verdict(met: bool) -> str:
    return "met" if met else "MISSED"


def table(heads: list[str], rows: list[list[str]]) -> Iterable[str]:
    """Columns as wide as need be, the first and the last to the left."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        cells[0], cells[-1] = row[0].ljust(widths[0]), row[-1]
        yield "  ".join(cells).rstrip()
