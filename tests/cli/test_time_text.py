from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from plivo_async.cli.time_text import TimeTextError, find_zone, parse_length, parse_moment

NOW = datetime(2026, 11, 28, 20, 15, 30, 5, tzinfo=UTC)
KOLKATA = ZoneInfo("Asia/Kolkata")


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        (" 6 H ", timedelta(hours=6)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(days=14)),
        ("0s", timedelta()),
    ],
)
def test_a_length_is_a_number_with_a_unit(text: str, length: timedelta) -> None:
    assert parse_length(text) == length


@pytest.mark.parametrize("text", ["", "6", "h", "-6h", "1.5h", "6 hours", "1h30m", "6y"])
def test_another_length_is_refused(text: str) -> None:
    with pytest.raises(TimeTextError, match="expected a length of time such as 90m, 6h, 7d or 2w"):
        parse_length(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", "2026-11-28T20:15:30.000005+00:00"),
        ("24h", "2026-11-27T20:15:30.000005+00:00"),
        # In India it is the 29th already.
        ("today", "2026-11-28T18:30:00+00:00"),
        ("Yesterday", "2026-11-27T18:30:00+00:00"),
        ("2026-11-01", "2026-10-31T18:30:00+00:00"),
        ("2026-11-01 14:30", "2026-11-01T09:00:00+00:00"),
        ("2026-11-01T14:30:05", "2026-11-01T09:00:05+00:00"),
        ("2026-11-01T14:30:05.25Z", "2026-11-01T14:30:05.250000+00:00"),
        ("2026-11-01 14:30+0100", "2026-11-01T13:30:00+00:00"),
        (" 2026-11-01 14:30-08:00 ", "2026-11-01T22:30:00+00:00"),
    ],
)
def test_a_moment_is_read_in_the_zone(text: str, moment: str) -> None:
    assert parse_moment(text, NOW, KOLKATA).isoformat() == moment


@pytest.mark.parametrize("text", ["now", "7d", "2026-11-01T14:30:00Z"])
def test_a_moment_that_leaves_no_doubt_needs_no_zone(text: str) -> None:
    assert parse_moment(text, NOW, None).tzinfo is UTC


@pytest.mark.parametrize("text", ["today", "2026-11-01", "2026-11-01 14:30"])
def test_a_local_time_without_a_zone_is_refused(text: str) -> None:
    with pytest.raises(TimeTextError, match=f"{text}' has no time zone: add --zone, for example --zone UTC"):
        parse_moment(text, NOW, None)


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "1.11.2026", "11/01/2026", "2026-11", "20261101", "2026-11-01 14"]
)
def test_another_moment_is_refused(text: str) -> None:
    with pytest.raises(TimeTextError, match=r"expected a time such as 7d \(ago\), 2026-11-01"):
        parse_moment(text, NOW, UTC)


@pytest.mark.parametrize("text", ["2026-02-30", "2026-11-01 25:00", "0001-01-01 00:00+14:00"])
def test_a_moment_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(TimeTextError, match="is not a time: "):
        parse_moment(text, NOW, UTC)


def test_a_midnight_is_that_of_the_day_also_when_the_clock_was_changed() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    after_the_change = datetime(2026, 10, 25, 12, tzinfo=berlin)
    assert parse_moment("today", after_the_change, berlin).isoformat() == "2026-10-24T22:00:00+00:00"


def test_a_zone_is_found_by_its_name() -> None:
    assert find_zone("utc") is UTC
    assert find_zone("Asia/Kolkata") == KOLKATA


@pytest.mark.parametrize(("name", "hours"), [("+05:30", 5.5), ("-0800", -8.0), ("+00:00", 0.0)])
def test_a_zone_is_found_by_its_offset(name: str, hours: float) -> None:
    assert find_zone(name).utcoffset(NOW) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Europe/Berln", "did you mean Europe/Berlin"),
        ("Q", "or an offset such as"),
        ("+15:00", "such time zone"),
    ],
)
def test_the_message_for_an_unknown_zone_has_a_hint(name: str, hint: str) -> None:
    with pytest.raises(TimeTextError, match=hint):
        find_zone(name)


def test_a_system_without_zones_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoneinfo.available_timezones", set[str])

    with pytest.raises(TimeTextError, match="and the package tzdata, because this system has no time zones"):
        find_zone("Mars/Base")


@pytest.mark.parametrize("name", ["", "Asia/Calcuta", "../etc/passwd", "Asia"])
def test_a_zone_that_does_not_exist_is_refused(name: str) -> None:
    with pytest.raises(TimeTextError, match="no such time zone; expected a name such as Asia/Kolkata or UTC"):
        find_zone(name)
