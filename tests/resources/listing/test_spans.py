"""The span of a list, and its windows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async import ConfigurationError, RetentionError
from plivo_async.resources.listing.spans import Span, Window, find_span, utc_text

NOW = datetime(2026, 11, 28, 12, 0, 0, 123456, tzinfo=UTC)
DAY = timedelta(days=1)
INDIA = timezone(timedelta(hours=5, minutes=30))


def span(since: object = None, until: object = None, zone: object = None, **more: Any) -> Span:
    rules: dict[str, Any] = {"now": NOW, "default": 7 * DAY, "kept": 90 * DAY, **more}
    return find_span(since, until, zone, **rules)


class TestSpan:
    def test_is_the_last_7_days_by_default(self) -> None:
        assert span() == Span(NOW - 7 * DAY, NOW)

    def test_begins_7_days_before_its_end_by_default(self) -> None:
        assert span(until=NOW - DAY) == Span(NOW - 8 * DAY, NOW - DAY)

    def test_is_in_utc(self) -> None:
        since = datetime(2026, 11, 1, tzinfo=INDIA)
        assert utc_text(span(since).since) == "2026-10-31 18:30:00"

    def test_of_dates_begins_at_midnight_in_the_zone(self) -> None:
        found = span(date(2026, 11, 1), date(2026, 11, 2), "Asia/Kolkata")
        assert [utc_text(found.since), utc_text(found.until)] == [
            "2026-10-31 18:30:00",
            "2026-11-01 18:30:00",
        ]
        assert span(date(2026, 11, 1), zone=UTC).since == datetime(2026, 11, 1, tzinfo=UTC)

    def test_of_a_date_knows_summer_time(self) -> None:
        found = span(date(2026, 10, 24), date(2026, 10, 26), ZoneInfo("Europe/Berlin"))
        assert found.until - found.since == timedelta(hours=49)

    def test_begins_at_the_first_time_that_there_is_if_its_end_is_too_early(self) -> None:
        first = datetime.min.replace(tzinfo=UTC)
        assert span(until=first + timedelta(days=1), kept=None).since == first

    def test_does_not_end_in_the_future(self) -> None:
        assert span(until=NOW + DAY).until == NOW

    def test_may_begin_90_days_ago_by_the_callers_clock(self) -> None:
        assert span(NOW - 90 * DAY - timedelta(seconds=2)) == Span(NOW - 90 * DAY, NOW)

    def test_of_what_is_kept_for_ever_begins_at_any_time(self) -> None:
        assert span(NOW - 900 * DAY, kept=None).since == NOW - 900 * DAY


class TestABoundThatIsRefused:
    @pytest.mark.parametrize("name", ["since", "until"])
    @pytest.mark.parametrize(
        ("value", "message"),
        [
            (datetime(2026, 11, 1), "must have a time zone, such as datetime(2026, 11, 1, tzinfo=UTC)"),
            (date(2026, 11, 1), "is a date, datetime.date(2026, 11, 1): pass the zone in which it begins"),
            ("2026-11-01", "must be an aware datetime or a date, not '2026-11-01'"),
            (1793500000, "must be an aware datetime or a date, not 1793500000"),
            (DAY, "must be an aware datetime or a date, not datetime.timedelta(days=1)"),
            (datetime.min.replace(tzinfo=INDIA), "is out of range: datetime.datetime(1, 1, 1"),
        ],
    )
    def test_is_named_with_what_fits(self, name: str, value: object, message: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            span(**{name: value})
        assert str(caught.value).startswith(f"{name} {message}")

    @pytest.mark.parametrize("zone", ["Asia/Atlantis", "", "../etc", "Asia", "a\0b", "é"])
    def test_has_a_zone_that_does_not_exist(self, zone: str) -> None:
        with pytest.raises(ConfigurationError, match="zone must be the name of a time zone, such as"):
            span(date(2026, 11, 1), zone=zone)

    def test_has_a_zone_of_another_type(self) -> None:
        with pytest.raises(ConfigurationError, match="zone must be a tzinfo or the name of one, .* not 5"):
            span(date(2026, 11, 1), zone=5)

    def test_has_a_zone_without_an_offset(self) -> None:
        class Nowhere(tzinfo):
            def utcoffset(self, dt: datetime | None) -> None:
                return None

            dst = utcoffset

            def tzname(self, dt: datetime | None) -> str:
                return "nowhere"

        with pytest.raises(ConfigurationError, match="since must have a time zone"):
            span(datetime(2026, 11, 1, tzinfo=Nowhere()))

    @pytest.mark.parametrize(
        ("since", "until", "message"),
        [
            (
                NOW - DAY,
                NOW - 2 * DAY,
                "since must be before until, but since=2026-11-27 12:00:00.123456 UTC is after",
            ),
            (
                NOW - DAY,
                NOW - DAY,
                "since must be before until, .* UTC is until=2026-11-27 12:00:00.123456 UTC",
            ),
            (NOW, None, "since must be before until"),
            (NOW + DAY, None, "since must not be in the future, but is 2026-11-29 12:00:00.123456 UTC"),
            (NOW + DAY, NOW + 2 * DAY, "since must not be in the future"),
        ],
    )
    def test_leaves_no_span(self, since: datetime, until: datetime | None, message: str) -> None:
        with pytest.raises(ConfigurationError, match=message):
            span(since, until)


class TestASpanBeyondWhatIsKept:
    def test_is_refused(self) -> None:
        with pytest.raises(RetentionError, match="allow_partial=True lists what is kept") as caught:
            span(NOW - 91 * DAY)
        assert caught.value.oldest == NOW - 90 * DAY
        assert "Plivo keeps records for 90 days, since 2026-08-30 12:00:00.123456 UTC" in str(caught.value)

    def test_may_be_partial(self) -> None:
        found = span(NOW - 91 * DAY, allow_partial=True)
        assert (found.since, found.until) == (NOW - 90 * DAY, NOW)
        [warning] = found.warnings
        assert warning == (
            "not listed: 2026-08-29 12:00:00.123456 to 2026-08-30 12:00:00.123456 UTC, because "
            "Plivo keeps records for 90 days, since 2026-08-30 12:00:00.123456 UTC"
        )

    @pytest.mark.parametrize("allow_partial", [True, False])
    def test_is_refused_if_nothing_is_kept(self, *, allow_partial: bool) -> None:
        with pytest.raises(RetentionError, match="and the span ends before, at"):
            span(NOW - 100 * DAY, NOW - 90 * DAY, allow_partial=allow_partial)


class TestWindows:
    @given(
        seconds=st.integers(1, 90 * 86400),
        longest=st.timedeltas(min_value=timedelta(hours=20), max_value=timedelta(days=30)),
    )
    def test_cover_the_span_without_gaps_the_newest_first(self, seconds: int, longest: timedelta) -> None:
        since = NOW - timedelta(seconds=seconds)
        windows = Span(since, NOW).windows(longest)
        assert windows[0].until == NOW
        assert windows[-1].since == since
        assert all(newer.since == older.until for newer, older in pairwise(windows))
        assert all(w.since and w.until and timedelta() < w.until - w.since <= longest for w in windows)

    def test_may_begin_with_the_first_time_that_there_is(self) -> None:
        first = datetime.min.replace(tzinfo=UTC)
        [window] = Span(first, first + timedelta(days=1)).windows(timedelta(days=30))
        assert window.since == first

    def test_of_90_days_are_3(self) -> None:
        assert len(Span(NOW - 90 * DAY, NOW).windows(30 * DAY)) == 3

    def test_have_both_bounds_in_the_query(self) -> None:
        window = Window(datetime(2026, 11, 1, tzinfo=UTC), NOW)
        assert window.query("end_time") == {
            "end_time__gte": "2026-11-01 00:00:00",
            "end_time__lt": "2026-11-28 12:00:00.123456",
        }
        assert window.text == "2026-11-01 00:00:00 to 2026-11-28 12:00:00.123456 UTC"

    def test_without_bounds_send_none(self) -> None:
        assert (Window().query("add_time"), Window().halves(), Window().text) == ({}, None, "all times")

    def test_are_halved_on_a_whole_second(self) -> None:
        halves = Window(NOW - DAY, NOW).halves()
        assert halves is not None
        middle = datetime(2026, 11, 28, 0, tzinfo=UTC)
        assert halves == (Window(middle, NOW), Window(NOW - DAY, middle))

    def test_of_less_than_an_hour_are_not_halved(self) -> None:
        assert Window(NOW - timedelta(minutes=59), NOW).halves() is None
