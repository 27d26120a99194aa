from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from rich.console import Console

from plivo_async.cli.grouping import Grouping
from plivo_async.cli.summary import Run, Summary
from plivo_async.cli.summary_table import duration, summary_tables
from plivo_async.record.model import CallDetailRecord


def rendered(summary: Summary, run: Run | None = None) -> str:
    file = io.StringIO()
    Console(file=file, width=80).print(summary_tables(summary, run))
    return file.getvalue()


def summary_of(*sent: dict[str, Any]) -> Summary:
    summary = Summary()
    for each in sent:
        summary.add(CallDetailRecord.from_json(json.dumps({"call_uuid": "c", **each})))
    return summary


_INBOUND = {
    "call_direction": "inbound",
    "answer_time": "2022-10-12 21:57:47+05:30",
    "call_duration": 61,
    "billed_duration": 120,
    "total_amount": "0.01100",
    "hangup_cause_code": 4000,
}
_OUTBOUND = {"call_direction": "outbound", "total_amount": "1234.5", "hangup_cause_code": 3000}


def test_a_summary_looks_like_this() -> None:
    run = Run(read=1020, written=2, failed=3, skipped=4, duplicates=5, without_id=1006, seconds=4.0)
    run.failures.update(["NotFoundError", "NotFoundError", "ServerError"])

    text = rendered(summary_of(_INBOUND, _OUTBOUND, {}), run)

    assert [line.strip("│ ") for line in text.splitlines()[1:13]] == [
        "Read         1,020",
        "Written      2 in 4.0 s (0.5 per second)",
        "Failed       3: 2 NotFoundError, 1 ServerError",
        "Skipped      4 written before",
        "Duplicates   5 repeated ids",
        "Without id   1,006 rows",
        "Records      3",
        "Answered     1 (33.3%)",
        "Duration     61 s (0:01:01)",
        "Billed       120 s (0:02:00)",
        "Amount       1,234.51100",
        "No amount    1 record",
    ]


def test_a_run_that_was_stopped_and_the_range_of_end_times_are_shown() -> None:
    run = Run(read=1, written=1, unfinished=3, is_complete=False, output="calls.ndjson")
    ends = [{"end_time": f"2026-01-0{day} 03:04:05+00:00"} for day in (1, 2)]

    lines = [line.strip("│ ") for line in rendered(summary_of(*ends), run).splitlines()]

    assert lines[2:7] == [
        "Complete     no: the input was not read to its end",
        "Unfinished   3 read, neither written nor failed",
        "Output       calls.ndjson",
        "Records      2",
        "Ended        2026-01-01 03:04+00:00 to 2026-01-02 03:04+00:00",
    ]


def test_causes_and_directions_have_tables_with_a_total() -> None:
    lines = [
        " ".join(line.strip("│ ").split()) for line in rendered(summary_of(_INBOUND, _OUTBOUND)).splitlines()
    ]

    assert "Hang-up cause Calls Answered Billed s Amount" in lines
    assert "4000 Normal Hangup 1 100.0% 120 0.01100" in lines
    assert "3000 No Answer 1 0.0% 0 1,234.50000" in lines
    assert "inbound 1 100.0% 120 0.01100" in lines
    assert lines.count("Total 2 50.0% 120 1,234.51100") == 2


def test_a_total_of_one_row_is_left_out() -> None:
    assert "Total" not in rendered(summary_of(_INBOUND))


def test_a_missing_name_is_shown_as_none() -> None:
    assert rendered(summary_of({})).count("(none)") == 2


def test_an_empty_summary_shows_only_counts() -> None:
    text = rendered(Summary(), Run())

    assert "Written   0 in 0.0 s" in text
    assert "Hang-up" not in text
    assert "Amount" not in text


def test_control_characters_and_markup_in_names_are_escaped() -> None:
    text = rendered(summary_of({"hangup_cause_name": "\x1b[31m[bold]x", "call_direction": "\x07"}))

    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[bold]" in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (59.94, "59.9 s"),
        (60, "0:01:00"),
        (90061, "1 day, 1:01:01"),
        (1e15, "1,000,000,000,000,000 s"),
    ],
)
def test_a_duration_is_readable(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_rest_of_many_groups_is_one_row() -> None:
    summary = Summary((Grouping("number"),))
    for number in range(45):
        for _ in range(1 + (number < 40)):
            summary.add(CallDetailRecord(call_uuid="c", from_number=f"n{number}"))

    shown = rendered(summary)
    assert re.search(r"n39 .* 2 ", shown)
    assert re.search(r"5 others .* 5 ", shown)
    assert "n40" not in shown
