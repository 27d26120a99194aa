from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async.retry_after import retry_after_seconds

NOW = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)


def seconds(value: str | bytes, **others: str) -> float | None:
    encoded = value.encode() if isinstance(value, str) else value
    others_encoded = [(name.encode(), other.encode()) for name, other in others.items()]
    return retry_after_seconds(httpx.Headers([(b"retry-after", encoded), *others_encoded]))


@given(st.integers(0, 10**10 - 1))
def test_whole_seconds_are_themselves(value: int) -> None:
    assert seconds(str(value)) == value


@pytest.mark.parametrize(
    ("value", "expected"), [("1.5", 1.5), ("0", 0.0), ("007", 7.0), (" 3\t", 3.0), ("0.000000001", 1e-9)]
)
def test_seconds_may_have_a_fraction_zeros_and_blanks_around_them(value: str, expected: float) -> None:
    assert seconds(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "Wed, 25 Nov 2026 12:01:30 GMT",
        "Wednesday, 25-Nov-26 12:01:30 GMT",
        "Wed Nov 25 12:01:30 2026",
        "Wed, 25 Nov 2026 17:31:30 +0530",
        "Wed, 25 Nov 2026 12:01:30 -0000",
    ],
)
def test_every_form_of_an_http_date_counts_from_the_server_s_own_clock(value: str) -> None:
    assert seconds(value, date="Wed, 25 Nov 2026 12:00:00 GMT") == 90.0


@given(st.integers(0, 10**9), st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)))
def test_a_date_is_as_far_away_as_the_server_says(wait: int, now: datetime) -> None:
    sent = now.replace(microsecond=0, tzinfo=UTC)
    due = format_datetime(sent + timedelta(seconds=wait), usegmt=True)
    assert seconds(due, date=format_datetime(sent, usegmt=True)) == wait


@pytest.mark.parametrize("date", [{}, {"date": "yesterday"}, {"date": "Wed, 99 Nov 2026 12:00:00 GMT"}])
def test_without_a_server_s_clock_ours_counts(date: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plivo_async.retry_after.time", SimpleNamespace(time=NOW.timestamp))
    assert seconds("Wed, 25 Nov 2026 12:00:07 GMT", **date) == 7.0


@pytest.mark.parametrize("due", ["13:00:02", "12:01:01"])
def test_without_a_server_s_clock_a_date_is_a_minute_away_at_most(
    due: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plivo_async.retry_after.time", SimpleNamespace(time=NOW.timestamp))
    assert seconds(f"Wed, 25 Nov 2026 {due} GMT") == 60.0


def test_a_date_that_has_passed_means_now() -> None:
    assert seconds("Wed, 25 Nov 2026 11:00:00 GMT", date="Wed, 25 Nov 2026 12:00:00 GMT") == 0.0


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "NaN",
        "inf",
        "-1",
        "+1",
        "1e3",
        "0x10",
        "1_000",
        "1,000",
        "1;2",
        ".5",
        "5.",
        "9" * 11,
        "9" * 5000,
        "٣".encode(),
        "１２".encode(),
        b"\xb2",
        "12 seconds",
        "soon",
        "Wed, 25 Nov 100000 12:00:00 GMT",
        "Wed, 25 Nov 2026 99:99:99 GMT",
        "Wed, 32 Nov 2026 12:00:00 GMT",
        "Wed, 25 Nov 2026 12:00:00 +999999999999",
        "Mon, " + "1" * 30,
        "Wed, 25 Nov 2026 12:00:00 GMT, Wed, 25 Nov 2026 12:00:00 GMT",
        "2026-11-25T12:00:00Z",
    ],
)
def test_an_invalid_value_means_no_wait(value: str | bytes) -> None:
    assert seconds(value, date="Wed, 25 Nov 2026 12:00:00 GMT") is None


def test_a_missing_header_means_no_wait() -> None:
    assert retry_after_seconds(httpx.Headers({"date": "Wed, 25 Nov 2026 12:00:00 GMT"})) is None


def test_a_repeated_header_means_no_wait() -> None:
    assert retry_after_seconds(httpx.Headers([("retry-after", "1"), ("Retry-After", "1")])) is None


def survives(value: bytes, date: bytes) -> None:
    found = retry_after_seconds(httpx.Headers([(b"retry-after", value), (b"date", date)]))
    assert found is None or (math.isfinite(found) and found >= 0)


@given(st.binary(), st.binary())
def test_no_bytes_crash_it(value: bytes, date: bytes) -> None:
    survives(value, date)


DATE_LIKE = st.from_regex(
    r"(Mon|Sun),? ?[0-9]{1,3}[ -](Jan|Feb|Foo)?[ -][0-9]{0,6} [0-9:. -]{0,12} "
    r"?(GMT|EST|[+-][0-9]{1,12}|\(|\")?",
    fullmatch=True,
)


@given(DATE_LIKE, DATE_LIKE)
def test_nothing_that_looks_like_a_date_crashes_it(value: str, date: str) -> None:
    survives(value.encode("ascii"), date.encode("ascii"))
