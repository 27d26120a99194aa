"""The walk over a list that grows while it is read, without an event loop: every order of responses."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from plivo_async.resources.listing.reading import PageRequest
from plivo_async.resources.listing.spans import Span, Window
from plivo_async.resources.listing.walk import Walk
from tests.resources.listing.simulated import NOW, SimulatedList, uuid_of

DAYS_30 = timedelta(days=30)


def walk_of(days: float = 89, page_size: int = 20) -> Walk:
    return Walk(Span(NOW - timedelta(days=days), NOW).windows(DAYS_30), page_size)


@define(eq=False)
class Result:
    """What came out of a walk."""

    uuids: list[str] = field(factory=list[str])
    requests: list[PageRequest] = field(factory=list[PageRequest])


def run(
    walk: Walk, calls: SimulatedList, *, concurrency: int = 8, chance: random.Random | None = None
) -> Result:
    """Walk over a list; `chance` chooses which of the requests under way is answered next, else the first."""
    result, under_way = Result(), list[PageRequest]()
    while True:
        request = walk.ask() if len(under_way) < concurrency else None
        if request is not None:
            result.requests.append(request)
            under_way.append(request)
            continue
        if not under_way:
            assert walk.is_over
            return result
        answered = under_way.pop(chance.randrange(len(under_way)) if chance else 0)
        page = calls.page(answered)
        turns = walk.refused(answered) if page is None else walk.received(answered, page)
        assert turns is not None
        result.uuids += [row.outcome.call_uuid for _, rows in turns for row in rows]


def in_span(calls: SimulatedList) -> list[str]:
    return [uuid_of(number) for age, number in calls.rows if age > 0]


def full(count: int, days: float = 89) -> SimulatedList:
    calls = SimulatedList()
    calls.fill(count, days)
    return calls


def change_meta(**changes: Any) -> Callable[[dict[str, Any], int], object]:
    """A change of `meta`; a callable computes the value from the total, None leaves the key out."""

    def alter(page: dict[str, Any], number: int) -> object:
        total = page["meta"]["total_count"]
        for name, value in changes.items():
            page["meta"][name] = value(total) if callable(value) else value
            if page["meta"][name] is None and name == "total_count":
                del page["meta"][name]
        return page

    return alter


class TestAListThatIsQuiet:
    @pytest.mark.parametrize("count", [0, 1, 19, 20, 21, 40, 61, 300])
    def test_comes_out_in_its_order_and_whole(self, count: int) -> None:
        calls, walk = full(count), walk_of()
        assert run(walk, calls).uuids == in_span(calls)
        assert (walk.complete, walk.missing, walk.repeated, walk.late) == (True, 0, 0, 0)
        assert (walk.total, walk.warnings) == (count, [])

    def test_of_one_window_takes_one_request_a_page(self) -> None:
        assert len(run(walk_of(7), full(100, 7)).requests) == 5

    def test_of_several_windows_takes_one_more_for_each_but_the_last(self) -> None:
        assert len(run(walk_of(), full(300)).requests) == 6 + 6 + 5 + 2

    def test_has_its_total_after_the_first_pages(self) -> None:
        calls, walk = full(300), walk_of()
        for _ in range(3):
            assert walk.total is None
            request = walk.ask()
            assert request is not None
            assert request.offset == 0
            page = calls.page(request)
            assert page is not None
            walk.received(request, page)
        assert walk.total == 300

    def test_waits_for_the_first_page(self) -> None:
        walk = walk_of(7)
        assert walk.ask() is not None
        assert walk.ask() is None
        assert not walk.is_over

    def test_without_times_is_one_window(self) -> None:
        walk, calls = Walk([Window()], 20), full(50)
        assert run(walk, calls).uuids == in_span(calls)
        assert all("end_time__gte" not in query for query in calls.queries)


class TestOddPages:
    @pytest.mark.parametrize("page_size", [1, 7, 20])
    @pytest.mark.parametrize("most_rows", [1, 3, 20])
    def test_a_server_may_send_fewer_rows_than_asked_for(self, page_size: int, most_rows: int) -> None:
        calls, walk = full(90), walk_of(page_size=page_size)
        calls.most_rows = most_rows
        assert run(walk, calls).uuids == in_span(calls)
        assert (walk.complete, walk.repeated) == (True, 0)

    @pytest.mark.parametrize(
        "next_page", [None, True, False, "/v1/Account/MA/Call/?offset=7", "https://other.invalid/", ""]
    )
    @pytest.mark.parametrize("total", [str, None, lambda total: True, lambda total: -1, lambda total: "7x"])
    def test_neither_next_nor_total_count_is_needed(self, next_page: object, total: Any) -> None:
        calls, walk = full(130), walk_of()
        calls.alter = change_meta(next=next_page, total_count=total)
        assert run(walk, calls).uuids == in_span(calls)
        assert walk.complete
        if total is not str:
            assert walk.total is None
            assert [warning.partition(": ")[2] for warning in walk.warnings] == [
                "total_count is missing: checked by reading until no row moved"
            ] * 3

    @pytest.mark.parametrize("total", [0, 1, 19, 42])
    def test_a_total_below_what_came_is_wrong(self, total: int) -> None:
        calls, walk = full(70, 7), walk_of(7)
        calls.alter = change_meta(total_count=total)
        assert run(walk, calls).uuids == in_span(calls)
        assert walk.complete
        assert "total_count is wrong" in walk.warnings[0]

    @pytest.mark.parametrize(("excess", "most_requests"), [(1, 12), (5, 12), (2000, 90), (10**9, 90)])
    def test_a_total_above_what_can_be_found_ends_incomplete(self, excess: int, most_requests: int) -> None:
        calls, walk = full(70, 7), walk_of(7)
        calls.alter = change_meta(total_count=lambda total: total + excess)
        result = run(walk, calls)
        assert result.uuids == in_span(calls)
        assert (walk.complete, walk.missing) == (False, excess)
        window = "2026-11-21 12:00:00 to 2026-11-28 12:00:00 UTC"
        assert walk.warnings == [f"{window}: {excess} of the records that Plivo counts were not found"]
        assert len(result.requests) <= most_requests

    def test_a_total_that_is_missing_in_the_check_is_missing(self) -> None:
        calls, walk = full(70, 7), walk_of(7)
        wrong, missing = change_meta(total_count=90), change_meta(total_count=None)
        calls.alter = lambda page, number: wrong(page, number) if number == 1 else missing(page, number)
        assert run(walk, calls).uuids == in_span(calls)
        assert walk.complete
        assert "total_count is missing" in walk.warnings[0]

    def test_a_total_that_falls_without_a_reason_is_wrong(self) -> None:
        calls, walk = full(70, 7), walk_of(7)
        high, low = change_meta(total_count=90), change_meta(total_count=30)
        calls.alter = lambda page, number: (high if number < 4 else low)(page, number)
        assert run(walk, calls).uuids == in_span(calls)
        assert walk.complete
        assert "total_count is wrong" in walk.warnings[0]

    @pytest.mark.parametrize("gone", [1, 20, 70, 101])
    def test_records_that_get_too_old_meanwhile_are_not_missed(self, gone: int) -> None:
        calls, walk = full(100, 30), walk_of(30)
        uuids = in_span(calls)

        def expire(number: int) -> None:
            if number == 3:
                calls.add(60)
            if number == 7:
                del calls.rows[-gone:]

        calls.before = expire
        result = run(walk, calls, concurrency=1)
        late = [uuid_of(100)] if gone < 101 else []
        assert sorted(result.uuids) == [*uuids, *late]
        assert (walk.complete, walk.missing, walk.warnings) == (True, 0, [])
        assert len(result.requests) < 20

    def test_rows_that_are_exchanged_are_no_list_that_is_complete(self) -> None:
        calls, walk = full(100, 30), walk_of(30)
        uuids = in_span(calls)

        def exchange(number: int) -> None:
            if number == 3:
                calls.add(60)
            if number == 7:
                calls.rows.clear()
                calls.fill(60, 30)

        calls.before = exchange
        result = run(walk, calls, concurrency=1)
        assert set(result.uuids) >= {*uuids, *in_span(calls)}
        assert "total_count is wrong" in walk.warnings[0]

    def test_totals_that_change_without_a_reason_end_incomplete(self) -> None:
        calls, walk = full(70, 7), walk_of(7)
        calls.alter = change_meta(total_count=lambda total: total + 1 + len(calls.queries) % 2)
        result = run(walk, calls)
        assert result.uuids == in_span(calls)
        assert not walk.complete
        assert len(result.requests) < 200

    def test_windows_without_totals_are_checked_once(self) -> None:
        calls, walk = full(100), walk_of()
        calls.before = lambda number: calls.add(60) if number == 4 else None

        def alter(page: dict[str, Any], number: int) -> object:
            if page["meta"]["total_count"] < 34:
                del page["meta"]["total_count"]
            return page

        calls.alter = alter
        assert sorted(run(walk, calls).uuids) == sorted(in_span(calls))
        assert walk.complete

    def test_one_wrong_total_among_right_ones_costs_little(self) -> None:
        calls, walk = full(70, 7), walk_of(7)
        wrong = change_meta(total_count=10**6)
        calls.alter = lambda page, number: wrong(page, number) if number == 1 else page
        result = run(walk, calls)
        assert (result.uuids, walk.complete, walk.warnings) == (in_span(calls), True, [])
        assert len(result.requests) < 20

    def test_a_page_may_be_longer_than_asked_for(self) -> None:
        calls, walk = full(90, 7), walk_of(7, page_size=5)

        def ignore_limit(page: dict[str, Any], number: int) -> object:
            offset = page["meta"]["offset"]
            more = [{"call_uuid": uuid} for uuid in in_span(calls)[offset : offset + 20]]
            return page | {"objects": more}

        calls.alter = ignore_limit
        assert run(walk, calls).uuids == in_span(calls)
        assert walk.complete

    @pytest.mark.parametrize("has_total", [True, False])
    def test_a_page_may_have_each_row_twice(self, has_total: bool) -> None:
        calls, walk = full(90, 7), walk_of(7)
        total = change_meta(total_count=None)

        def twice(page: dict[str, Any], number: int) -> object:
            page["objects"] = [row for row in page["objects"] for _ in range(2)]
            return page if has_total else total(page, number)

        calls.alter = twice
        assert run(walk, calls).uuids == in_span(calls)
        assert (walk.complete, walk.repeated) == (True, 90)

    @pytest.mark.parametrize("days", [7, 89])
    def test_a_list_may_have_a_row_in_two_places(self, days: int) -> None:
        calls, walk = full(300, days), walk_of(days)
        calls.rows.insert(10, calls.rows[70])
        assert sorted(run(walk, calls).uuids) == sorted(set(in_span(calls)))
        assert (walk.complete, walk.warnings) == (True, [])

    @pytest.mark.parametrize("hidden", [0, 1])
    def test_rows_of_the_same_second_may_change_places(self, hidden: int) -> None:
        """A row that another one replaces on a page is found, or counts as missing."""
        calls, walk = full(200, 7), walk_of(7)

        def mix(page: dict[str, Any], number: int) -> object:
            uuids, offset = in_span(calls), page["meta"]["offset"]
            # Groups of 30 rows, which have no order among them.
            groups = [uuids[first : first + 30] for first in range(0, 200, 30)]
            mixed = [uuid for group in groups for uuid in random.Random(number).sample(group, len(group))]
            rows = mixed[offset : offset + page["meta"]["limit"]]
            shown = [uuid if uuid not in uuids[:hidden] else uuids[1] for uuid in rows]
            return page | {"objects": [{"call_uuid": uuid} for uuid in shown]}

        calls.alter = mix
        assert sorted(run(walk, calls).uuids) == sorted(in_span(calls)[hidden:])
        assert (walk.complete, walk.missing) == (not hidden, hidden)

    def test_rows_may_be_out_of_order(self) -> None:
        calls, walk = full(300), walk_of()

        def shuffle(page: dict[str, Any], number: int) -> object:
            random.Random(number).shuffle(page["objects"])
            return page

        calls.alter = shuffle
        assert sorted(run(walk, calls).uuids) == sorted(in_span(calls))
        assert walk.complete

    @pytest.mark.parametrize("has_total", [True, False])
    @pytest.mark.parametrize("empty", [None, "missing"])
    def test_a_page_without_rows_ends_no_list_that_goes_on(self, has_total: bool, empty: str | None) -> None:
        calls, walk = full(300, 7), walk_of(7)
        total = change_meta(total_count=None)

        def lose(page: dict[str, Any], number: int) -> object:
            if number == 4 and has_total:
                page["objects"] = None
            if not page["objects"] and empty:
                del page["objects"]
            return page if has_total else total(page, number)

        calls.alter = lose
        assert sorted(run(walk, calls).uuids) == sorted(in_span(calls))
        assert walk.complete

    @pytest.mark.parametrize("has_total", [True, False])
    def test_a_server_that_ignores_the_offset_ends_the_list(self, has_total: bool) -> None:
        calls, walk = full(300, 7), walk_of(7)
        first = [{"call_uuid": uuid} for uuid in in_span(calls)[:20]]
        change = change_meta(next="/more", **({} if has_total else {"total_count": None}))
        calls.alter = lambda page, number: change(page | {"objects": first}, number)
        result = run(walk, calls)
        assert (len(result.uuids), walk.complete) == (20, False)
        assert walk.missing == (280 if has_total else None)
        assert len(result.requests) < 250


class TestAWindowThatIsRefused:
    @pytest.mark.parametrize("days", [20, 10, 3])
    def test_is_split_until_it_fits(self, days: int) -> None:
        calls, walk = full(500), walk_of()
        calls.longest = timedelta(days=days)
        assert run(walk, calls).uuids == in_span(calls)
        assert walk.complete

    def test_is_refused_when_it_can_be_split_no_more(self) -> None:
        walk = walk_of(7)
        request = walk.ask()
        for _ in range(8):
            assert request is not None
            assert walk.refused(request) is not None
            request = walk.ask()
        assert request is not None
        assert walk.refused(request) is None

    def test_keeps_what_it_has_of_it(self) -> None:
        """A server may refuse an offset that is too high for it."""
        calls, walk = full(200, 30), walk_of(30)

        def refuse(number: int) -> None:
            far = int(calls.queries[-1]["offset"]) == 100
            calls.longest = timedelta(days=20 if far else 30)

        calls.before = refuse
        assert run(walk, calls).uuids == in_span(calls)
        assert walk.complete

    def test_without_times_is_not_split(self) -> None:
        walk = Walk([Window()], 20)
        request = walk.ask()
        assert request is not None
        assert walk.refused(request) is None

    def test_in_a_check_is_not_split(self) -> None:
        calls, walk = full(30), walk_of()
        requests = [walk.ask() for _ in range(3)]
        for request in requests:
            assert request is not None
            page = calls.page(request)
            assert page is not None
            walk.received(request, page)
        check = walk.ask()
        assert check is not None
        assert walk.refused(check) is None


class TestLateRecords:
    @pytest.mark.parametrize("count", [100, 3000])
    @pytest.mark.parametrize("where", ["newest", "anywhere", "one place"])
    def test_are_found_and_nothing_is_lost_or_doubled(self, count: int, where: str) -> None:
        calls, walk, chance = full(count), walk_of(), random.Random(count)

        def add(number: int) -> None:
            if number % 3 == 0 and number < count / 20:
                age = {"newest": 3600, "anywhere": 89 * 86400, "one place": 1}[where] * chance.random()
                calls.add(age + (40 * 86400 if where == "one place" else 0))
            # New calls end after the span.
            calls.add(-5 - number)

        calls.before = add
        result = run(walk, calls, chance=chance)
        assert sorted(result.uuids) == sorted(in_span(calls))
        assert walk.complete
        assert walk.late > 0 or count == 100

    def test_among_the_newest_cost_few_requests(self) -> None:
        calls, walk = full(4000, 7), walk_of(7)
        calls.before = lambda number: calls.add(60) if number == 150 else None
        result = run(walk, calls)
        assert sorted(result.uuids) == sorted(in_span(calls))
        assert (walk.complete, walk.late) == (True, 1)
        # The pages, the check, a search of eight steps.
        assert len(result.requests) <= 200 + 1 + 10 + 1

    @pytest.mark.parametrize("place", [0.0, 0.3, 0.999])
    def test_one_is_found_wherever_it_is(self, place: float) -> None:
        calls, walk = full(1000, 7), walk_of(7)
        calls.before = lambda number: calls.add(place * 7 * 86400 + 1e-3) if number == 50 else None
        assert sorted(run(walk, calls, concurrency=1).uuids) == sorted(in_span(calls))
        assert walk.complete

    def test_a_block_of_them_is_found(self) -> None:
        calls, walk = full(4000, 7), walk_of(7)

        def add(number: int) -> None:
            if number == 190:
                for step in range(200):
                    calls.add(2 * 86400 + step / 1e3)

        calls.before = add
        assert sorted(run(walk, calls).uuids) == sorted(in_span(calls))
        assert walk.complete

    def test_a_block_of_them_is_found_where_it_is_looked_for_first(self) -> None:
        calls, walk = full(2000, 7), walk_of(7)

        def add(number: int) -> None:
            if number == 90:
                for step in range(400):
                    calls.add(3.5 * 86400 + step / 1e3)

        calls.before = add
        assert sorted(run(walk, calls).uuids) == sorted(in_span(calls))
        assert walk.complete

    def test_without_totals_are_found_by_reading_again(self) -> None:
        calls, walk = full(200, 7), walk_of(7)
        calls.before = lambda number: calls.add(60) if number == 6 else None
        calls.alter = change_meta(total_count=None)
        assert sorted(run(walk, calls).uuids) == sorted(in_span(calls))
        assert (walk.complete, walk.late) == (True, 1)

    @pytest.mark.parametrize("has_total", [True, False])
    def test_that_never_cease_end_a_walk_that_says_so(self, has_total: bool) -> None:
        calls, walk = full(60, 7), walk_of(7)
        calls.before = lambda number: calls.add(3 * 86400 + 1 / number)
        if not has_total:
            calls.alter = change_meta(total_count=None)
        result = run(walk, calls)
        assert len(set(result.uuids)) == len(result.uuids)
        assert not walk.complete
        assert walk.warnings
        assert len(result.requests) < 400

    def test_that_never_cease_in_several_windows_end_with_a_warning(self) -> None:
        calls, walk = full(60), walk_of()
        calls.before = lambda number: calls.add(86400 + 1 / number) if number % 3 == 0 else None
        result = run(walk, calls)
        assert len(set(result.uuids)) == len(result.uuids)
        assert "records were still written late when the list ended" in walk.warnings
        assert len(result.requests) < 400

    @given(seed=st.integers(0, 2**32))
    def test_of_any_kind_are_found_in_any_order_of_responses(self, seed: int) -> None:
        """Many lists, page sizes, rates and places of late records, and oddities at once."""
        chance = random.Random(seed)
        days = chance.choice([1, 20, 40, 89])
        calls = full(chance.choice([0, 1, 19, 20, 21, 40, 200, 600]), days)
        calls.most_rows = chance.choice([20, 20, 7, 3])
        calls.longest = timedelta(days=chance.choice([30, 30, 10]))
        rate, last, centre = chance.choice([0.05, 0.3, 1]), chance.choice([10, 30, 60]), chance.random()
        came: dict[str, int] = {}

        def add(number: int) -> None:
            if number < last and chance.random() < rate:
                came[uuid_of(calls.next_number)] = number
                share = centre if chance.random() < 0.3 else chance.random()
                calls.add(share * days * 86400 + chance.random() if chance.random() < 0.7 else 60)

        calls.before = add
        calls.alter = chance.choice(
            [lambda page, number: page, change_meta(total_count=str), change_meta(next=None)]
        )
        walk = walk_of(days, page_size=chance.choice([20, 20, 5]))
        result = run(walk, calls, concurrency=chance.choice([1, 2, 8, 32]), chance=chance)
        assert len(set(result.uuids)) == len(result.uuids)
        # What came during the last check of all windows may be in a window that was checked before.
        windows = len({request.window for request in result.requests})
        missing = {
            uuid
            for uuid in set(in_span(calls)) - set(result.uuids)
            if came.get(uuid, 0) <= len(calls.queries) - windows
        }
        assert (missing, walk.complete) == (set(), True)


def test_a_walk_that_is_stopped_asks_for_nothing_and_is_not_complete() -> None:
    walk = walk_of(7)
    assert walk.ask() is not None
    walk.stop()
    assert walk.ask() is None
    assert (walk.is_over, walk.complete, walk.missing) == (True, False, None)
