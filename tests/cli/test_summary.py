from __future__ import annotations

import json
from decimal import Decimal, localcontext
from typing import Any

import pytest

from plivo_async.cli.summary import Run, Summary
from plivo_async.record.model import CallDetailRecord


def record(**sent: Any) -> CallDetailRecord:
    return CallDetailRecord.from_json(json.dumps({"call_uuid": "c", **sent}))


def summary_of(*records: CallDetailRecord) -> Summary:
    summary = Summary()
    for each in records:
        summary.add(each)
    return summary


_ANSWER = "2022-10-12 21:57:47+05:30"


def test_counts_seconds_and_amounts_add_up() -> None:
    total = summary_of(
        record(answer_time=_ANSWER, call_duration=5, billed_duration=60, total_amount="0.10000"),
        record(answer_time=None, call_duration=0, billed_duration=0, total_amount="0.20000"),
        record(),
    ).total

    assert (total.records, total.answered, total.without_amount) == (3, 1, 1)
    assert (total.call_seconds, total.billed_seconds) == (5, 60)
    assert str(total.amount) == "0.30000"
    assert total.answered_share == pytest.approx(1 / 3)


def test_no_digit_is_lost_whatever_the_decimal_context() -> None:
    with localcontext() as context:
        context.prec = 2
        total = summary_of(
            record(total_amount="99999999999999999999999999999.00001"),
            record(total_amount="0.0000000000000000000000000000001"),
        ).total

    assert str(total.amount) == "99999999999999999999999999999.0000100000000000000000000000001"


def test_causes_are_grouped_by_code_and_sorted_by_frequency() -> None:
    rows = summary_of(
        record(hangup_cause_code=3000, hangup_cause_name="NO_ANSWER"),
        record(hangup_cause_code=4000, hangup_cause_name="Normal Hangup", total_amount="1.5"),
        record(hangup_cause_code=4000, hangup_cause_name="NORMAL", call_direction="inbound"),
        record(hangup_cause_code=4242, hangup_cause_name="Gremlins"),
        record(hangup_cause_name="Old Name"),
        record(),
        record(),
    ).by_cause()

    assert [(code, name, tally.records) for code, name, tally in rows] == [
        (4000, "Normal Hangup", 2),
        (None, "", 2),
        (3000, "No Answer", 1),
        (4242, "Gremlins", 1),
        (None, "Old Name", 1),
    ]
    assert rows[0][2].amount == Decimal("1.5")


def test_a_code_without_a_name_is_a_cause() -> None:
    assert [row[:2] for row in summary_of(record(hangup_cause_code=4242)).by_cause()] == [(4242, "")]


def test_directions_are_sorted_by_frequency() -> None:
    rows = summary_of(
        record(call_direction="inbound"), record(call_direction="outbound"), record(call_direction="outbound")
    ).by_direction()

    assert [(name, tally.records) for name, tally in rows] == [("outbound", 2), ("inbound", 1)]


def test_an_empty_summary_has_zero_sums() -> None:
    assert Summary().to_dict() == {
        "records": 0,
        "answered": 0,
        "answered_share": 0.0,
        "call_seconds": 0,
        "billed_seconds": 0,
        "amount": "0.00000",
        "without_amount": 0,
        "first_end_time": None,
        "last_end_time": None,
        "by_direction": [],
        "by_cause": [],
    }


def test_amounts_in_json_are_strings_with_every_digit() -> None:
    summed = summary_of(
        record(hangup_cause_code=4000, call_direction="inbound", total_amount="0.10")
    ).to_dict()

    assert summed["amount"] == "0.10000"
    assert (summed["by_cause"][0]["code"], summed["by_cause"][0]["amount"]) == (4000, "0.10000")
    assert (summed["by_direction"][0]["direction"], summed["by_direction"][0]["records"]) == ("inbound", 1)


def test_failures_of_a_run_are_sorted_by_frequency() -> None:
    run = Run(written=1, seconds=1.23456)
    run.failures.update(["A", "B", "B"])

    assert run.to_dict() == {
        "read": 0,
        "written": 1,
        "failed": 0,
        "skipped": 0,
        "duplicates": 0,
        "without_id": 0,
        "unfinished": 0,
        "complete": True,
        "elapsed_seconds": 1.235,
        "failures": {"B": 2, "A": 1},
        "retryable": 0,
        "output": None,
        "failed_file": None,
    }


def test_the_range_of_end_times_spans_all_records() -> None:
    times = ["2026-01-02 03:00:00+05:30", "2026-01-01 22:00:00+00:00", "2026-01-01 21:00:00+00:00", None]
    summed = summary_of(*(record(end_time=time) for time in times)).to_dict()

    assert summed["first_end_time"] == "2026-01-01 21:00:00+00:00"
    assert summed["last_end_time"] == "2026-01-01 22:00:00+00:00"
