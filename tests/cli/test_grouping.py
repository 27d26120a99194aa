"""Records are grouped by the time of their end in a zone, or by the number of the account."""

from __future__ import annotations

import json
from datetime import UTC, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from plivo_async.cli.grouping import By, Grouping
from plivo_async.cli.summary import Summary
from plivo_async.record.model import CallDetailRecord

_BERLIN = ZoneInfo("Europe/Berlin")


def record(**sent: Any) -> CallDetailRecord:
    return CallDetailRecord.from_json(json.dumps({"call_uuid": "c", **sent}))


@pytest.mark.parametrize(
    ("by", "zone", "name"),
    [
        ("day", UTC, "2026-03-31"),
        ("month", UTC, "2026-03"),
        ("hour", UTC, "2026-03-31 22:00+00:00"),
        ("day", _BERLIN, "2026-04-01"),
        ("month", _BERLIN, "2026-04"),
        ("hour", _BERLIN, "2026-04-01 00:00+02:00"),
        ("hour", timezone(timedelta(hours=5, minutes=30)), "2026-04-01 03:00+05:30"),
    ],
)
def test_a_time_belongs_to_a_span_in_the_zone(by: By, zone: tzinfo, name: str) -> None:
    assert Grouping(by, zone).name(record(end_time="2026-03-31 15:10:11-07:00")) == name


def test_a_time_at_the_end_of_the_calendar_is_grouped_as_it_is() -> None:
    assert Grouping("day", _BERLIN).name(record(end_time="9999-12-31 23:59:59+00:00")) == "9999-12-31"


def test_a_record_without_an_end_is_in_no_span() -> None:
    assert Grouping("day").name(record()) == ""


@pytest.mark.parametrize(
    ("direction", "number"), [("inbound", "to"), ("outbound", "from"), (None, "from"), ("x", "from")]
)
def test_the_number_is_that_of_the_account(direction: str | None, number: str) -> None:
    sent = record(call_direction=direction, from_number="from", to_number="to")

    assert Grouping("number").name(sent) == number
    assert Grouping("number").name(record(call_direction=direction)) == ""


@pytest.mark.parametrize(
    ("by", "names", "filled"),
    [
        ("day", ["2026-03-02", "2026-02-27", ""], ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02"]),
        ("month", ["2026-01", "2025-11"], ["2025-11", "2025-12", "2026-01"]),
        ("day", ["2026-01-01", "2000-01-01"], ["2000-01-01", "2026-01-01"]),
        (
            "hour",
            ["2026-10-25 01:00+02:00", "2026-10-25 03:00+01:00"],
            [
                f"2026-10-25 0{hour}+0{zone}:00"
                for hour, zone in (("1:00", 2), ("2:00", 2), ("2:00", 1), ("3:00", 1))
            ],
        ),
        ("day", [""], []),
    ],
)
def test_spans_in_between_are_filled_in_unless_they_are_many(
    by: By, names: list[str], filled: list[str]
) -> None:
    assert Grouping(by, _BERLIN).filled(names) == filled


def test_a_summary_sums_up_by_its_groupings() -> None:
    summary = Summary((Grouping("day"), Grouping("number"), Grouping("cause"), Grouping("direction")))
    for day, number in ((3, "1"), (1, "2"), (1, "1"), (None, "1")):
        time = None if day is None else f"2026-01-0{day} 00:00:00+00:00"
        summary.add(
            record(end_time=time, from_number=number, hangup_cause_code=4000, call_direction="outbound")
        )
    by_day, by_number, by_cause, by_direction = (
        [(name, tally.records) for name, tally in summary.grouped(each)] for each in summary.groupings
    )

    assert by_day == [("2026-01-01", 2), ("2026-01-02", 0), ("2026-01-03", 1), ("", 1)]
    assert by_number == [("1", 3), ("2", 1)]
    assert by_cause == [("4000 Normal Hangup", 4)]
    assert by_direction == [("outbound", 4)]
    assert [row["number"] for row in summary.to_dict()["by_number"]] == ["1", "2"]
    assert [row["records"] for row in summary.to_dict()["by_day"]] == [2, 0, 1, 1]


def test_the_number_of_groups_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plivo_async.cli.summary._MAX_GROUPS", 2)
    summary = Summary((Grouping("number"),))
    for number in "abcda":
        summary.add(record(from_number=number))

    rows = [(name, tally.records) for name, tally in summary.grouped(summary.groupings[0])]
    assert rows == [("(others)", 2), ("a", 2), ("b", 1)]
