from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async.sync import SyncState
from plivo_async.sync.plan import (
    DEFAULT_LOOK_BACK,
    Span,
    advanced,
    first_length,
    first_state,
    next_length,
    pieces,
    plan,
)
from tests.sync.records import BEGIN, NOW, state

KEPT = timedelta(days=90)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def test_the_first_sync_asks_for_all_that_is_kept() -> None:
    chosen = plan(first_state("MA1", "calls", NOW, KEPT), NOW, DEFAULT_LOOK_BACK, KEPT)
    assert chosen.span == Span(BEGIN, NOW)
    assert chosen.lost is None


def test_a_later_sync_looks_back_from_the_newest_call() -> None:
    known = state(newest=NOW - HOUR)
    assert plan(known, NOW + DAY, 6 * HOUR, KEPT).span == Span(NOW - 7 * HOUR, NOW + DAY)


def test_a_sync_looks_back_no_further_than_the_first_one() -> None:
    known = state(since=NOW - 2 * HOUR, newest=NOW)
    assert plan(known, NOW, 6 * HOUR, KEPT).span.since == NOW - 2 * HOUR


def test_a_newest_call_after_the_end_of_what_was_read_does_not_count() -> None:
    known = state(until=NOW - DAY, newest=NOW)
    assert plan(known, NOW, HOUR, KEPT).span.since == NOW - DAY - HOUR


def test_without_a_call_so_far_a_sync_asks_for_all_again() -> None:
    assert plan(state(newest=None), NOW, HOUR, KEPT).span.since == BEGIN


def test_a_clock_that_was_ahead_makes_a_later_sync_skip_nothing() -> None:
    # The clock said three days more than it was.
    known = state(until=NOW + 3 * DAY, newest=NOW)
    assert plan(known, NOW + 2 * DAY, HOUR, KEPT).span == Span(NOW - HOUR, NOW + 2 * DAY)
    assert plan(known, NOW + 4 * DAY, HOUR, KEPT).span == Span(NOW - HOUR, NOW + 4 * DAY)


def test_a_clock_that_is_behind_does_not_turn_a_span_round() -> None:
    assert plan(state(), NOW - DAY, HOUR, KEPT).span == Span(NOW - DAY - HOUR, NOW - DAY)


def test_calls_that_are_no_longer_kept_are_reported_as_lost() -> None:
    chosen = plan(state(), NOW + 100 * DAY, HOUR, KEPT)
    assert chosen.lost == Span(NOW, NOW + 10 * DAY)
    assert chosen.span.since == NOW + 10 * DAY


def test_a_target_of_which_no_span_was_read_has_lost_none() -> None:
    begun = first_state("MA1", "calls", NOW, KEPT)
    assert plan(begun, NOW + DAY, HOUR, KEPT).lost is None


def test_an_account_without_calls_has_lost_none() -> None:
    assert plan(state(newest=None), NOW + 10 * DAY, HOUR, KEPT).lost is None


@pytest.mark.parametrize(
    ("span", "length"),
    [(Span(NOW - 7 * HOUR, NOW), 7 * HOUR), (Span(NOW - 90 * DAY, NOW), DAY)],
)
def test_a_short_span_is_read_at_once_and_a_long_one_begins_with_a_day(span: Span, length: timedelta) -> None:
    assert first_length(span, 6 * HOUR) == length


@pytest.mark.parametrize(
    ("length", "records", "after"),
    [
        (DAY, 0, 4 * DAY),
        (DAY, 10_000, 2 * DAY),
        (DAY, 40_000, DAY / 2),
        (DAY, 10_000_000, DAY / 4),
        (20 * DAY, 0, 30 * DAY),
        (20 * timedelta(minutes=1), 10_000_000, timedelta(minutes=15)),
    ],
)
def test_the_next_span_aims_at_20000_records(length: timedelta, records: int, after: timedelta) -> None:
    assert next_length(length, records) == after


def test_a_span_is_counted_in_pieces_that_one_query_may_cover() -> None:
    assert list(pieces(Span(NOW - 70 * DAY, NOW))) == [
        Span(NOW - 70 * DAY, NOW - 40 * DAY),
        Span(NOW - 40 * DAY, NOW - 10 * DAY),
        Span(NOW - 10 * DAY, NOW),
    ]


def test_a_span_that_was_read_advances_the_state() -> None:
    known = advanced(state(until=NOW - DAY, newest=None), Span(NOW - DAY, NOW), NOW - HOUR)
    assert known == state(newest=NOW - HOUR)


def test_a_span_without_calls_keeps_the_newest_one() -> None:
    known = state(newest=NOW - HOUR)
    assert advanced(known, Span(NOW, NOW + DAY), None) == state(until=NOW + DAY, newest=NOW - HOUR)


def test_the_look_back_alone_does_not_move_the_state_back() -> None:
    assert advanced(state(), Span(NOW - DAY, NOW - HOUR), NOW - 2 * HOUR) == state()


# A call ends, its record is written some minutes later; the runs of a sync begin at any time.
_MINUTES = st.integers(0, 60 * 24 * 80)


@given(
    runs=st.lists(_MINUTES, min_size=1, max_size=12),
    calls=st.lists(st.tuples(_MINUTES, st.integers(0, 360)), max_size=30),
    wrong_clocks=st.lists(st.integers(-3000, 3000), min_size=12, max_size=12),
)
def test_no_record_that_is_at_most_the_look_back_late_is_missed(
    runs: list[int], calls: list[tuple[int, int]], wrong_clocks: list[int]
) -> None:
    """Also where the clock was wrong at some of the runs, as long as it is right at the last one."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    minute = timedelta(minutes=1)
    known: SyncState = first_state("MA1", "calls", begin, KEPT)
    found: set[int] = set()
    last = 60 * 24 * 81
    for at, wrong in [*zip(sorted(runs), wrong_clocks, strict=False), (last, 0)]:
        span = plan(known, begin + (at + wrong) * minute, 360 * minute, KEPT).span
        written = {
            number: begin + ended * minute for number, (ended, late) in enumerate(calls) if ended + late <= at
        }
        read = {number: ended for number, ended in written.items() if span.since <= ended < span.until}
        found |= read.keys()
        known = advanced(known, span, max(read.values(), default=None))
    assert found == set(range(len(calls)))
