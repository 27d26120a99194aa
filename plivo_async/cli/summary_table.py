"""Renders a summary as tables. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from attrs import evolve
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from plivo_async.cli.grouping import Grouping
from plivo_async.cli.number_table import FRAME, NumberTable
from plivo_async.cli.output import counted
from plivo_async.cli.summary import Run, Summary, Tally
from plivo_async.text import printable

# The rest of the groups is one row.
_MAX_ROWS = 40


def summary_tables(
    summary: Summary, run: Run | None = None, notes: Sequence[tuple[str, str]] = ()
) -> RenderableType:
    """Return tables of the sums.

    Args:
        summary: The sums. Its groupings, if it has any, take the place of hang-up cause and direction.
        run: The counts of an export run, which come first.
        notes: Names and values that follow the number of records.
    """
    total = summary.total
    facts = Table(box=FRAME, show_header=False, border_style="dim")
    facts.add_column(style="bold cyan")
    facts.add_column(overflow="fold")
    records, *rest = _total_facts(summary)
    for name, value in (*_run_facts(run), records, *notes, *rest):
        facts.add_row(name, Text(value))
    tables: list[RenderableType] = [facts]
    if summary.groupings and total.records:
        tables += [_with_bars(each, summary.grouped(each), total) for each in summary.groupings]
    elif total.records:
        causes = [
            (" ".join(part for part in ("" if code is None else str(code), name) if part), tally)
            for code, name, tally in summary.by_cause()
        ]
        tables += [
            _grouped("Hang-up cause", causes, total),
            _grouped("Direction", summary.by_direction(), total),
        ]
    return Group(*tables)


def _run_facts(run: Run | None) -> list[tuple[str, str]]:
    if run is None:
        return []
    per_second = f" ({run.written / run.seconds:,.1f} per second)" if run.written and run.seconds else ""
    facts = [("Read", f"{run.read:,}")] if run.read != run.written else []
    facts.append(("Written", f"{run.written:,} in {duration(run.seconds)}{per_second}"))
    if run.failed:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in run.failures.most_common())
        facts.append(("Failed", f"{run.failed:,}: {kinds}"))
    if run.skipped:
        facts.append(("Skipped", f"{run.skipped:,} written before"))
    if run.duplicates:
        facts.append(("Duplicates", counted(run.duplicates, "repeated id")))
    if run.without_id:
        facts.append(("Without id", counted(run.without_id, "row")))
    if not run.is_complete:
        facts.append(("Complete", "no: the input was not read to its end"))
    if run.unfinished:
        facts.append(("Unfinished", f"{run.unfinished:,} read, neither written nor failed"))
    if run.output is not None:
        facts.append(("Output", printable(run.output)))
    return facts


def _total_facts(summary: Summary) -> list[tuple[str, str]]:
    total, first, last = summary.total, summary.first_end, summary.last_end
    facts = [("Records", f"{total.records:,}")]
    if first is not None and last is not None:
        ends = dict.fromkeys(end.isoformat(" ", "minutes") for end in (first, last))
        if first != last:
            facts.append(("Ended", " to ".join(ends)))
    if total.records:
        facts += [
            ("Answered", f"{total.answered:,} ({total.answered_share:.1%})"),
            ("Duration", f"{total.call_seconds:,} s ({duration(total.call_seconds)})"),
            ("Billed", f"{total.billed_seconds:,} s ({duration(total.billed_seconds)})"),
            ("Amount", f"{total.amount:,f}"),
        ]
    if total.without_amount:
        facts.append(("No amount", counted(total.without_amount, "record")))
    return facts


def _grouped(title: str, rows: Sequence[tuple[str, Tally]], total: Tally) -> NumberTable:
    return NumberTable(
        title,
        ("Calls", "Answered", "Billed s", "Amount"),
        [(name or "(none)", _numbers(tally)) for name, tally in rows],
        _numbers(total) if len(rows) > 1 else None,
    )


def _with_bars(grouping: Grouping, rows: Sequence[tuple[str, Tally]], total: Tally) -> NumberTable:
    if not grouping.is_time and len(rows) > _MAX_ROWS + 1:
        others = Tally()
        for _, tally in rows[_MAX_ROWS:]:
            others.merge(tally)
        rows = [*rows[:_MAX_ROWS], (f"{len(rows) - _MAX_ROWS:,} others", others)]
    most = max(tally.records for _, tally in rows)
    table = _grouped(grouping.title, rows, total)
    return evolve(
        table, bars=[(tally.records / most, tally.answered_share * tally.records / most) for _, tally in rows]
    )


def _numbers(tally: Tally) -> tuple[str, ...]:
    return (
        f"{tally.records:,}",
        f"{tally.answered_share:.1%}",
        f"{tally.billed_seconds:,}",
        f"{tally.amount:,f}",
    )


def duration(seconds: float) -> str:
    """Return a duration as text, for example "0:01:05", or "3.2 s" below a minute."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    # A record may contain more seconds than a timedelta can hold.
    return str(timedelta(seconds=round(seconds))) if seconds < 1e13 else f"{seconds:,.0f} s"
