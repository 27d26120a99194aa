"""The result of a sync as a table and as JSON. Pure."""

from __future__ import annotations

from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from plivo_async.cli.number_table import FRAME
from plivo_async.cli.summary_table import duration
from plivo_async.sync import SyncReport


def sync_table(report: SyncReport, seconds: float) -> RenderableType:
    """Return a table of the counts."""
    table = Table(box=FRAME, show_header=False, border_style="dim")
    table.add_column(style="bold cyan")
    table.add_column(overflow="fold")
    for name, value in _facts(report, seconds):
        table.add_row(name, Text(value))
    return table


def _facts(report: SyncReport, seconds: float) -> list[tuple[str, str]]:
    changes = report.changes
    read = changes.total + report.failed
    per_second = f" ({read / seconds:,.1f} per second)" if read and seconds else ""
    fields = ", ".join(f"{count:,} {name}" for name, count in changes.fields.most_common())
    facts = [
        ("Ended from", f"{report.since:%Y-%m-%d %H:%M:%S} UTC"),
        ("until", f"{report.until:%Y-%m-%d %H:%M:%S} UTC"),
        ("Read", f"{read:,} in {duration(seconds)}{per_second}"),
        ("New", f"{changes.new:,}" + (f", {report.late:,} of them written late" if report.late else "")),
        ("Changed", f"{changes.changed:,}" + (f": {fields}" if fields else "")),
        ("Unchanged", f"{changes.unchanged:,}"),
    ]
    if report.failed:
        facts.append(("Failed", f"{report.failed:,}"))
    if not report.complete:
        facts.append(("Missing", f"{report.missing:,}" if report.missing else "unknown"))
    return facts


def sync_dict(report: SyncReport, seconds: float) -> dict[str, Any]:
    """Return values for JSON; times are in ISO 8601."""
    changes = report.changes
    lost = None
    if report.lost_since is not None and report.lost_until is not None:
        lost = {"since": report.lost_since.isoformat(), "until": report.lost_until.isoformat()}
    return {
        "since": report.since.isoformat(),
        "until": report.until.isoformat(),
        "complete": report.complete,
        "read": changes.total + report.failed,
        "new": changes.new,
        "changed": changes.changed,
        "unchanged": changes.unchanged,
        "failed": report.failed,
        "missing": report.missing,
        "late": report.late,
        "changed_fields": dict(changes.fields.most_common()),
        "lost": lost,
        "requests": report.requests,
        "elapsed_seconds": round(seconds, 3),
        "warnings": list(report.warnings),
    }
